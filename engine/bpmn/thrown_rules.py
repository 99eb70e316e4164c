"""What a model must keep about errors and escalations besides what each event says itself.

Sources: Camunda 8 "Error events", "Escalation events"; Zeebe's validators.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import model
from .events import Reading
from .events.thrown import code_of
from .outline import FlowNode, event_definitions
from .report import quote
from .xml_tree import Node

KINDS = ("error", "escalation")

#: What escalations are thrown inside of.
ESCALATING = (model.SUB_PROCESS, model.AD_HOC_SUB_PROCESS, model.CALL_ACTIVITY)


def check_caught(flow_node: FlowNode, reading: Reading) -> None:
    """One place may not catch a code twice; escalations are caught where they can be thrown."""
    starts = [start for handler in flow_node.handlers for start in handler.starts]
    for kind in KINDS:
        _check_distinct(flow_node, flow_node.boundaries, kind, f"{kind} boundary event", reading)
        _check_distinct(flow_node, starts, kind, f"event sub-process with an {kind}", reading)
    for boundary in flow_node.boundaries if flow_node.type and flow_node.type not in ESCALATING else ():
        if boundary.type and _definitions(boundary, "escalation"):
            message = "expected an escalation boundary event on a sub-process or call activity, got it on"
            reading.report.refuse(boundary.node, f"{message} '{quote(flow_node.id)}'; move it")


def _check_distinct(owner: FlowNode, events: Sequence[FlowNode], kind: str, what: str, reading: Reading) -> None:
    caught: set[str] = set()
    for event in events:
        for definition in _definitions(event, kind):
            code = code_of(definition, kind, reading)
            if code in caught:
                which = f"the code '{quote(code)}'" if code else "every code"
                message = f"expected one {what} for {which} on '{quote(owner.id)}', got another; remove it"
                reading.report.refuse(event.node, message)
            caught.add(code)


def _definitions(event: FlowNode, kind: str) -> list[Node]:
    return [each for each in event_definitions(event.node) if each.name == f"{kind}EventDefinition"]
