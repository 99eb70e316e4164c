"""What Zeebe's extension elements say about an element: its job, script, user task and variable mappings.

Owns their meaning and their rules. What has an effect that is not supported is refused by name, never skipped.
Sources: zeebe-bpmn-moddle (`resources/zeebe.json`), Camunda 8 "BPMN coverage", "User tasks", "Variables".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from . import model
from .expressions import Expressions
from .model import Job, Script, VariableMapping
from .names import BPMN, EVENTS, EXTENSIONS, EXTENSIONS_IGNORED, EXTENSIONS_REFUSED, JOB_TASKS, ZEEBE
from .report import Report, quote
from .xml_tree import Node

#: Zeebe's default for `zeebe:taskDefinition`.
RETRIES_DEFAULT = "3"
RETRIES_MAX = 2**31 - 1
#: UTF-8 bytes of a static job type: types are keys of the state, whose keys are limited.
JOB_TYPE_SIZE_MAX = 256
#: Header keys that begin with this are Zeebe's own.
RESERVED_HEADER_PREFIX = "io.camunda.zeebe:"


class Extensions(Struct, frozen=True, kw_only=True):
    """The extension elements of one element, by name; those that are refused are not in it."""

    owner: Node
    by_name: Mapping[str, Node]
    refused: bool

    def get(self, name: str) -> Node | None:
        return self.by_name.get(name)


def read_extensions(owner: Node, owner_type: str, report: Report) -> Extensions:
    """The Zeebe extension elements of an element that may be on its type. Other vendors' are not looked at."""
    by_name: dict[str, Node] = {}
    refused = False
    holder = owner.child(BPMN, "extensionElements")
    for extension in holder.children_in(ZEEBE) if holder is not None else ():
        name = extension.name
        if name in EXTENSIONS_IGNORED or (name.endswith("Listeners") and not extension.children):
            continue
        if name in EXTENSIONS_REFUSED:
            message = f"expected no {EXTENSIONS_REFUSED[name]} (zeebe:{name}), which cannot be executed yet; remove it"
        elif name not in EXTENSIONS:
            message = f"expected a known extension element, got zeebe:{quote(name)}; remove it"
        elif owner_type not in EXTENSIONS[name]:
            message = f"expected no zeebe:{name} here, where it has no effect; remove it"
        elif name in by_name:
            message = f"expected one zeebe:{name}, got another; remove one of them"
        else:
            by_name[name] = extension
            continue
        refused = True
        report.refuse(owner, message, at=extension)
    return Extensions(owner=owner, by_name=by_name, refused=refused)


def read_mappings(
    extensions: Extensions, owner_type: str, expressions: Expressions, report: Report
) -> tuple[tuple[VariableMapping, ...], tuple[VariableMapping, ...]]:
    """The input and the output mappings. Inputs may be static; outputs must be FEEL; events have outputs only."""
    holder = extensions.get("ioMapping")
    found: dict[str, list[VariableMapping]] = {"input": [], "output": []}
    owner = extensions.owner
    for node in holder.children_in(ZEEBE) if holder is not None else ():
        if node.name not in found:
            report.refuse(
                owner, f"expected zeebe:input or zeebe:output, got zeebe:{quote(node.name)}; remove it", at=node
            )
        elif node.name == "input" and owner_type in EVENTS:
            report.refuse(owner, "expected no input mapping on an event, where it has no effect; remove it", at=node)
        else:
            mapping = _read_mapping(owner, node, expressions, report)
            if mapping is not None:
                found[node.name].append(mapping)
    return tuple(found["input"]), tuple(found["output"])


def _read_mapping(owner: Node, node: Node, expressions: Expressions, report: Report) -> VariableMapping | None:
    target = expressions.path(owner, node, f"the target of an {node.name} mapping", node.get("target"))
    what = f"the source of the {node.name} mapping to '{quote(node.get('target'))}'"
    if "source" not in node.attributes:
        report.refuse(owner, f"expected {what}, got none; set it", at=node)
        return None
    compile_source = expressions.property if node.name == "input" else expressions.feel
    source = compile_source(owner, node, what, node.get("source"))
    return VariableMapping(source=source, target=target) if source is not None and target else None


