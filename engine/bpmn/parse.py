"""BPMN XML as executable graphs: the one entry of this package.

Owns the order: read the XML, outline each executable process, check it, build its elements; then refuse everything that
is wrong at once. Pure and deterministic: bytes in, processes or ModelRefused out.
Sources: BPMN 2.0.2; Camunda 8 "BPMN coverage".
"""

from __future__ import annotations

from .build import build_process
from .expressions import Expressions
from .model import ModelRefused, Problem, Process
from .names import BPMN, ROOT_CHILDREN_IGNORED
from .outline import is_true, read_outline
from .report import Report, quote
from .validate import check_outline
from .xml_tree import Node, Unreadable, read_tree


def parse(resource: bytes, resource_name: str) -> tuple[Process, ...]:
    """The executable processes of a BPMN file, in document order; at least one.

    Raises ModelRefused, which lists every problem with element id, type and line; for a file that is not XML, the place
    of the first error.
    """
    try:
        root = read_tree(resource)
    except Unreadable as error:
        where = f" (line {error.line}, column {error.column})" if error.line else ""
        problem = Problem(element_id="", element_type="DEFINITIONS", line=error.line, message=f"{error.message}{where}")
        raise ModelRefused(resource_name, (problem,)) from None
    report = Report()
    errors = {node.get("id"): node for node in root.children_in(BPMN) if node.name == "error"}
    expressions = Expressions(report)
    processes = []
    for node in _executable_processes(root, report):
        outline = read_outline(node, report)
        check_outline(outline, errors, report)
        processes.append(build_process(outline, errors, expressions, report))
    report.raise_if_any(resource_name)
    return tuple(processes)


def _executable_processes(root: Node, report: Report) -> list[Node]:
    if (root.namespace, root.name) != (BPMN, "definitions"):
        message = (
            f"expected a BPMN 2.0 file, whose root is bpmn:definitions, got '{quote(root.name)}'; deploy such a file"
        )
        report.refuse(root, message)
        return []
    executable = []
    for child in root.children_in(BPMN):
        if child.name == "process":
            if is_true(child.get("isExecutable")):
                executable.append(child)
        elif child.name not in ROOT_CHILDREN_IGNORED:
            report.refuse(child, f"expected a known element, got bpmn:{quote(child.name)}; remove it")
    if not executable:
        message = 'expected at least one executable process, got none; set isExecutable="true" on a process'
        report.refuse(root, message)
    _check_unique_ids(root, report)
    return executable


def _check_unique_ids(root: Node, report: Report) -> None:
    """Ids are unique in the file, diagram and extensions left out (BPMN 2.0.2 XML schema: xsd:ID)."""
    lines: dict[str, int] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        pending.extend(child for child in reversed(node.children) if child.namespace == BPMN)
        id_ = node.get("id")
        if id_ and id_ in lines:
            message = f"expected ids to be unique, got one that is taken on line {lines[id_]}; change one of them"
            report.refuse(node, message)
        elif id_:
            lines[id_] = node.line
