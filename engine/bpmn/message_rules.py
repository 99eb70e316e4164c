"""What a model must keep about messages and signals besides what each event says itself.

Sources: Camunda 8 "Message events", "Boundary events", "Event subprocess", "Event-based gateway"; Zeebe's validators.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import model
from .events import Reading
from .events.message import THROWN
from .extensions import Extensions
from .outline import FlowNode, Outline, event_definitions
from .report import Report, quote

MESSAGE = "messageEventDefinition"

#: Events that are waited for by a name.
KINDS = {MESSAGE: "message", "signalEventDefinition": "signal"}


def check_message_names(flow_node: FlowNode, outline: Outline, reading: Reading) -> None:
    """One place may not wait for a message, or a signal, of one name twice: nobody could tell which of both gets it."""
    targets = [outline.by_id.get(flow.get("targetRef")) for flow in flow_node.outgoing]
    if flow_node.type == model.EVENT_BASED_GATEWAY:
        _check_distinct(flow_node, [target for target in targets if target is not None], reading)
    if flow_node.type == model.PROCESS:
        _check_distinct(flow_node, flow_node.starts, reading)
    _check_distinct(flow_node, flow_node.boundaries, reading)
    _check_distinct(flow_node, [start for handler in flow_node.handlers for start in handler.starts], reading)


def _check_distinct(owner: FlowNode, events: Sequence[FlowNode], reading: Reading) -> None:
    seen: set[tuple[str, str]] = set()
    for event in events:
        for definition in event_definitions(event.node):
            kind = KINDS.get(definition.name, "")
            referred = reading.definitions.get((kind, definition.get(f"{kind}Ref")))
            name = referred.get("name").strip() if referred is not None else ""
            if name and (kind, name) in seen:
                expected = f"expected one event for the {kind} '{quote(name)}' at '{quote(owner.id)}', got another"
                reading.report.refuse(event.node, f"{expected}; remove one of them")
            seen.add((kind, name))


def check_thrown(flow_node: FlowNode, extensions: Extensions, report: Report) -> None:
    """A message is sent by a worker; other events that throw have no job."""
    if flow_node.type not in THROWN or extensions.refused:
        return
    throws_message = any(definition.name == MESSAGE for definition in event_definitions(flow_node.node))
    has_job = extensions.get("taskDefinition") is not None
    if throws_message and not has_job:
        message = "expected zeebe:taskDefinition, because a worker sends the message, got none; set the job type"
        report.refuse(flow_node.node, message)
    elif has_job and not throws_message:
        message = "expected zeebe:taskDefinition on message events only, got it on another event; remove it"
        report.refuse(flow_node.node, message)
