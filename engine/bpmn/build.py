"""Outlined flow nodes as elements of the executable graph.

Owns the assembly: what the XML says directly, what the flows say, and what the extension elements say, in one Struct.
It checks nothing itself; what it calls puts its problems into the report.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import model
from .expressions import Expressions
from .extensions import (
    check_task_kind,
    read_extensions,
    read_headers,
    read_job,
    read_mappings,
    read_script,
)
from .feel import Expression
from .model import Element, Flow, Process
from .names import BPMN, ZEEBE
from .outline import FlowNode, Outline, event_definitions
from .report import Report
from .user_tasks import read_user_task, user_task_job
from .validate import error_code
from .xml_tree import Node


def build_process(outline: Outline, errors: Mapping[str, Node], expressions: Expressions, report: Report) -> Process:
    """The executable process of an outline. Usable only if the report stays empty."""
    root = outline.nodes[0].node
    elements = [_build_element(flow_node, errors, expressions, report) for flow_node in outline.nodes if flow_node.type]
    flows = [_build_flow(node, expressions, report) for node, _ in outline.flows]
    return Process(
        id=root.get("id"),
        name=root.get("name"),
        version_tag=_version_tag(root),
        elements={element.id: element for element in elements},
        flows={flow.id: flow for flow in flows},
    )


def _version_tag(process: Node) -> str:
    holder = process.child(BPMN, "extensionElements")
    tag = holder.child(ZEEBE, "versionTag") if holder is not None else None
    return tag.get("value").strip() if tag is not None else ""


def _build_flow(node: Node, expressions: Expressions, report: Report) -> Flow:
    read_extensions(node, model.SEQUENCE_FLOW, report)
    condition = node.child(BPMN, "conditionExpression")
    return Flow(
        id=node.get("id"),
        name=node.get("name"),
        source=node.get("sourceRef"),
        target=node.get("targetRef"),
        condition=expressions.feel(node, condition, "the condition", condition.text) if condition is not None else None,
    )


def _build_element(
    flow_node: FlowNode, errors: Mapping[str, Node], expressions: Expressions, report: Report
) -> Element:
    node = flow_node.node
    extensions = read_extensions(node, flow_node.type, report)
    check_task_kind(extensions, flow_node.type, report)
    inputs, outputs = read_mappings(extensions, flow_node.type, expressions, report)
    headers = read_headers(extensions, report)
    is_user_task = flow_node.type == model.USER_TASK
    job = read_job(extensions, headers, expressions, report)
    if is_user_task:
        job = user_task_job(extensions, headers, expressions)
    definitions = {definition.name: definition for definition in event_definitions(node)}
    error = definitions.get("errorEventDefinition")
    return Element(
        id=flow_node.id,
        name=node.get("name"),
        type=flow_node.type,
        scope=flow_node.scope.get("id") if flow_node.scope is not None else "",
        line=node.line,
        incoming=tuple(flow.get("id") for flow in flow_node.incoming),
        outgoing=tuple(flow.get("id") for flow in flow_node.outgoing),
        default_flow=node.get("default") if flow_node.type == model.EXCLUSIVE_GATEWAY else "",
        inputs=inputs,
        outputs=outputs,
        job=job,
        script=read_script(extensions, expressions, report),
        user_task=read_user_task(extensions, headers, expressions, report) if is_user_task else None,
        start=flow_node.starts[0].id if flow_node.starts else "",
        terminate="terminateEventDefinition" in definitions,
        error_code=_error_code(node, error, errors, expressions),
        throws_error=error is not None and flow_node.type == model.END_EVENT,
        catches_error=error is not None and flow_node.type == model.BOUNDARY_EVENT,
        attached_to=node.get("attachedToRef") if flow_node.type == model.BOUNDARY_EVENT else "",
        boundaries=tuple(boundary.id for boundary in flow_node.boundaries),
    )


def _error_code(
    node: Node, definition: Node | None, errors: Mapping[str, Node], expressions: Expressions
) -> Expression | None:
    code = error_code(definition, errors) if definition is not None else ""
    if definition is None or not code:
        return None
    return expressions.property(node, definition, "the error code", code)
