"""Timer events (BPMN 2.0, 10.5.1; Camunda 8 "Timer events"): a date, a duration or a cycle, static or FEEL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.bpmn import model
from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Timer
from engine.bpmn.names import BPMN
from engine.bpmn.outline import FlowNode, is_true
from engine.bpmn.schedules import read_schedule
from engine.bpmn.xml_tree import Node

from .reading import Reading

KINDS = {"timeDate": "date", "timeDuration": "duration", "timeCycle": "cycle"}

#: Where an event is -> the kinds of timer that it may have.
KINDS_ALLOWED: Mapping[str, tuple[str, ...]] = {
    model.START_EVENT: ("date", "cycle"),
    model.INTERMEDIATE_CATCH_EVENT: ("date", "duration"),
    model.BOUNDARY_EVENT: ("date", "duration", "cycle"),
    model.EVENT_SUB_PROCESS: ("date", "duration", "cycle"),
}


def read_timer(event: FlowNode, definition: Node, reading: Reading) -> Timer | None:
    given = [child for child in definition.children_in(BPMN) if child.name in KINDS]
    if len(given) != 1 or not given[0].text.strip():
        message = f"expected one of {', '.join(KINDS)} with a text, got {len(given)}; set one"
        reading.report.refuse(event.node, message, at=definition)
        return None
    node = given[0]
    kind, text = KINDS[node.name], node.text.strip()
    for problem in _problems(event, kind, text):
        reading.report.refuse(event.node, problem, at=node)
    expression = reading.expressions.property(event.node, node, f"the {kind}", text)
    return Timer(kind=kind, expression=expression) if expression is not None else None


def _problems(event: FlowNode, kind: str, text: str) -> Iterator[str]:
    allowed = KINDS_ALLOWED[event.place]
    if kind not in allowed:
        what = event.place.lower().replace("_", " ")
        yield f"expected the timer of this {what} to be a {' or a '.join(allowed)}, got a {kind}; change it"
    elif kind == "cycle" and _interrupts(event):
        yield "expected a timer that interrupts to be a date or a duration, got a cycle; change it"
    if not text.startswith("="):
        try:
            read_schedule(kind, text, 0)
        except EvaluationFailure as failure:
            yield f"{failure}; correct it"


def _interrupts(event: FlowNode) -> bool:
    if event.place == model.START_EVENT:
        return False
    given = event.node.get("cancelActivity" if event.type == model.BOUNDARY_EVENT else "isInterrupting")
    return not given or is_true(given)
