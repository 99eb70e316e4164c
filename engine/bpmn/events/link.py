"""Link events: a token that is thrown goes on where its link is caught (BPMN 2.0, 10.5.1; Camunda 8 "Link events").

Links hold inside one process or sub-process. Several events may throw one link; one catches it.
"""

from __future__ import annotations

from engine.bpmn import model
from engine.bpmn.model import Link
from engine.bpmn.outline import FlowNode, Outline, event_definitions
from engine.bpmn.report import Report, quote
from engine.bpmn.xml_tree import Node

from .reading import Reading

LINK = "linkEventDefinition"


def read_link(event: FlowNode, definition: Node, reading: Reading) -> Link | None:
    name = definition.get("name").strip()
    if not name:
        reading.report.refuse(event.node, "expected a link to have a name, got none; set it", at=definition)
        return None
    return Link(name=name)


def check_links(outline: Outline, report: Report) -> None:
    """Each link that is thrown is caught once in the same scope; neither side is connected where the token jumps."""
    caught: set[tuple[str, str]] = set()
    links = [(event, name) for event in outline.nodes if (name := _link_name(event))]
    for event, name in links:
        place = (event.scope.get("id") if event.scope is not None else "", name)
        if event.type == model.INTERMEDIATE_CATCH_EVENT:
            _refuse_flows(event, event.incoming, "into an event that catches a link", report)
            if place in caught:
                message = f"expected one event that catches the link '{quote(name)}' here, got another; remove it"
                report.refuse(event.node, message)
            caught.add(place)
    for event, name in links:
        place = (event.scope.get("id") if event.scope is not None else "", name)
        if event.type == model.INTERMEDIATE_THROW_EVENT:
            _refuse_flows(event, event.outgoing, "out of an event that throws a link", report)
            if place not in caught:
                message = f"expected an event that catches the link '{quote(name)}' here, got none; add it"
                report.refuse(event.node, message)


def _link_name(event: FlowNode) -> str:
    if event.type not in (model.INTERMEDIATE_CATCH_EVENT, model.INTERMEDIATE_THROW_EVENT):
        return ""
    names = [each.get("name").strip() for each in event_definitions(event.node) if each.name == LINK]
    return names[0] if names else ""


def _refuse_flows(event: FlowNode, flows: list[Node], where: str, report: Report) -> None:
    if flows:
        report.refuse(event.node, f"expected no flow {where}, got {len(flows)}; remove it")
