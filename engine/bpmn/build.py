"""Outlined flow nodes as elements of the executable graph.

Owns the assembly: what the XML says directly, what the flows say, and what the extension elements say, in one Struct.
It checks nothing itself; what it calls puts its problems into the report.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from . import model
from .ad_hoc import with_ad_hoc
from .events import Reading, read_event
from .expressions import Expressions
from .extensions import (
    check_task_kind,
    read_called_decision,
    read_called_process,
    read_extensions,
    read_headers,
    read_job,
    read_mappings,
    read_script,
)
from .feel import Expression
from .job_priority import read_job_priority
from .joins import find_inclusive_joins
from .message_rules import check_thrown
from .model import Element, Flow, Process
from .multi_instance import read_multi_instance, with_parts
from .names import BPMN, DECIDING_GATEWAYS, ZEEBE
from .outline import FlowNode, Outline, event_definitions, is_true
from .report import Report
from .user_tasks import read_user_task, user_task_job
from .xml_tree import Node

#: Events that are waited for by the element instance that they belong to; others are thrown to whoever catches them.
AWAITED = (model.Timer, model.Message, model.Signal)


def build_process(outline: Outline, reading: Reading) -> Process:
    """The executable process of an outline. Usable only if the report stays empty."""
    root = outline.nodes[0].node
    priority = read_job_priority(root, None, reading.expressions, reading.report)
    elements = {node.id: _build_element(node, priority, reading) for node in outline.nodes if node.type}
    built = [_build_flow(node, reading.expressions, reading.report) for node in outline.flows]
    flows = {flow.id: flow for flow in built}
    catches = [each for each in elements.values() if each.type == model.INTERMEDIATE_CATCH_EVENT]
    links = {(each.scope, each.event.name): each.id for each in catches if isinstance(each.event, model.Link)}
    elements = with_ad_hoc(elements, outline, reading)
    elements = {id_: _with_target(_with_waits(element, elements, flows), links) for id_, element in elements.items()}
    return Process(
        id=root.get("id"),
        name=root.get("name"),
        version_tag=_version_tag(root),
        elements={id_: with_parts(element) for id_, element in elements.items()},
        flows=flows,
        inclusive_joins=find_inclusive_joins(elements, flows, root, reading.report),
        start_form_id=_start_form(outline.nodes[0]),
    )


def _with_waits(element: Element, elements: Mapping[str, Element], flows: Mapping[str, Flow]) -> Element:
    candidates = [*element.boundaries, *element.handlers]
    if element.type in (model.INTERMEDIATE_CATCH_EVENT, model.RECEIVE_TASK):
        candidates.append(element.id)
    elif element.type == model.EVENT_BASED_GATEWAY:
        candidates += [flows[flow].target for flow in element.outgoing]
    waits = tuple(id_ for id_ in candidates if id_ in elements and isinstance(elements[id_].event, AWAITED))
    return structs.replace(element, waits=waits) if waits else element


def _with_target(element: Element, links: Mapping[tuple[str, str], str]) -> Element:
    """An event that throws a link knows the one that catches it."""
    link = element.event
    if element.type != model.INTERMEDIATE_THROW_EVENT or not isinstance(link, model.Link):
        return element
    target = links.get((element.scope, link.name), "")
    return structs.replace(element, event=structs.replace(link, target=target))


def _version_tag(process: Node) -> str:
    holder = process.child(BPMN, "extensionElements")
    tag = holder.child(ZEEBE, "versionTag") if holder is not None else None
    return tag.get("value").strip() if tag is not None else ""


def _start_form(process: FlowNode) -> str:
    """The id of the form at the none start event. Source: Camunda 8 "Start forms"."""
    for start in process.starts:
        holder = start.node.child(BPMN, "extensionElements")
        form = holder.child(ZEEBE, "formDefinition") if holder is not None else None
        if form is not None and not event_definitions(start.node):
            return form.get("formId").strip()
    return ""


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


def _build_element(flow_node: FlowNode, priority: Expression | None, reading: Reading) -> Element:
    """`priority`: of jobs, unless the element says another."""
    node, expressions, report = flow_node.node, reading.expressions, reading.report
    extensions = read_extensions(node, flow_node.type, report)
    check_task_kind(extensions, flow_node.type, report)
    check_thrown(flow_node, extensions, report)
    inputs, outputs = read_mappings(extensions, flow_node.type, expressions, report)
    headers = read_headers(extensions, report)
    is_user_task = flow_node.type == model.USER_TASK
    job = read_job(extensions, headers, expressions, report)
    if job is not None:
        job = structs.replace(job, priority=read_job_priority(node, priority, expressions, report))
    if is_user_task:
        job = user_task_job(extensions, headers, expressions)
    none_starts, event_starts = _starts(flow_node)
    return Element(
        id=flow_node.id,
        name=node.get("name"),
        type=flow_node.type,
        scope=flow_node.scope.get("id") if flow_node.scope is not None else "",
        line=node.line,
        incoming=tuple(flow.get("id") for flow in flow_node.incoming),
        outgoing=tuple(flow.get("id") for flow in flow_node.outgoing),
        default_flow=node.get("default") if flow_node.type in DECIDING_GATEWAYS else "",
        inputs=inputs,
        outputs=outputs,
        job=job,
        script=read_script(extensions, expressions, report),
        decision=read_called_decision(extensions, expressions, report),
        called=read_called_process(extensions, flow_node.type, expressions, report),
        user_task=read_user_task(extensions, headers, expressions, report) if is_user_task else None,
        start=none_starts[0] if none_starts else "",
        event_starts=event_starts,
        event=read_event(flow_node, reading),
        interrupting=_is_interrupting(flow_node),
        attached_to=node.get("attachedToRef") if flow_node.type == model.BOUNDARY_EVENT else "",
        boundaries=tuple(boundary.id for boundary in flow_node.boundaries),
        for_compensation=is_true(node.get("isForCompensation")),
        multi_instance=read_multi_instance(flow_node, reading),
        handlers=tuple(handler.starts[0].id for handler in flow_node.handlers if handler.starts),
    )


def _starts(container: FlowNode) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where a token may begin by itself, and where when something happens."""
    starts = container.starts
    if container.type == model.EVENT_SUB_PROCESS:
        return tuple(start.id for start in starts), ()
    none = tuple(start.id for start in starts if not event_definitions(start.node))
    return none, tuple(start.id for start in starts if start.id not in none)


def _is_interrupting(event: FlowNode) -> bool:
    name = "cancelActivity" if event.type == model.BOUNDARY_EVENT else "isInterrupting"
    given = event.node.get(name)
    return not given or is_true(given)
