"""Signal events (BPMN 2.0, 10.5.1; Camunda 8 "Signal events"): thrown to all who wait for the signal's name."""

from __future__ import annotations

from engine.bpmn import model
from engine.bpmn.model import Signal
from engine.bpmn.outline import FlowNode
from engine.bpmn.report import quote
from engine.bpmn.xml_tree import Node

from .message import static_name
from .reading import Reading


def read_signal(event: FlowNode, definition: Node, reading: Reading) -> Signal | None:
    reference = definition.get("signalRef")
    signal = reading.definitions.get(("signal", reference))
    problem = ""
    if signal is None:
        problem = f"expected signalRef to name a bpmn:signal of this file, got '{quote(reference)}'; set it"
    elif not signal.get("name").strip():
        problem = f"expected signal '{quote(reference)}' to have a name, got none; set it"
    if signal is None or problem:
        reading.report.refuse(event.node, problem, at=definition)
        return None
    name = reading.expressions.property(event.node, definition, "the signal name", signal.get("name").strip())
    if event.place == model.START_EVENT:
        name = static_name(event, definition, name, reading)
    return Signal(name=name) if name is not None else None
