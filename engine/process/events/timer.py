"""Timers of element instances: due at a time, once or again and again (Camunda 8 "Timer events")."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import structs

from engine.bpmn.feel import EvaluationFailure, Variables, brief
from engine.bpmn.model import Element
from engine.bpmn.model import Timer as TimerDefinition
from engine.bpmn.schedules import FOREVER, Schedule, next_due, read_schedule
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT, NONE
from engine.core.state import View, key_tail
from engine.records import Timer

from ..execution import Execution
from ..tables import TIMERS, TIMERS_OF, TimerRow
from ..variables import Scope


class TimerWait:
    """As `Wait`."""

    def evaluate(self, execution: Execution, key: int, catching: Element) -> Schedule:
        return evaluate_timer(catching, Scope(execution.view, key), execution.view.now)

    def open(self, execution: Execution, key: int, catching: Element, awaited: Schedule) -> Effects:
        row = TimerRow(
            element_instance_key=key,
            process_instance_key=execution.instance_key,
            process_definition_key=execution.definition_key,
            target_element_id=catching.id,
            due_date=awaited.due,
            repetitions=awaited.repetitions,
            interval=awaited.interval,
        )
        timer_key = execution.view.next_key()
        yield timer_event("CREATED", timer_key, row, execution.process_id, execution.root_key)

    def move(self, execution: Execution, key: int, catching: Mapping[str, Element]) -> Effects:
        for row_key, _ in execution.view.scan(TIMERS_OF, key):
            timer_key = key_tail(row_key)
            row = execution.view.get(TIMERS, timer_key)
            if row is not None and row.target_element_id in catching:
                target = catching[row.target_element_id].id
                row = structs.replace(row, process_definition_key=execution.definition_key, target_element_id=target)
                yield timer_event("MIGRATED", timer_key, row, execution.process_id, execution.root_key)

    def close(self, execution: Execution, key: int, only: Collection[str] | None) -> Effects:
        for row_key, _ in execution.view.scan(TIMERS_OF, key):
            timer_key = key_tail(row_key)
            row = execution.view.get(TIMERS, timer_key)
            if row is not None and (only is None or row.target_element_id in only):
                yield timer_event("CANCELED", timer_key, row, execution.process_id, execution.root_key)


def evaluate_timer(event: Element, variables: Variables, now: int) -> Schedule:
    """When the timer of an event is due, seen from `now`. Raises EvaluationFailure."""
    definition = event.event
    assert isinstance(definition, TimerDefinition)
    value = definition.expression.evaluate(variables)
    if not isinstance(value, str):
        raise EvaluationFailure(f"expected a {definition.kind}, got {brief(value)}")
    return read_schedule(definition.kind, value, now)


def repeat(view: View, row: TimerRow, process_id: str, root_key: int = NONE) -> Effects:
    """A timer has fired: it is due once more, unless this was the last time."""
    if row.repetitions == 1:
        return
    due = next_due(row.interval, row.due_date, view.now)
    if due is not None:
        left = row.repetitions if row.repetitions == FOREVER else row.repetitions - 1
        following = structs.replace(row, due_date=due, repetitions=left)
        yield timer_event("CREATED", view.next_key(), following, process_id, root_key)


def timer_event(intent: str, key: int, row: TimerRow, process_id: str, root_key: int = NONE) -> Event:
    """A record about a timer."""
    value = Timer(
        **structs.asdict(row),
        bpmn_process_id=process_id,
        root_process_instance_key=root_key,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type="TIMER", intent=intent, key=key, value=value)
