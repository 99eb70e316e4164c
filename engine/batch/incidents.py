"""Items of a batch operation that failed too often and wait for somebody: its incidents.

An item with an incident has no outcome, so its batch operation stays open. Resolved, it is executed again behind all
that is pending, or has FAILED, as whoever resolves it says. Rule: what is given up (canceled, or failed on this
partition) needs nobody any more, so its items with incidents are canceled like all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from msgspec import structs

from engine.core.draft import REJECTION_REASON_LENGTH_MAX
from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.record import Record
from engine.core.record import command as make_command
from engine.core.registry import Fact
from engine.core.state import State, View, key_tail
from engine.records import BatchOperationIncident
from engine.records.batch_operation_incident import CANCEL, FAIL, RESOLUTIONS, RETRY

from .chunks import append_items
from .life import event_of, state_of
from .lifecycle import step_of
from .outcomes import outcome
from .pacing import advance, put_progress
from .supervision import supervise
from .tables import BATCHES, INCIDENTS, PROGRESS, Batch, Incident, Target, pack_items

FAMILY = "BATCH_OPERATION_INCIDENT"
#: Incidents that one step resolves.
RESOLVED_PER_STEP_MAX = 100


def raise_incident(view: View, key: int, batch: Batch, target: Target, refusal: Reject) -> Event:
    """An item has failed too often."""
    value = structs.replace(
        _value_of(key, batch, target),
        error_code=refusal.code,
        error_message=refusal.reason[:REJECTION_REASON_LENGTH_MAX],
    )
    return Event(value_type=FAMILY, intent="CREATED", key=view.next_key(), value=value)


def resolve(command: Record, view: View) -> Effects:
    """RESOLVE, from a client: the incident with the command's key."""
    wish = cast(BatchOperationIncident, command.value)
    key = wish.batch_operation_key
    check_resolution(wish.resolution)
    batch, found = view.get(BATCHES, key), view.get(INCIDENTS, key, command.key)
    if batch is None or found is None:
        text = (
            f"expected an incident of batch operation {key}, got key {command.key} of none; it may be resolved already"
        )
        raise Reject(NOT_FOUND, text)
    event_of("RESOLVE_INCIDENTS", state_of(view, key), key)
    yield from _resolve(view, key, batch, [(command.key, found)], wish.resolution, answers=True)


def check_resolution(resolution: str) -> None:
    """What a client may wish. Raises Reject."""
    if resolution not in (RETRY, FAIL):
        raise Reject(INVALID_ARGUMENT, f"resolution: expected {RETRY} or {FAIL}, got '{resolution}'; correct it")


def resolve_all(view: View, key: int, resolution: str) -> Effects:
    """All that there are now on this partition, some in each step: the command that begins with them."""
    if view.scan(INCIDENTS, key, limit=1):
        yield _resolve_later(
            view, BatchOperationIncident(batch_operation_key=key, resolution=resolution, key_max=view.last_key)
        )


def resolve_some(command: Record, view: View) -> Effects:
    """RESOLVE_SOME, from this partition: the next ones with keys up to `key_max`."""
    wish = cast(BatchOperationIncident, command.value)
    key = wish.batch_operation_key
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None or progress.abandoned or wish.resolution not in RESOLUTIONS:
        raise Reject(NOT_FOUND, f"expected incidents of batch operation {key} to resolve, but it is given up or over")
    rows = view.scan(INCIDENTS, key, limit=RESOLVED_PER_STEP_MAX)
    found = [(key_tail(place), row) for place, row in rows if key_tail(place) <= wish.key_max]
    if not found:
        raise Reject(INVALID_STATE, f"expected incidents of batch operation {key} to resolve, got none that are left")
    if len(found) == RESOLVED_PER_STEP_MAX:
        yield _resolve_later(view, wish)
    yield from _resolve(view, key, batch, found, wish.resolution)


def give_up(view: View, key: int, batch: Batch, budget: int, resolution: str) -> Effects:
    """Of what is given up: items with incidents are canceled or have FAILED, as many as a step may have effects."""
    for place, row in view.scan(INCIDENTS, key, limit=view.settings.step_effects_max):
        if view.effort >= budget:
            break
        yield from _end(key, batch, key_tail(place), row, resolution)


def _resolve_later(view: View, value: BatchOperationIncident) -> Send:
    key = value.batch_operation_key
    again = make_command(FAMILY, "RESOLVE_SOME", value, key=key, step=step_of(key))
    return Send(partition=view.partition, command=again)


def _resolve(
    view: View,
    key: int,
    batch: Batch,
    found: Iterable[tuple[int, Incident]],
    resolution: str,
    *,
    answers: bool = False,
) -> Effects:
    before = view.get(PROGRESS, key)
    for incident_key, row in found:
        yield from _end(key, batch, incident_key, row, resolution, answers=answers)
    if resolution == FAIL:
        yield from supervise(view, key)
    if before is not None and (before.wakes_at or not before.has_pending):  # else its loop is under way
        yield from advance(view, key)


def _end(
    key: int, batch: Batch, incident_key: int, row: Incident, resolution: str, *, answers: bool = False
) -> Effects:
    value = structs.replace(_value_of(key, batch, row), resolution=resolution)
    yield Event(value_type=FAMILY, intent="RESOLVED", key=incident_key, value=value, answers=answers)
    if resolution == FAIL:
        yield outcome("FAILED", key, batch, row, Reject(row.error_code, row.error_message))
    elif resolution == CANCEL:
        yield outcome("CANCELED", key, batch, row)


def _value_of(key: int, batch: Batch, target: Target) -> BatchOperationIncident:
    return BatchOperationIncident(
        batch_operation_key=key,
        batch_operation_type=batch.type,
        item_key=target.item_key,
        process_instance_key=target.process_instance_key,
        root_process_instance_key=target.root_process_instance_key,
    )


def apply_created(fact: Fact, state: State) -> None:
    value = cast(BatchOperationIncident, fact.value)
    key = value.batch_operation_key
    row = Incident(
        item_key=value.item_key,
        process_instance_key=value.process_instance_key,
        root_process_instance_key=value.root_process_instance_key,
        error_code=value.error_code,
        error_message=value.error_message,
    )
    state.put(INCIDENTS, key, fact.key, value=row)
    progress = state.require(PROGRESS, key)
    state.put(PROGRESS, key, value=structs.replace(progress, incidents=progress.incidents + 1))


def apply_resolved(fact: Fact, state: State) -> None:
    """Its item is pending again, as if it had never been executed, unless an outcome follows."""
    value = cast(BatchOperationIncident, fact.value)
    key = value.batch_operation_key
    state.delete(INCIDENTS, key, fact.key)
    progress = state.require(PROGRESS, key)
    progress = structs.replace(progress, incidents=progress.incidents - 1)
    if value.resolution == RETRY:
        progress = append_items(state, key, progress, pack_items([value]))
    put_progress(state, key, progress, fact.now)
