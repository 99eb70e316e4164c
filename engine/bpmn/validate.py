"""The rules that a connected model keeps, as Zeebe has them.

Owns what may start, end, be attached, be conditional. Every broken rule is one problem; nothing is changed.
Sources: BPMN 2.0.2 chapters 10 and 13; Camunda 8 "BPMN coverage", "Gateways", "Error events", "Embedded subprocess".
"""

from __future__ import annotations

from collections.abc import Mapping

from . import model
from .names import BPMN, EVENTS
from .outline import FlowNode, Outline, event_definitions, is_true
from .report import Report, quote
from .xml_tree import Node


def check_outline(outline: Outline, errors: Mapping[str, Node], report: Report) -> None:
    """Checks every element of a process. `errors` are the error definitions of the file by id."""
    for flow_node in outline.nodes:
        if flow_node.type in (model.PROCESS, model.SUB_PROCESS):
            _check_start(flow_node, report)
        if flow_node.type in EVENTS:
            _check_event(flow_node, errors, report)
        if flow_node.boundaries:
            _check_caught_errors(flow_node, errors, report)
        if flow_node.type == model.EXCLUSIVE_GATEWAY:
            _check_exclusive_gateway(flow_node, report)
        elif flow_node.type:
            _check_unconditional(flow_node, report)
        if is_true(flow_node.node.get("isForCompensation")):
            report.refuse(flow_node.node, "expected no compensation activity, which cannot be executed yet; remove it")


def error_code(definition: Node, errors: Mapping[str, Node]) -> str:
    """The code of the error that an event definition refers to; empty without one."""
    error = errors.get(definition.get("errorRef"))
    return error.get("errorCode").strip() if error is not None else ""


def _check_start(container: FlowNode, report: Report) -> None:
    if len(container.starts) > 1:
        ids = ", ".join(f"'{quote(start.id)}'" for start in container.starts[:5])
        message = f"expected one none start event, got {len(container.starts)} ({ids}); remove all but one"
        report.refuse(container.node, message)
    elif not container.has_start:
        report.refuse(container.node, "expected one none start event, got none; add it")


def _check_event(event: FlowNode, errors: Mapping[str, Node], report: Report) -> None:
    node, definitions = event.node, event_definitions(event.node)
    if event.type == model.END_EVENT and event.outgoing:
        report.refuse(node, f"expected no outgoing flow of an end event, got {len(event.outgoing)}; remove it")
    if event.type != model.END_EVENT and event.incoming:
        kind = event.type.lower().replace("_", " ")
        report.refuse(node, f"expected no incoming flow of a {kind}, got {len(event.incoming)}; remove it")
    if len(definitions) > 1:
        report.refuse(node, f"expected at most one event definition, got {len(definitions)}; remove all but one")
    elif event.type == model.BOUNDARY_EVENT and not definitions:
        report.refuse(node, "expected an error event definition, got none; make it an error boundary event")
    for definition in definitions:
        if definition.name == "errorEventDefinition":
            _check_error(event, definition, errors, report)


def _check_error(event: FlowNode, definition: Node, errors: Mapping[str, Node], report: Report) -> None:
    reference = definition.get("errorRef")
    code = error_code(definition, errors)
    if reference and reference not in errors:
        message = f"expected errorRef to name a bpmn:error of this file, got '{quote(reference)}'; correct it"
        report.refuse(event.node, message, at=definition)
    elif event.type == model.END_EVENT and not code:
        got = "an error without code" if reference else "no error"
        message = f"expected an error end event to refer to an error with a code, got {got}; set it"
        report.refuse(event.node, message, at=definition)
    elif event.type == model.BOUNDARY_EVENT:
        if code.startswith("="):
            message = f"expected the code of an error that is caught to be static, got '{quote(code)}'; write the code"
            report.refuse(event.node, message, at=definition)
        if event.node.get("cancelActivity").strip() in ("false", "0"):
            report.refuse(event.node, "expected an interrupting error event, got a non-interrupting one; change it")


def _check_caught_errors(activity: FlowNode, errors: Mapping[str, Node], report: Report) -> None:
    caught: set[str] = set()
    for boundary in activity.boundaries:
        for definition in event_definitions(boundary.node):
            if definition.name != "errorEventDefinition":
                continue
            code = error_code(definition, errors)
            if code in caught:
                what = f"the code '{quote(code)}'" if code else "every code"
                message = f"expected one error boundary event for {what} on '{quote(activity.id)}', got another"
                report.refuse(boundary.node, f"{message}; remove it")
            caught.add(code)


def _check_exclusive_gateway(gateway: FlowNode, report: Report) -> None:
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
            message = "expected conditions on the flows of exclusive gateways only, got one on a flow of"
            report.refuse(flow, f"{message} '{quote(flow_node.id)}'; put a gateway in between", at=condition)
