"""Timers: what fires them when they are due, and what they leave in the state.

A timer belongs to the element instance that waits for it or, at a start event, to the definition that it starts.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects
from engine.core.head import clear_due, set_due
from engine.core.record import NONE
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import Timer

from . import work as kinds
from .events.timer import repeat, timer_event
from .execution import open_execution
from .lifecycle import run
from .tables import (
    HELD,
    HELD_TIMER,
    HOLDS_WAITS,
    PAUSES,
    TIMERS,
    TIMERS_OF,
    TimerRow,
    hold,
    is_suspended,
    mark_holder,
)
from .timer_starts import start_instance
from .work import Work, decode_work

#: The name under which timers are due.
TIMER = "TIMER"


def fire(key: int, view: View) -> Effects:
    """A timer is due: what it was made for happens."""
    row = view.get(TIMERS, key)
    if row is None:
        return
    if row.element_instance_key == NONE:
        yield from start_instance(view, key, row)
        return
    execution = open_execution(view, row.process_instance_key)
    if is_suspended(view, row.process_instance_key):
        yield timer_event("SUSPENDED", key, row, execution.process_id, execution.root_key)
        return
    yield timer_event("TRIGGERED", key, row, execution.process_id, execution.root_key)
    yield from repeat(view, row, execution.process_id, execution.root_key)
    happened = Work(kinds.HAPPENED, row.element_instance_key, row.target_element_id)
    if not _is_kept(view, row.process_instance_key, happened):
        execution.push(happened)
        yield from run(execution)


def _is_kept(view: View, instance_key: int, happened: Work) -> bool:
    """Whether the instance pauses and will handle an earlier time of a cycle: one is enough, so that none pile up."""
    pause = view.get(PAUSES, instance_key)
    return pause is not None and happened in decode_work(pause.work)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(Timer, fact.value)
    row = TimerRow(
        element_instance_key=value.element_instance_key,
        process_instance_key=value.process_instance_key,
        process_definition_key=value.process_definition_key,
        target_element_id=value.target_element_id,
        due_date=value.due_date,
        repetitions=value.repetitions,
        interval=value.interval,
    )
    state.put(TIMERS, fact.key, value=row)
    state.put(TIMERS_OF, _owner(row), fact.key, value=True)
    mark_holder(state, _owner(row), HOLDS_WAITS)
    set_due(state, value.due_date, TIMER, fact.key)


def _apply_migrated(fact: Fact, state: State) -> None:
    value = cast(Timer, fact.value)
    row = state.require(TIMERS, fact.key)
    moved = {"process_definition_key": value.process_definition_key, "target_element_id": value.target_element_id}
    state.put(TIMERS, fact.key, value=structs.replace(row, **moved))


def _apply_gone(fact: Fact, state: State) -> None:
    row = state.require(TIMERS, fact.key)
    state.delete(TIMERS, fact.key)
    state.delete(TIMERS_OF, _owner(row), fact.key)
    if state.get(HELD, row.process_instance_key, fact.key) is not None:
        state.delete(HELD, row.process_instance_key, fact.key)
    else:
        clear_due(state, row.due_date, TIMER, fact.key)


def _apply_suspended(fact: Fact, state: State) -> None:
    row = state.require(TIMERS, fact.key)
    clear_due(state, row.due_date, TIMER, fact.key)
    hold(state, row.process_instance_key, HELD_TIMER, row.element_instance_key, fact.key)


def _apply_resumed(fact: Fact, state: State) -> None:
    row = state.require(TIMERS, fact.key)
    state.delete(HELD, row.process_instance_key, fact.key)
    set_due(state, row.due_date, TIMER, fact.key)


def _owner(row: TimerRow) -> int:
    return row.process_definition_key if row.element_instance_key == NONE else row.element_instance_key


PART = Part(
    appliers={
        ("TIMER", "CREATED"): _apply_created,
        ("TIMER", "MIGRATED"): _apply_migrated,
        ("TIMER", "TRIGGERED"): _apply_gone,
        ("TIMER", "CANCELED"): _apply_gone,
        ("TIMER", "SUSPENDED"): _apply_suspended,
        ("TIMER", "RESUMED"): _apply_resumed,
    },
    timers={TIMER: fire},
    tables=table_values(TIMERS, TIMERS_OF),
)
