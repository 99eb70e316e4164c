"""Batch operations are slower while clients' commands take too long, and say so."""

from __future__ import annotations

import pytest

from engine.batch.yielding import HOLD_MS, PAUSE_MIN_MS, TURN_MS_MAX, Yields
from engine.core.record import Record
from engine.core.record import command as make_command
from engine.records import BatchOperationExecution, CommandLatency
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import EXECUTION, completed, counts, final, is_over, populate, start
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario

LATENCY = "COMMAND_LATENCY"
SLOW, BETWEEN, CALM = 101, 100, 50


def measure(s: Scenario, latency: int, partition: int = 1) -> Moment:
    """What the shell would tell of this latency."""
    command = wanted(s, latency, partition)
    return s.when_internal(command, partition) if command else s.since(s.marks())


def wanted(s: Scenario, latency: int, partition: int = 1) -> Record | None:
    return Yields().measurement(s.machine(partition), s.now, latency, 20)


def pauses(s: Scenario) -> list[int]:
    """That were measured."""
    return [record.value.pause for record in s.everything().all(LATENCY, "MEASURED")]  # type: ignore[attr-defined]


def said(s: Scenario) -> list[tuple[str, int]]:
    """What batch operations told of it."""
    found = []
    for record in s.everything().all(EXECUTION):
        if record.intent.startswith("YIELDING"):
            assert isinstance(record.value, BatchOperationExecution)
            found.append((record.intent, record.value.yield_pause))
    return found


def running(s: Scenario, count: int = 10, **options: object) -> int:
    """A batch operation that pauses for a second after its first slice of one item."""
    populate(s, count)
    return start(s, rate=1.0, slice_size=1, **options)


def test_slices_are_further_apart_the_longer_it_is_too_slow(scenario: MakeScenario) -> None:
    s = scenario()
    running(s)
    for _ in range(9):
        measure(s, SLOW)
        s.advance(1_000)
    assert pauses(s) == [10, 20, 40, 80, 160, 320, 640, 1_000]  # the ninth changes nothing
    assert said(s) == [("YIELDING", pause) for pause in pauses(s)]


def test_it_goes_on_as_fast_as_before_when_it_is_calm_again(scenario: MakeScenario) -> None:
    s = scenario()
    running(s)
    for latency in (SLOW, SLOW, SLOW, BETWEEN, CALM + 1, CALM, CALM, CALM):
        measure(s, latency)
        s.advance(1_000)
    assert pauses(s) == [10, 20, 40, 20, 10, 0]  # between calm and too slow it stays as it is
    assert said(s)[-1] == ("YIELDING_ENDED", 0)
    assert "YIELDING" not in s.rows()


