"""What Zeebe's extension elements say about an element: its job, script, decision, user task and variable mappings.

Owns their meaning and their rules. What has an effect that is not supported is refused by name, never skipped.
Sources: zeebe-bpmn-moddle (`resources/zeebe.json`), Camunda 8 "BPMN coverage", "User tasks", "Variables".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from . import model
from .expressions import Expressions
from .model import Binding, CalledDecision, CalledProcess, Job, Script, VariableMapping
from .names import BPMN, EVENTS_WITHOUT_INPUTS, EXTENSIONS, EXTENSIONS_IGNORED, EXTENSIONS_REFUSED, JOB_TASKS, ZEEBE
from .report import Report, quote
from .xml_tree import Node

#: Zeebe's default for `zeebe:taskDefinition`.
RETRIES_DEFAULT = "3"
RETRIES_MAX = 2**31 - 1
#: Zeebe's default comes first.
BINDING_TYPES = ("latest", "deployment", "versionTag")
#: UTF-8 bytes of a static job type: types are keys of the state, whose keys are limited.
JOB_TYPE_SIZE_MAX = 256
#: Extension elements of which a task must have one, where it is not only the job type.
TASK_KINDS: Mapping[str, tuple[str, ...]] = {
    model.SCRIPT_TASK: ("script", "taskDefinition"),
    model.BUSINESS_RULE_TASK: ("calledDecision", "taskDefinition"),
}
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
    """The input and the output mappings. Inputs may be static; outputs must be FEEL."""
    holder = extensions.get("ioMapping")
    found: dict[str, list[VariableMapping]] = {"input": [], "output": []}
    owner = extensions.owner
    for node in holder.children_in(ZEEBE) if holder is not None else ():
        if node.name not in found:
            report.refuse(
                owner, f"expected zeebe:input or zeebe:output, got zeebe:{quote(node.name)}; remove it", at=node
            )
        elif node.name == "input" and owner_type in EVENTS_WITHOUT_INPUTS:
            report.refuse(
                owner,
                "expected no input mapping on a start or boundary event, where it has no effect; remove it",
                at=node,
            )
        else:
            mapping = _read_mapping(owner, node, expressions, report)
            if mapping is not None:
                found[node.name].append(mapping)
    return tuple(found["input"]), tuple(found["output"])


def _read_mapping(owner: Node, node: Node, expressions: Expressions, report: Report) -> VariableMapping | None:
    target = expressions.path(owner, node, f"the target of an {node.name} mapping", node.get("target"))
    what = f"the source of the {node.name} mapping to '{quote(node.get('target'))}'"
    if "source" not in node.attributes and node.name == "input":
        # as in Zeebe since 8.8: a variable that is null here, whatever it is outside
        null = expressions.feel(owner, node, what, "=null")
        return VariableMapping(source=null, target=target) if null is not None and target else None
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
    result = _read_result(owner, node, expressions, report)
    return Script(expression=expression, result=result) if expression is not None and result else None


def _read_result(owner: Node, node: Node, expressions: Expressions, report: Report) -> str:
    """The result variable: one name, for Zeebe sets it as a whole. Empty if there is a problem."""
    result = expressions.path(owner, node, "the result variable", node.get("resultVariable"))
    if len(result) > 1:
        message = f"expected the result variable to be one name, got '{quote(node.get('resultVariable'))}'; rename it"
        report.refuse(owner, message, at=node)
    return result[0] if result else ""


def read_called_decision(extensions: Extensions, expressions: Expressions, report: Report) -> CalledDecision | None:
    """The decision of a business rule task with a zeebe:calledDecision; None if it has none or a problem."""
    node = extensions.get("calledDecision")
    if node is None:
        return None
    owner = extensions.owner
    id_text = node.get("decisionId").strip()
    if not id_text:
        report.refuse(owner, "expected the id of a decision, got none; set it", at=node)
    decision_id = expressions.property(owner, node, "the id of the decision", id_text)
    result = _read_result(owner, node, expressions, report)
    binding = read_binding(owner, node, expressions, report)
    if decision_id is None or not result:
        return None
    return CalledDecision(decision_id=decision_id, result=result, binding=binding)


def read_called_process(
    extensions: Extensions, owner_type: str, expressions: Expressions, report: Report
) -> CalledProcess | None:
    """The process of a call activity, which must name one; None for other elements, and after a problem."""
    if owner_type != model.CALL_ACTIVITY:
        return None
    owner, node = extensions.owner, extensions.get("calledElement")
    if node is None:
        report.refuse(owner, "expected zeebe:calledElement, got none; name the process that is called")
        return None
    id_text = node.get("processId").strip()
    if not id_text:
        report.refuse(owner, "expected the id of the called process, got none; set processId", at=node)
    process_id = expressions.property(owner, node, "the id of the called process", id_text)
    binding = read_binding(owner, node, expressions, report)
    business_id = None
    if "businessId" in node.attributes:
        business_id = expressions.property(owner, node, "the business id", node.get("businessId").strip())
    if process_id is None:
        return None
    return CalledProcess(
        process_id=process_id,
        binding=binding,
        gets_all_variables=_is_set(owner, node, "propagateAllParentVariables", report),
        gives_all_variables=_is_set(owner, node, "propagateAllChildVariables", report),
        business_id=business_id,
    )


def _is_set(owner: Node, node: Node, name: str, report: Report) -> bool:
    """An attribute that is true unless it says otherwise."""
    text = node.attributes.get(name, "true")
    if text not in ("true", "false"):
        report.refuse(owner, f"expected {name} to be true or false, got '{quote(text)}'; correct it", at=node)
    return text != "false"


def read_binding(owner: Node, node: Node, expressions: Expressions, report: Report) -> Binding:
    """Which version is meant, of what an extension element names; the latest one unless it says otherwise."""
    kind = node.get("bindingType") or BINDING_TYPES[0]
    if kind not in BINDING_TYPES:
        wanted = ", ".join(BINDING_TYPES)
        report.refuse(owner, f"expected a binding type ({wanted}), got '{quote(kind)}'; correct it", at=node)
    if kind != "versionTag":
        return Binding(type=kind)
    text = node.get("versionTag").strip()
    if not text:
        report.refuse(owner, "expected a version tag for the binding type versionTag, got none; set it", at=node)
    return Binding(type=kind, version_tag=expressions.property(owner, node, "the version tag", text))


def check_task_kind(extensions: Extensions, owner_type: str, report: Report) -> None:
    """A task that a worker or the engine does must say which: a job type, a script, or a decision."""
    if owner_type not in JOB_TASKS:
        return
    if extensions.refused:
        # what was refused may have been what says it
        return
    kinds = TASK_KINDS.get(owner_type, ("taskDefinition",))
    wanted = " or ".join(f"zeebe:{kind}" for kind in kinds)
    found = [kind for kind in kinds if extensions.get(kind) is not None]
    if len(found) > 1:
        report.refuse(extensions.owner, f"expected {wanted}, got both; remove one of them")
    elif not found:
        message = f"expected {wanted}, got none; set the job type, or make this a task or manual task"
        report.refuse(extensions.owner, message)


def is_number(text: str, low: int, high: int) -> bool:
    """Whether a static text is a whole number in a range, written in ASCII digits."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high