def read_headers(extensions: Extensions, report: Report) -> dict[str, str]:
    """The task headers; those without key or value are left out, as in Zeebe."""
    headers: dict[str, str] = {}
    holder = extensions.get("taskHeaders")
    for node in holder.children_in(ZEEBE) if holder is not None else ():
        key, value = node.get("key"), node.get("value")
        if not key or not value:
            continue
        if key.startswith(RESERVED_HEADER_PREFIX):
            message = (
                f"expected a header key without the reserved '{RESERVED_HEADER_PREFIX}', got '{quote(key)}'; rename it"
            )
            report.refuse(extensions.owner, message, at=node)
        elif key in headers:
            message = f"expected one header '{quote(key)}', got another; remove one of them"
            report.refuse(extensions.owner, message, at=node)
        else:
            headers[key] = value
    return headers


def read_job(
    extensions: Extensions, headers: Mapping[str, str], expressions: Expressions, report: Report
) -> Job | None:
    """The job of a task with a zeebe:taskDefinition; None if it has none or a problem."""
    node = extensions.get("taskDefinition")
    if node is None:
        return None
    owner = extensions.owner
    retries_text = node.attributes.get("retries", RETRIES_DEFAULT)
    if not retries_text.startswith("=") and not is_number(retries_text.strip(), 0, RETRIES_MAX):
        message = f"expected the retries of the job to be a number or FEEL, got '{quote(retries_text)}'; correct it"
        report.refuse(owner, message, at=node)
        retries_text = RETRIES_DEFAULT
    retries = expressions.property(owner, node, "the retries of the job", retries_text.strip())
    type_text = node.get("type")
    if not type_text.strip():
        report.refuse(owner, "expected a job type, got none; set the type of zeebe:taskDefinition", at=node)
        return None
    if not type_text.startswith("=") and len(type_text.encode()) > JOB_TYPE_SIZE_MAX:
        message = f"expected a job type of at most {JOB_TYPE_SIZE_MAX} bytes, got '{quote(type_text)}'; shorten it"
        report.refuse(owner, message, at=node)
    job_type = expressions.property(owner, node, "the job type", type_text)
    if job_type is None or retries is None:
        return None
    return Job(type=job_type, retries=retries, headers=headers)


def read_script(extensions: Extensions, expressions: Expressions, report: Report) -> Script | None:
    """The FEEL of a script task with a zeebe:script; None if it has none or a problem."""
    node = extensions.get("script")
    if node is None:
        return None
    owner = extensions.owner
    expression = expressions.feel(owner, node, "the script", node.get("expression"))
    # A result variable is one name: Zeebe sets it as a whole.
    result = expressions.path(owner, node, "the result variable", node.get("resultVariable"))
    if len(result) > 1:
        message = f"expected the result variable to be one name, got '{quote(node.get('resultVariable'))}'; rename it"
        report.refuse(owner, message, at=node)
    return Script(expression=expression, result=result[0]) if expression is not None and result else None


def check_task_kind(extensions: Extensions, owner_type: str, report: Report) -> None:
    """A task that a worker or the engine does must say which: a job type, or a script."""
    if owner_type not in JOB_TASKS:
        return
    has_job, has_script = extensions.get("taskDefinition") is not None, extensions.get("script") is not None
    if extensions.refused:
        # what was refused may have been what says it
        return
    if has_job and has_script:
        message = "expected zeebe:taskDefinition or zeebe:script, got both; remove one of them"
        report.refuse(extensions.owner, message)
    elif not has_job and not has_script:
        wanted = "zeebe:script or zeebe:taskDefinition" if owner_type == model.SCRIPT_TASK else "zeebe:taskDefinition"
        message = f"expected {wanted}, got none; set the job type, or make this a task or manual task"
        report.refuse(extensions.owner, message)


def is_number(text: str, low: int, high: int) -> bool:
    """Whether a static text is a whole number in a range, written in ASCII digits."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high
