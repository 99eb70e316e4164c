"""What is measured of batch operations: counted once, by the times of the log, and the same after a crash."""

from __future__ import annotations

import pytest

from engine.batch.backlog import batch_work
from engine.batch.measures import (
    DURATION,
    DURATION_BOUNDS_MS,
    ERRORS,
    EVENTS,
    ITEMS,
    LATENCY,
    MEASURES,
    OUTCOMES,
    QUERIES,
    TIMES,
)
from engine.core.tallies import Tally, read_tallies
from engine.records.batch_options import BatchOptions
from engine.records.intents import INTENTS
from tests.support import models as m
from tests.support.actions import CANCEL, batch, manage
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

HOUR = 3_600_000


def counts(s: Scenario, name: str, partition: int = 1) -> dict[tuple[str, ...], int]:
    return {tally.labels: sum(tally.counts) for tally in tallies(s, name, partition)}


def tallies(s: Scenario, name: str, partition: int = 1) -> list[Tally]:
    s.flush_all()
    return [tally for tally in read_tallies(s.partitions[partition].store) if tally.name == name]


def one(s: Scenario, name: str, *labels: str) -> Tally:
    (found,) = [tally for tally in tallies(s, name) if tally.labels == labels]
    return found


def begin(s: Scenario, count: int = 3, **options: object) -> int:
    s.deploy(m.one_task())
    for _ in range(count):
        s.create("one")
    return s.when(batch(options=BatchOptions(**options)), 1).all("BATCH_OPERATION_CREATION", "CREATED")[0].key  # type: ignore[arg-type]


def test_what_a_batch_operation_does_is_counted_where_it_is_done(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"slice_size": 2})
    begin(s, 3)
    lead, other = counts(s, EVENTS), counts(s, EVENTS, 2)
    once = {"created": 1, "query": 1, "chunkCreated": 1, "initialized": 1, "execute": 2, "completed": 1}
    assert lead == {(action, CANCEL): number for action, number in once.items()}
    assert other == {("query", CANCEL): 1, ("initialized", CANCEL): 1}
    assert counts(s, QUERIES) == {("completed",): 1}
    assert one(s, ITEMS, CANCEL).sum == 3
    assert tallies(s, ITEMS, 2)[0].sum == 0
    assert "BATCH_TIMES" not in s.rows()


def test_times_are_those_of_the_log_also_over_a_restart(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    s.send(batch())
    s.drain(initialize=False)
    s.now += HOUR
    s.flush(1)
    s.crash(1)
    s.drain()
    duration = one(s, DURATION, CANCEL)
    assert duration.sum == HOUR
    assert duration.counts[DURATION_BOUNDS_MS.index(HOUR)] == sum(duration.counts) == 1
    assert one(s, LATENCY, "totalQueryLatency", CANCEL).sum == HOUR
    assert one(s, LATENCY, "startExecuteLatency", CANCEL).sum == 0
    before = counts(s, EVENTS)
    s.crash(1)
    assert counts(s, EVENTS) == before


def test_a_pause_is_no_latency_but_part_of_the_whole(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    begin(s, 2, start_at=s.now + HOUR)
    s.advance(HOUR)
    assert one(s, LATENCY, "startExecuteLatency", CANCEL).sum == 0
    assert one(s, LATENCY, "executeCycleLatency", CANCEL).counts[0] == 1
    assert one(s, LATENCY, "totalExecutionLatency", CANCEL).sum == HOUR


def test_suspensions_are_counted_on_the_lead_partition(scenario: MakeScenario) -> None:
    s = scenario(2)
    key = begin(s, 2, start_at=s.now + HOUR)
    s.when(manage("SUSPEND", key))
    s.now += HOUR
    s.when(manage("RESUME", key))
    assert (counts(s, EVENTS)["suspended", CANCEL], counts(s, EVENTS)["resumed", CANCEL]) == (1, 1)
    assert not {("suspended", CANCEL), ("resumed", CANCEL)} & counts(s, EVENTS, 2).keys()
    assert one(s, LATENCY, "startExecuteLatency", CANCEL).sum == 0


def test_what_was_canceled_is_counted_as_that_and_has_no_duration(scenario: MakeScenario) -> None:
    s = scenario(2)
    key = begin(s, 2, start_suspended=True)
    s.when(manage("CANCEL", key))
    assert counts(s, EVENTS)["cancelled", CANCEL] == 1
    assert ("cancelled", CANCEL) not in counts(s, EVENTS, 2)
    assert tallies(s, DURATION) == []
    assert "BATCH_TIMES" not in s.rows()


def test_each_query_is_counted_once_as_what_it_was(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    s.search.failures = ["never"]
    s.when(batch(), 1)
    assert counts(s, QUERIES) == {("failed",): 1}
    assert counts(s, EVENTS)["query", CANCEL] == 1
    assert counts(s, EVENTS)["failed", CANCEL] == 1


def test_failed_items_are_counted_by_error(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    instance = s.create("one")
    s.cancel(instance)
    other = s.create("one")
    s.cancel(other)
    s.when(batch(filter_text="", item_keys=(instance, other)), 1)
    assert counts(s, ERRORS) == {(CANCEL, "NOT_FOUND"): 2}


def test_outcomes_are_counted_once_a_slice_whatever_becomes_of_the_rest(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 2})
    begin(s, 3)
    assert counts(s, OUTCOMES) == {(CANCEL, "COMPLETED"): 3}
    instances = [s.create("one") for _ in range(3)]
    s.cancel(instances[0])
    slow = batch(filter_text="", item_keys=tuple(instances), options=BatchOptions(rate=0.001))
    key = s.when(slow, 1).one("BATCH_OPERATION_CREATION", "CREATED").key
    assert counts(s, OUTCOMES) == {(CANCEL, "COMPLETED"): 3, (CANCEL, "FAILED"): 1}
    s.when(manage("CANCEL", key))
    assert counts(s, OUTCOMES) == {(CANCEL, "COMPLETED"): 3, (CANCEL, "FAILED"): 1, (CANCEL, "CANCELED"): 2}


@pytest.mark.parametrize(
    ("options", "phase"),
    [({"start_suspended": True}, "suspended"), ({"start_at": 1 << 45}, "waiting"), ({"rate": 0.001}, "waiting")],
)
def test_what_waits_is_told(scenario: MakeScenario, options: dict[str, object], phase: str) -> None:
    s = scenario()
    begin(s, 3, **options)
    work = batch_work(s.machine())
    assert {name: count for name, count in work.parts.items() if count} == {phase: 1}
    executed = 1 if "rate" in options else 0
    assert work.pending == (0 if phase == "suspended" else 3 - executed), "who is suspended has not looked for items"
    assert work.rate == options.get("rate", 0.0)


def test_every_measure_belongs_to_an_event() -> None:
    events = {(family, intent) for family, names in INTENTS.items() for intent in names.events}
    assert MEASURES.keys() <= events
    assert TIMES.number == 171
