"""The rules that a connected model keeps, as Zeebe has them.

Owns what may start, end, be attached, be conditional. Every broken rule is one problem; nothing is changed.
Sources: BPMN 2.0.2 chapters 10 and 13; Camunda 8 "BPMN coverage", "Gateways", "Error events", "Embedded subprocess".
"""

from __future__ import annotations

from . import model
from .compensation_rules import check_compensation
from .events import Reading
from .events.link import check_links
from .message_rules import check_message_names
from .names import BPMN, DECIDING_GATEWAYS, EVENTS
from .outline import FlowNode, Outline, event_definitions
from .report import Report, quote
from .thrown_rules import check_caught

#: What may follow an event-based gateway (Camunda 8 "Event-based gateway").
GATEWAY_TARGETS = (model.INTERMEDIATE_CATCH_EVENT,)


def check_outline(outline: Outline, reading: Reading) -> None:
    """Checks every element of a process."""
    report = reading.report
    check_links(outline, report)
    for flow_node in outline.nodes:
        if flow_node.type in (model.PROCESS, model.SUB_PROCESS):
            _check_start(flow_node, report)
        if flow_node.type == model.EVENT_SUB_PROCESS:
            _check_handler(flow_node, report)
        if flow_node.type in EVENTS:
            _check_event(flow_node, report)
        check_caught(flow_node, reading)
        check_message_names(flow_node, outline, reading)
        if flow_node.type in DECIDING_GATEWAYS:
            _check_deciding_gateway(flow_node, report)
        elif flow_node.type:
            _check_unconditional(flow_node, report)
        if flow_node.type == model.EVENT_BASED_GATEWAY:
            _check_event_based_gateway(flow_node, outline, report)
        check_compensation(flow_node, outline, report)


def _check_start(container: FlowNode, report: Report) -> None:
    none = [start for start in container.starts if not event_definitions(start.node)]
    if len(none) > 1:
        ids = ", ".join(f"'{quote(start.id)}'" for start in none[:5])
        message = f"expected one none start event, got {len(none)} ({ids}); remove all but one"
        report.refuse(container.node, message)
    elif not none and container.type == model.SUB_PROCESS:
        report.refuse(container.node, "expected one none start event, got none; add it")
    elif not container.starts:
        report.refuse(container.node, "expected a start event, got none; add it")
    for start in container.starts if container.type == model.SUB_PROCESS else ():
        if start.type and start not in none:
            message = "expected a none start event in a sub-process, got another; remove its event definition"
            report.refuse(start.node, message)


def _check_handler(handler: FlowNode, report: Report) -> None:
    """BPMN 2.0.2, 10.3.5: triggered by its one start event, connected to nothing."""
    if len(handler.starts) != 1:
        message = f"expected one start event in an event sub-process, got {len(handler.starts)}; leave one"
        report.refuse(handler.node, message)
    for start in handler.starts:
        if not event_definitions(start.node):
            message = "expected the start event of an event sub-process to have an event definition, got none; set one"
            report.refuse(start.node, message)
    for count, what in ((len(handler.incoming), "incoming"), (len(handler.outgoing), "outgoing")):
        if count:
            report.refuse(handler.node, f"expected no {what} flow of an event sub-process, got {count}; remove it")


def _check_event(event: FlowNode, report: Report) -> None:
    node, definitions = event.node, event_definitions(event.node)
    kind = event.type.lower().replace("_", " ")
    if event.type == model.END_EVENT and event.outgoing:
        report.refuse(node, f"expected no outgoing flow of an end event, got {len(event.outgoing)}; remove it")
    if event.type in (model.START_EVENT, model.BOUNDARY_EVENT) and event.incoming:
        report.refuse(node, f"expected no incoming flow of a {kind}, got {len(event.incoming)}; remove it")
    if len(definitions) > 1:
        report.refuse(node, f"expected at most one event definition, got {len(definitions)}; remove all but one")
    elif event.type in (model.BOUNDARY_EVENT, model.INTERMEDIATE_CATCH_EVENT) and not definitions:
        report.refuse(node, f"expected an event definition of a {kind}, got none; say what it waits for")
    for definition in definitions:
        if definition.name == "errorEventDefinition" and not _interrupts(event):
            report.refuse(node, "expected an interrupting error event, got a non-interrupting one; change it")


def _interrupts(event: FlowNode) -> bool:
    return not any(event.node.get(name).strip() in ("false", "0") for name in ("cancelActivity", "isInterrupting"))


def _check_event_based_gateway(gateway: FlowNode, outline: Outline, report: Report) -> None:
    if len(gateway.outgoing) < 2:
        message = f"expected at least two flows out of an event-based gateway, got {len(gateway.outgoing)}; add events"
        report.refuse(gateway.node, message)
    for flow in gateway.outgoing:
        target = outline.by_id.get(flow.get("targetRef"))
        if target is not None and target.type and target.type not in GATEWAY_TARGETS:
            message = f"expected an intermediate catch event after '{quote(gateway.id)}', got '{quote(target.id)}'"
            report.refuse(flow, f"{message}; put one in between")
        elif target is not None and len(target.incoming) > 1:
            message = f"expected one flow into '{quote(target.id)}', which follows an event-based gateway, got"
            report.refuse(target.node, f"{message} {len(target.incoming)}; remove the others")


def _check_deciding_gateway(gateway: FlowNode, report: Report) -> None:
    default = gateway.node.get("default")
    if default and all(flow.get("id") != default for flow in gateway.outgoing):
        message = f"expected the default flow to be an outgoing flow of the gateway, got '{quote(default)}'; correct it"
        report.refuse(gateway.node, message)
    for flow in gateway.outgoing:
        condition = flow.child(BPMN, "conditionExpression")
        if flow.get("id") == default and condition is not None:
            report.refuse(flow, "expected a default flow without condition, got one; remove it", at=condition)
        elif flow.get("id") != default and condition is None and len(gateway.outgoing) > 1:
            message = "expected a condition, because the gateway has several outgoing flows, got none"
            report.refuse(flow, f"{message}; set it, or make this the default flow")


def _check_unconditional(flow_node: FlowNode, report: Report) -> None:
    for flow in flow_node.outgoing:
        condition = flow.child(BPMN, "conditionExpression")
        if condition is not None:
            message = "expected conditions on the flows of exclusive and inclusive gateways only, got one on a flow of"
            report.refuse(flow, f"{message} '{quote(flow_node.id)}'; put a gateway in between", at=condition)
