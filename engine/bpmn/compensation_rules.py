"""What a model must keep about compensation: who undoes what, and which event may ask for it.

Sources: BPMN 2.0.2, 10.7 and 13.5.5; Camunda 8 "Compensation events", "Compensation handler"; Zeebe's validators.
"""

from __future__ import annotations

from . import model
from .names import ACTIVITIES, BPMN, ZEEBE
from .outline import FlowNode, Outline, event_definitions, is_true
from .report import Report, quote
from .xml_tree import Node

DEFINITION = "compensateEventDefinition"
THROWERS = (model.INTERMEDIATE_THROW_EVENT, model.END_EVENT)
SUB_PROCESSES = (model.SUB_PROCESS, model.AD_HOC_SUB_PROCESS)


def check_compensation(flow_node: FlowNode, outline: Outline, report: Report) -> None:
    """Checks an activity that undoes or can be undone, and an event that says so or asks for it."""
    if is_true(flow_node.node.get("isForCompensation")):
        _check_handler(flow_node, report)
    undoable = [boundary for boundary in flow_node.boundaries if boundary.type and _definitions(boundary)]
    for boundary in undoable:
        _check_boundary(boundary, report)
    for boundary in undoable[1:]:
        message = f"expected one compensation boundary event on '{quote(flow_node.id)}', got another; remove it"
        report.refuse(boundary.node, message)
    for definition in _definitions(flow_node) if flow_node.type in THROWERS else ():
        _check_thrown(flow_node, definition, outline, report)


def _definitions(event: FlowNode) -> list[Node]:
    return [each for each in event_definitions(event.node) if each.name == DEFINITION]


def _check_boundary(boundary: FlowNode, report: Report) -> None:
    node = boundary.node
    if boundary.outgoing:
        message = "expected no outgoing flow of a compensation boundary event, got"
        report.refuse(node, f"{message} {len(boundary.outgoing)}; connect what undoes the activity by an association")
    if len(boundary.undone_by) != 1:
        message = "expected one association from a compensation boundary event to the activity that undoes, got"
        report.refuse(node, f"{message} {len(boundary.undone_by)}; leave one")
    for handler in boundary.undone_by:
        target = f"'{quote(handler.id)}'"
        if not is_true(handler.node.get("isForCompensation")):
            message = f'expected the association to lead to an activity with isForCompensation="true", got {target}'
            report.refuse(node, f"{message}; mark it, or connect another")
        if handler.scope is not boundary.scope:
            message = f"expected {target} in the same process or sub-process as the event, got it in another; move it"
            report.refuse(node, message)
    extensions = node.child(BPMN, "extensionElements")
    if extensions is not None and extensions.child(ZEEBE, "ioMapping") is not None:
        message = "expected no zeebe:ioMapping on a compensation boundary event, which has no variables, got one"
        report.refuse(node, f"{message}; move it to the activity that undoes")


def _check_handler(handler: FlowNode, report: Report) -> None:
    if handler.type == model.EVENT_SUB_PROCESS:
        message = (
            "expected isForCompensation on tasks, sub-processes and call activities, got it on an event sub-process"
        )
        report.refuse(handler.node, f"{message}; remove it")
    counts = (
        (len(handler.incoming), "incoming flow"),
        (len(handler.outgoing), "outgoing flow"),
        (len(handler.boundaries), "boundary event"),
    )
    for count, what in counts if handler.type in ACTIVITIES else ():
        if count:
            report.refuse(handler.node, f"expected no {what} of a compensation activity, got {count}; remove it")


def _check_thrown(event: FlowNode, definition: Node, outline: Outline, report: Report) -> None:
    """It may name an activity beside it; in an event sub-process also one beside that."""
    name = definition.get("activityRef")
    if not name:
        return
    activity = outline.by_id.get(name)
    if activity is None or activity.type not in ACTIVITIES:
        message = f"expected activityRef to name an activity, got '{quote(name)}'; correct it, or remove it to undo all"
        report.refuse(event.node, message, at=definition)
        return
    if activity.scope not in _scopes(event, outline):
        message = f"expected '{quote(name)}' in the same process or sub-process as the event, got it in another"
        report.refuse(event.node, f"{message}; name the sub-process that it is in, or move the event", at=definition)
    if activity.type not in SUB_PROCESSES and not any(_definitions(boundary) for boundary in activity.boundaries):
        message = f"expected '{quote(name)}' to have a compensation boundary event, or to be a sub-process, got neither"
        report.refuse(event.node, f"{message}; attach one", at=definition)


def _scopes(event: FlowNode, outline: Outline) -> list[Node | None]:
    around = outline.by_id.get(event.scope.get("id")) if event.scope is not None else None
    if around is not None and around.type == model.EVENT_SUB_PROCESS:
        return [event.scope, around.scope]
    return [event.scope]
