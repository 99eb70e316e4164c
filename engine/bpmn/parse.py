"""BPMN XML as executable graphs: the one entry of this package.

Owns the order: read the XML, outline each executable process, check it, build its elements; then refuse everything that
is wrong at once. Pure and deterministic: bytes in, processes or ModelRefused out.
Sources: BPMN 2.0.2; Camunda 8 "BPMN coverage".
"""

from __future__ import annotations

from .build import build_process
from .events import Reading
from .expressions import Expressions
from .model import Process
from .names import BPMN, ROOT_CHILDREN_IGNORED
from .outline import is_true, read_outline
from .report import Report, quote, read_root, refuse_repeated_ids
from .validate import check_outline
from .xml_tree import Node


def parse(resource: bytes, resource_name: str) -> tuple[Process, ...]:
    """The executable processes of a BPMN file, in document order; at least one.

    Raises ModelRefused, which lists every problem with element id, type and line; for a file that is not XML, the place
    of the first error.
    """
    root = read_root(resource, resource_name)
    report = Report()
    definitions = {(node.name, node.get("id")): node for node in root.children_in(BPMN)}
    reading = Reading(definitions=definitions, expressions=Expressions(report), report=report)
    processes = []
    for node in _executable_processes(root, report):
        outline = read_outline(node, report)
        check_outline(outline, reading)
        processes.append(build_process(outline, reading))
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
    refuse_repeated_ids(root, report)
    return executable
