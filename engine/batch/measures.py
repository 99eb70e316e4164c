"""What is measured of batch operations: by their events and the times of the log, kept in the state (`core.tallies`).

A measure is taken before its event is applied, so it sees what was until then. Names and meanings are Camunda 8's
(its metrics `zeebe.batchoperations.…`), but each query and each end is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from msgspec import Struct, structs

from engine.core.registry import Applier, Fact, Part, table_values
from engine.core.state import State, Table
from engine.core.tallies import TALLIES, count, observe
from engine.records import (
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationPartitionLifecycle,
)

from .appliers import COUNTERS
from .initialization import QUERY_FAILED
from .lifecycle import CHUNK, CREATION, EXECUTION, INITIALIZATION, MANAGEMENT, PARTITION_LIFECYCLE
from .outcomes import ITEM
from .tables import BATCHES, PROGRESS

#: Names of tallies, with their labels.
EVENTS = "batch events"  # action, type
QUERIES = "batch queries"  # status
ITEMS = "batch items"  # type
DURATION = "batch duration"  # type
LATENCY = "batch latency"  # which, type
ERRORS = "batch errors"  # type, code
OUTCOMES = "batch outcomes"  # type, outcome

#: Upper bounds of items in a part, of the life of a batch operation and of its phases, both in ms.
ITEM_BOUNDS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
DURATION_BOUNDS_MS = (
    *(10, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000),
    *(3_600_000, 18_000_000, 36_000_000),
)
LATENCY_BOUNDS_MS = (1, 2, 5, *DURATION_BOUNDS_MS)

#: How a batch operation ended -> the action that is counted. A failed partition is a failure.
ENDS = {"COMPLETED": "completed", "PARTIALLY_COMPLETED": "failed", "FAILED": "failed", "CANCELED": "cancelled"}


class Times(Struct, frozen=True, kw_only=True, array_like=True):
    """When a part of a batch operation was created and knew its items; since when its next slice could begin.

    In ms since 1970, 0 for not yet. `begun`: whether there was a slice. `told`: how many outcomes were counted, in the
    order of COUNTERS: once a slice, not once an item.
    """

    created: int
    initialized: int = 0
    ready: int = 0
    begun: bool = False
    told: tuple[int, ...] = (0,) * len(COUNTERS)


#: (batch operation key,) while its part on this partition, or on the lead partition it, has not ended
TIMES = Table(171, "BATCH_TIMES", Times)

Measure = Callable[[Fact, State], None]


def _type(state: State, key: int) -> str:
    return state.require(BATCHES, key).type


def _leads(fact: Fact, state: State) -> bool:
    return state.require(BATCHES, fact.key).lead_partition == fact.step.partition_id


def _created(fact: Fact, state: State) -> None:
    value = cast(BatchOperationCreation, fact.value)
    state.put(TIMES, fact.key, value=Times(created=fact.now))
    if value.lead_partition == fact.step.partition_id:
        count(state, EVENTS, "created", value.batch_operation_type)


def _queried(fact: Fact, state: State) -> None:
    count(state, EVENTS, "query", _type(state, fact.key))
    count(state, QUERIES, "completed")


def _query_failed(fact: Fact, state: State) -> None:
    if cast(BatchOperationInitialization, fact.value).error_type == QUERY_FAILED:
        count(state, EVENTS, "query", _type(state, fact.key))
        count(state, QUERIES, "failed")


def _chunk_created(fact: Fact, state: State) -> None:
    count(state, EVENTS, "chunkCreated", _type(state, fact.key))


def _initialized(fact: Fact, state: State) -> None:
    _queried(fact, state)
    kind, times = _type(state, fact.key), state.require(TIMES, fact.key)
    count(state, EVENTS, "initialized", kind)
    total = cast(BatchOperationInitialization, fact.value).total
    observe(state, ITEMS, kind, value=total, bounds=ITEM_BOUNDS)
    _observe_latency(state, "totalQueryLatency", kind, fact.now - times.created)
    state.put(TIMES, fact.key, value=structs.replace(times, initialized=fact.now, ready=fact.now))


def _executed(fact: Fact, state: State) -> None:
    value = cast(BatchOperationExecution, fact.value)
    if state.require(PROGRESS, fact.key).abandoned or not value.item_count + value.retry_count:
        return
    kind, times = _type(state, fact.key), _with_outcomes_counted(fact, state)
    count(state, EVENTS, "execute", kind)
    which = "executeCycleLatency" if times.begun else "startExecuteLatency"
    _observe_latency(state, which, kind, fact.now - times.ready)
    state.put(TIMES, fact.key, value=structs.replace(times, ready=fact.now, begun=True))


def _with_outcomes_counted(fact: Fact, state: State) -> Times:
    """Those since the last time are counted. The times that say so, for the caller to keep."""
    kind, times, progress = _type(state, fact.key), state.require(TIMES, fact.key), state.require(PROGRESS, fact.key)
    now = tuple(getattr(progress, counter) for counter in COUNTERS.values())
    for outcome, reached, before in zip(COUNTERS, now, times.told, strict=True):
        if reached > before:
            count(state, OUTCOMES, kind, outcome, more=reached - before)
    return structs.replace(times, told=now)


def _goes_on(fact: Fact, state: State) -> None:
    """A pause that was wanted is no latency."""
    times = state.require(TIMES, fact.key)
    if times.initialized:
        state.put(TIMES, fact.key, value=structs.replace(times, ready=fact.now))


def _suspended(fact: Fact, state: State) -> None:
    if _leads(fact, state):
        count(state, EVENTS, "suspended", _type(state, fact.key))


def _resumed(fact: Fact, state: State) -> None:
    if _leads(fact, state):
        count(state, EVENTS, "resumed", _type(state, fact.key))
    _goes_on(fact, state)


def _failed_item(fact: Fact, state: State) -> None:
    value = cast(BatchOperationItem, fact.value)
    count(state, ERRORS, value.batch_operation_type, value.error_code)


def _part_ended(is_completed: bool, fact: Fact, state: State) -> None:
    if cast(BatchOperationPartitionLifecycle, fact.value).source_partition_id != fact.step.partition_id:
        return
    times = _with_outcomes_counted(fact, state)
    if is_completed:
        elapsed = fact.now - times.initialized
        _observe_latency(state, "totalExecutionLatency", _type(state, fact.key), elapsed)
    if _leads(fact, state):
        state.put(TIMES, fact.key, value=times)
    else:
        state.delete(TIMES, fact.key)


def _ended(final: str, fact: Fact, state: State) -> None:
    kind, times = _type(state, fact.key), state.require(TIMES, fact.key)
    count(state, EVENTS, ENDS[final], kind)
    if final != "CANCELED":
        observe(state, DURATION, kind, value=fact.now - times.created, bounds=DURATION_BOUNDS_MS)
    state.delete(TIMES, fact.key)


def _observe_latency(state: State, which: str, kind: str, elapsed_ms: int) -> None:
    observe(state, LATENCY, which, kind, value=elapsed_ms, bounds=LATENCY_BOUNDS_MS)


#: Event -> what is measured of it.
MEASURES: Mapping[tuple[str, str], Measure] = {
    (CREATION, "CREATED"): _created,
    (INITIALIZATION, "INITIALIZING"): _queried,
    (INITIALIZATION, "RETRYING"): _query_failed,
    (INITIALIZATION, "FAILED"): _query_failed,
    (INITIALIZATION, "INITIALIZED"): _initialized,
    (CHUNK, "CREATED"): _chunk_created,
    (EXECUTION, "EXECUTED"): _executed,
    (EXECUTION, "CONTINUED"): _goes_on,
    (ITEM, "FAILED"): _failed_item,
    (MANAGEMENT, "SUSPENDED"): _suspended,
    (MANAGEMENT, "RESUMED"): _resumed,
    (PARTITION_LIFECYCLE, "PARTITION_COMPLETED"): partial(_part_ended, True),
    (PARTITION_LIFECYCLE, "PARTITION_CANCELED"): partial(_part_ended, False),
    (PARTITION_LIFECYCLE, "PARTITION_FAILED"): partial(_part_ended, False),
    **{(MANAGEMENT, final): partial(_ended, final) for final in ENDS},
}


def measured(part: Part) -> Part:
    """The part of batch operations, with each of its appliers behind the measure of its event."""
    appliers = {
        name: _behind(MEASURES[name], apply) if name in MEASURES else apply for name, apply in part.appliers.items()
    }
    return structs.replace(part, appliers=appliers, tables=(*part.tables, *table_values(TALLIES, TIMES)))


def _behind(measure: Measure, apply: Applier) -> Applier:
    def apply_measured(fact: Fact, state: State) -> None:
        measure(fact, state)
        apply(fact, state)

    return apply_measured
