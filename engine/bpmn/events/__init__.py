"""What events throw or wait for: one file a kind of event definition, all of them listed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.bpmn.model import RECEIVE_TASK, EventDefinition
from engine.bpmn.names import EVENT_DEFINITIONS_EXECUTED
from engine.bpmn.outline import FlowNode, event_definitions
from engine.bpmn.xml_tree import Node

from . import link, message, signal, thrown, timer
from .compensation import read_compensation
from .reading import Reading
from .terminate import read_terminate

#: name of an event definition -> what reads and checks it: the event, its definition; None after a problem
READERS: Mapping[str, Callable[[FlowNode, Node, Reading], EventDefinition | None]] = {
    "errorEventDefinition": thrown.read_error,
    "escalationEventDefinition": thrown.read_escalation,
    "signalEventDefinition": signal.read_signal,
    "linkEventDefinition": link.read_link,
    "compensateEventDefinition": read_compensation,
    "terminateEventDefinition": read_terminate,
    "timerEventDefinition": timer.read_timer,
    "messageEventDefinition": message.read_message,
}

__all__ = ["READERS", "Reading", "read_event"]


def read_event(flow_node: FlowNode, reading: Reading) -> EventDefinition | None:
    """The definition of an event; None for a none event, and for one that is refused."""
    if flow_node.type == RECEIVE_TASK:
        return message.read_message(flow_node, flow_node.node, reading)
    for definition in event_definitions(flow_node.node):
        if definition.name in EVENT_DEFINITIONS_EXECUTED.get(flow_node.place, ()):
            return READERS[definition.name](flow_node, definition, reading)
    return None
