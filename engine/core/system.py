"""The families of the law itself: settings, schemas, partition messages, the clock and the intake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from engine.records.clock import Clock
from engine.records.partition_message import PartitionMessage
from engine.records.schema import Schema
from engine.records.settings import Settings

from .effects import Attempt, Effects, Event
from .faults import INVALID_ARGUMENT, INVALID_STATE, BrokenInvariant, Reject
from .head import DUE, HEAD, RECEIVED, SCHEMAS, SENT, SETTINGS, SOURCES, clear_due
from .idempotency import IDEMPOTENCY, IDEMPOTENCY_EXPIRIES
from .record import Record
from .registry import Fact, Part, table_values
from .settings import MachineSettings, problems_of
from .state import State, View, key_tail


def update_settings(command: Record, view: View) -> Effects:
    """SETTINGS UPDATE: the whole set, as JSON, which the event repeats: a build with more settings decides the same."""
    value = cast(Settings, command.value)
    try:
        wanted = msgspec.json.decode(value.settings, type=MachineSettings)
    except msgspec.DecodeError as error:
        raise Reject(INVALID_ARGUMENT, f"expected the settings of the machine, got: {error}") from None
    if problems := problems_of(wanted):
        raise Reject(INVALID_ARGUMENT, f"expected settings that can be decided with, got {'; '.join(problems)}")
    if wanted == view.settings and view.get(SETTINGS) is not None:
        raise Reject(INVALID_STATE, "expected settings that differ from those in force, got the same")
    yield Event(value_type="SETTINGS", intent="UPDATED", value=value)


def _apply_settings(fact: Fact, state: State) -> None:
    text = cast(Settings, fact.value).settings
    state.put(SETTINGS, value=msgspec.json.decode(text, type=MachineSettings))


def register_schema(command: Record, view: View) -> Effects:
    """SCHEMA REGISTER: a log explains itself."""
    value = cast(Schema, command.value)
    if view.get(SCHEMAS, value.fingerprint) is not None:
        raise Reject(INVALID_STATE, f"expected a new schema, got {value.name} {value.fingerprint}, which is registered")
    yield Event(value_type="SCHEMA", intent="REGISTERED", value=value)


def _apply_schema(fact: Fact, state: State) -> None:
    value = cast(Schema, fact.value)
    state.put(SCHEMAS, value.fingerprint, value=value.name)


def _apply_sent(fact: Fact, state: State) -> None:
    value = cast(PartitionMessage, fact.value)
    number = (state.get(SENT, value.receiver_partition) or 0) + 1
    if value.number != number:
        raise BrokenInvariant(f"expected message {number} to partition {value.receiver_partition}, got {value.number}")
    state.put(SENT, value.receiver_partition, value=number)


def tick_part(parts: Sequence[Part]) -> Part:
    """CLOCK TICK for the timers of these parts: fires what is due, a bounded number at a time."""
    timers = {name: timer for part in parts for name, timer in part.timers.items()}

    def tick(command: Record, view: View) -> Effects:
        until = (view.now + 1).to_bytes(8, "big")
        due = view.scan(DUE, limit=view.settings.due_per_tick_max, until=until)
        if not due:
            raise Reject(INVALID_STATE, f"expected something to be due at {view.now}, got nothing: the tick is stale")
        full = view.effort + view.settings.step_effects_max
        for row, _ in due:
            if view.effort >= full:
                break
            key, name = key_tail(row), row[8:-9].decode()
            refusal = yield Attempt(effects=fire(name, key, view))
            if refusal is not None or view.get(DUE, int.from_bytes(row[:8], "big"), name, key) is not None:
                yield from _set_aside(row, name, key, command, refusal, view)

    def fire(name: str, key: int, view: View) -> Effects:
        yield from timers[name](key, view)

    return Part(processors={("CLOCK", "TICK"): tick})


def _set_aside(row: bytes, name: str, key: int, tick: Record, refusal: Reject | None, view: View) -> Effects:
    """A timer that fails, or that would be due for ever, is dropped, and its instance told of; others go on."""
    value = Clock(due=int.from_bytes(row[:8], "big"), timer=name)
    yield Event(value_type="CLOCK", intent="TIMER_DROPPED", key=key, value=value)
    if refusal is not None:
        timer = msgspec.structs.replace(tick, intent=name, key=key, value=value)
        yield Attempt(effects=view.quarantine(timer, refusal))


def _apply_timer_dropped(fact: Fact, state: State) -> None:
    value = cast(Clock, fact.value)
    clear_due(state, value.due, value.timer, fact.key)


def due_at(state: State) -> int | None:
    """When the next timer is due, ms since 1970 (UTC)."""
    rows = state.scan(DUE, limit=1)
    return int.from_bytes(rows[0][0][:8], "big") if rows else None


PART = Part(
    processors={
        ("SETTINGS", "UPDATE"): update_settings,
        ("SCHEMA", "REGISTER"): register_schema,
    },
    appliers={
        ("SETTINGS", "UPDATED"): _apply_settings,
        ("SCHEMA", "REGISTERED"): _apply_schema,
        ("PARTITION_MESSAGE", "SENT"): _apply_sent,
        ("CLOCK", "TIMER_DROPPED"): _apply_timer_dropped,
    },
    tables=table_values(HEAD, SOURCES, SENT, RECEIVED, SETTINGS, DUE, SCHEMAS, IDEMPOTENCY, IDEMPOTENCY_EXPIRIES),
)
