"""Ad-hoc sub-processes: what is inside is begun by a list, a worker or a person, in any order, any number of times.

Owns what such a sub-process says, and its rules. In the graph it has a second element beside itself: one instance of it
holds what one activation began.
Sources: BPMN 2.0.2, 10.3.5 and 13.3.5; Camunda 8 "Ad-hoc sub-processes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from . import model
from .ad_hoc_elements import describe
from .events import Reading
from .model import AdHoc, Element
from .names import ACTIVITIES, BPMN, ZEEBE
from .outline import FlowNode, Outline, event_definitions, is_true
from .repetition import read_completion_condition, read_output_collection
from .report import Report
from .xml_tree import Node

#: What the id of the element that holds an activation ends with, as in Zeebe.
INNER_INSTANCE_SUFFIX = "#innerInstance"

#: Bytes of what workers are told about the elements of one sub-process, which each instance of it has as a variable.
DESCRIPTION_SIZE_MAX = 1024 * 1024

_BEGUN_OTHERWISE = (model.START_EVENT, model.END_EVENT, model.BOUNDARY_EVENT, model.EVENT_SUB_PROCESS)


def with_ad_hoc(elements: Mapping[str, Element], outline: Outline, reading: Reading) -> dict[str, Element]:
    """The elements; ad-hoc sub-processes among them are complete, each with what holds its activations."""
    found = dict(elements)
    for flow_node in outline.nodes:
        if flow_node.type != model.AD_HOC_SUB_PROCESS:
            continue
        element = elements[flow_node.id]
        inside = [each for each in outline.nodes if each.scope is flow_node.node]
        _check(flow_node, inside, reading.report)
        found[element.id] = structs.replace(element, ad_hoc=_read(flow_node.node, element, inside, elements, reading))
        inner = Element(
            id=element.id + INNER_INSTANCE_SUFFIX,
            name=element.name,
            type=model.AD_HOC_SUB_PROCESS_INNER_INSTANCE,
            scope=element.id,
            line=element.line,
        )
        found[inner.id] = inner
    return found


def _check(ad_hoc: FlowNode, inside: Sequence[FlowNode], report: Report) -> None:
    for flow_node in inside:
        if flow_node.type in (model.START_EVENT, model.END_EVENT):
            kind = flow_node.type.lower().replace("_", " ")
            report.refuse(flow_node.node, f"expected no {kind} in an ad-hoc sub-process, got one; remove it")
    if ad_hoc.node.get("ordering").strip() == "Sequential":
        message = "expected the ordering of the ad-hoc sub-process to be Parallel, got Sequential"
        report.refuse(ad_hoc.node, f"{message}, which cannot be executed yet; remove it")
    if all(flow_node.type and flow_node.type not in ACTIVITIES for flow_node in inside):
        report.refuse(ad_hoc.node, "expected an activity in an ad-hoc sub-process, got none; add one")


def _is_activatable(flow_node: FlowNode) -> bool:
    """Whether a token can begin there: neither a flow nor anything else leads to it."""
    caught = flow_node.type == model.INTERMEDIATE_CATCH_EVENT
    lands = caught and any(each.name == "linkEventDefinition" for each in event_definitions(flow_node.node))
    undoes = is_true(flow_node.node.get("isForCompensation"))
    return not (flow_node.incoming or lands or undoes or flow_node.type in ("", *_BEGUN_OTHERWISE))


def _read(
    node: Node, element: Element, inside: Sequence[FlowNode], elements: Mapping[str, Element], reading: Reading
) -> AdHoc:
    expressions, report = reading.expressions, reading.report
    holder = node.child(BPMN, "extensionElements")
    extension = holder.child(ZEEBE, "adHoc") if holder is not None else None
    completion_condition = read_completion_condition(node, node, expressions)
    collection, output_element = "", None
    active_text = ""
    if extension is not None:
        active_text = extension.get("activeElementsCollection")
        collection, output_element = read_output_collection(node, extension, expressions, report)
    if element.job is not None and (active_text or completion_condition is not None):
        message = "expected neither activeElementsCollection nor completionCondition beside zeebe:taskDefinition"
        report.refuse(node, f"{message}, whose worker decides, got one; remove it")
    active_elements = None
    if active_text:
        active_elements = expressions.feel(node, node, "activeElementsCollection", active_text)
    activatable = [(each, elements[each.id]) for each in inside if _is_activatable(each)]
    description = describe(activatable)
    if len(description.encode()) > DESCRIPTION_SIZE_MAX:
        message = f"expected what is told about the elements inside to take at most {DESCRIPTION_SIZE_MAX} bytes"
        report.refuse(node, f"{message}, got {len(description.encode())}; shorten their documentation and properties")
    return AdHoc(
        activatable=frozenset(found.id for _, found in activatable),
        description=description,
        active_elements=active_elements,
        completion_condition=completion_condition,
        cancels_remaining=node.get("cancelRemainingInstances").strip() not in ("false", "0"),
        output_collection=collection,
        output_element=output_element,
    )
