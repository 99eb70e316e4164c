"""What multi-instance activities and ad-hoc sub-processes have in common (Camunda 8).

An output collection: what each of several instances gives becomes one item of a variable. A completion condition: true
when there have been enough.
"""

from __future__ import annotations

from .expressions import Expressions
from .feel import Expression
from .names import BPMN
from .report import Report, quote
from .xml_tree import Node

COMPLETION_CONDITION = "completionCondition"


def read_output_collection(
    owner: Node, extension: Node, expressions: Expressions, report: Report
) -> tuple[str, Expression | None]:
    """The name of the variable, and the expression of an item; empty and None if there are none."""
    collection = read_name(owner, extension, "outputCollection", expressions, report)
    text = extension.get("outputElement").strip()
    if bool(text) != bool(extension.get("outputCollection").strip()):
        given, missing = ("outputElement", "outputCollection")[:: 1 if text else -1]
        report.refuse(owner, f"expected {missing} beside {given}, got none; give both or neither", at=extension)
    return collection, expressions.feel(owner, extension, "the output element", text) if text else None


def read_completion_condition(owner: Node, marker: Node, expressions: Expressions) -> Expression | None:
    """The condition in the marker, or in the sub-process itself; None without one, and after a problem."""
    condition = marker.child(BPMN, COMPLETION_CONDITION)
    if condition is None:
        return None
    return expressions.feel(owner, condition, "the completion condition", condition.text)


def read_name(owner: Node, extension: Node, attribute: str, expressions: Expressions, report: Report) -> str:
    """The name of a variable; empty if there is none."""
    text = extension.get(attribute).strip()
    path = expressions.path(owner, extension, attribute, text) if text else ()
    if len(path) > 1:
        report.refuse(owner, f"expected {attribute} to be one name, got '{quote(text)}'; rename it", at=extension)
    return path[0] if path else ""