def test_a_slice_waits_for_its_pause(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    populate(s, 4)
    key = start(s, start_suspended=True)
    for pause in (10, 20, 40):
        s.when_internal(tell(s, SLOW)).one(LATENCY, "MEASURED")
        assert pauses(s)[-1] == pause
        s.now += 1_000
    s.when(manage("RESUME", key))
    assert completed(s) == 1
    s.advance(39)
    assert completed(s) == 1
    s.advance(1)
    assert completed(s) == 2
    for _ in range(2):
        s.advance(40)
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def tell(s: Scenario, latency: int, after: int | None = None) -> Record:
    """A measurement, whether the machine wants it or not."""
    if after is None:
        row = s.everything().all(LATENCY, "MEASURED")
        after = row[-1].step.timestamp if row else 0
    return make_command(LATENCY, "MEASURE", CommandLatency(latency=latency, commands=20, after=after))


def test_several_share_the_times_there_are(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    populate(s, 6)
    keys = three_suspended(s)
    s.when_internal(tell(s, SLOW))
    for key in keys:
        s.when(manage("RESUME", key))
    before = executed(s)
    for _ in range(3 * PAUSE_MIN_MS):
        s.advance(1)
    assert before == 3
    assert executed(s) == 6


def three_suspended(s: Scenario) -> list[int]:
    for _ in range(3):
        start(s, start_suspended=True)
    return [record.key for record in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")]


def executed(s: Scenario) -> int:
    return len(s.everything().all(EXECUTION, "EXECUTED"))


def test_nobody_waits_for_ever_for_a_turn(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1, "yield_pause_max_ms": 5_000})
    populate(s, 6)
    keys = three_suspended(s)
    for _ in range(10):
        s.when_internal(tell(s, SLOW))
        s.now += 1
    assert pauses(s)[-1] == 5_000
    for key in keys:
        s.when(manage("RESUME", key))
    s.advance(TURN_MS_MAX)
    assert executed(s) == 6


def test_a_measurement_holds_for_a_while_only(scenario: MakeScenario) -> None:
    """Nobody may be there to measure again."""
    s = scenario()
    running(s)
    measure(s, SLOW)
    s.advance(1_000)
    s.advance(HOLD_MS)
    assert said(s) == [("YIELDING", 10), ("YIELDING_ENDED", 0)]


def test_a_measurement_is_renewed_before_it_lapses(scenario: MakeScenario) -> None:
    s = scenario()
    running(s)
    measure(s, SLOW)
    s.advance(HOLD_MS // 2 - 1)
    assert wanted(s, BETWEEN) is None
    s.advance(1)
    measure(s, BETWEEN).one(LATENCY, "MEASURED")
    assert pauses(s) == [10, 10]


def test_what_changes_nothing_is_not_measured(scenario: MakeScenario) -> None:
    s = scenario()
    assert wanted(s, SLOW) is None  # no batch operation
    key = running(s)
    assert wanted(s, BETWEEN) is None
    assert wanted(s, SLOW) is not None
    s.when(manage("SUSPEND", key))
    assert wanted(s, SLOW) is None
    s.when(manage("RESUME", key))
    assert wanted(s, SLOW) is not None
    s.when(manage("CANCEL", key))
    assert wanted(s, SLOW) is None


def test_one_that_waits_for_its_start_asks_nobody_to_measure(scenario: MakeScenario) -> None:
    s = scenario()
    running(s, start_at=s.now + 60_000)
    assert wanted(s, SLOW) is None


def test_nothing_ever_yields_without_a_limit(scenario: MakeScenario) -> None:
    s = scenario(settings={"yield_latency_ms": 0})
    running(s)
    assert wanted(s, 1_000_000) is None
    s.when_internal(tell(s, 1_000_000)).rejected("INVALID_STATE", "nothing has to yield")


def test_a_stale_measurement_is_refused(scenario: MakeScenario) -> None:
    s = scenario()
    running(s)
    measure(s, SLOW)
    s.when_internal(tell(s, SLOW, after=0)).rejected("INVALID_STATE", "expected a measurement after that of")
    assert pauses(s) == [10]


def test_clients_may_not_tell_it(scenario: MakeScenario) -> None:
    s = scenario()
    s.when(tell(s, SLOW), 1).rejected("FORBIDDEN")


def test_what_is_given_up_waits_for_nobody(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    populate(s, 4)
    key = start(s, start_suspended=True)
    s.when_internal(tell(s, SLOW))
    s.when(manage("RESUME", key))
    assert not is_over(s)
    s.when(manage("CANCEL", key))
    assert counts(final(s)) == (4, 1, 0, 0, 3)


def test_it_is_the_matter_of_one_partition(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"slice_size": 1})
    populate(s, 4)
    key = start(s, start_suspended=True)
    s.when_internal(tell(s, SLOW), 2)
    s.when(manage("RESUME", key))
    assert [record.step.partition_id for record in s.everything().all(EXECUTION, "YIELDING")] == [2]
    s.advance(PAUSE_MIN_MS)
    assert is_over(s)


@pytest.mark.parametrize("group_size", [1, 7])
def test_replay_decides_the_same(scenario: MakeScenario, group_size: int) -> None:
    s = scenario(group_size=group_size)
    populate(s, 6)
    s.when(batch(options=BatchOptions(rate=2.0, slice_size=1)))
    for latency in (SLOW, SLOW, CALM, CALM, SLOW, CALM):
        measure(s, latency)
        s.crash(1)
        s.advance(500)
    assert is_over(s)
