"""Timers that start process instances: those of the latest version of each process, on the deployment partition only.

Rule: a new version takes their place; each time one is due, an instance begins on that partition.
Source: Camunda 8 "Timer events", "Timer start events".
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element, Process, Timer
from engine.core.effects import Effects
from engine.core.record import NONE
from engine.core.state import View, key_tail

from .definitions import find_definition
from .events.timer import evaluate_timer, repeat, timer_event
from .execution import Execution
from .lifecycle import start_at
from .tables import TIMERS, TIMERS_OF, TimerRow
from .variables import Document


def problems_of(view: View, graph: Process) -> Iterator[str]:
    """Why timers at start events cannot be evaluated: no variable is there yet."""
    for start in _starts(graph):
        try:
            evaluate_timer(start, Document(view, {}), view.now)
        except EvaluationFailure as failure:
            yield f"timer start event '{start.id}' of '{graph.id}': {failure}; correct it, without variables"


def renew_timers(view: View, definition_key: int, graph: Process, before: int | None) -> Effects:
    """A version is deployed: its timers take the place of those of the version before."""
    if before is not None:
        for row_key, _ in view.scan(TIMERS_OF, before):
            timer_key = key_tail(row_key)
            row = view.get(TIMERS, timer_key)
            if row is not None:
                yield timer_event("CANCELED", timer_key, row, graph.id)
    for start in _starts(graph):
        schedule = evaluate_timer(start, Document(view, {}), view.now)
        row = TimerRow(
            element_instance_key=NONE,
            process_instance_key=NONE,
            process_definition_key=definition_key,
            target_element_id=start.id,
            due_date=schedule.due,
            repetitions=schedule.repetitions,
            interval=schedule.interval,
        )
        yield timer_event("CREATED", view.next_key(), row, graph.id)


def start_instance(view: View, key: int, row: TimerRow) -> Effects:
    """A timer of a start event is due: an instance begins there."""
    limit = view.effort + view.settings.step_effects_max
    found = find_definition(view, row.process_definition_key)
    execution = Execution(view, view.next_key(), row.process_definition_key, found)
    fired = structs.replace(row, process_instance_key=execution.instance_key)
    yield timer_event("TRIGGERED", key, fired, execution.process_id, execution.root_key)
    yield from repeat(view, row, execution.process_id)
    yield from start_at(execution, row.target_element_id, "", limit)


def _starts(graph: Process) -> Iterator[Element]:
    for name in graph.root.event_starts:
        if isinstance(graph.elements[name].event, Timer):
            yield graph.elements[name]
