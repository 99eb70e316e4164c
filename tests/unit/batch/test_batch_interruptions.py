"""Suspend, resume and cancel at every instant of a batch operation: it always ends, and its numbers always add up.

The run is deterministic, so it is walked step by step: for each k a fresh run is interrupted after its k-th step.
"""

from __future__ import annotations

import pytest

from engine.core.record import partition_of
from tests.support import models as m
from tests.support.actions import CANCEL, RESOLVE, activate, batch, fail, manage
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

SETTINGS = {"chunk_size": 2, "db_chunk_size": 3, "query_page_size": 3, "slice_size": 2}
FINAL = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")
FAMILY = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"


def prepare(scenario: MakeScenario, partitions: int, kind: str) -> tuple[Scenario, int]:
    """Instances on every partition, and a batch operation over them that has just been created; gives its key."""
    s = scenario(partitions, settings=SETTINGS)
    s.deploy(m.one_task())
    for partition in range(1, partitions + 1):
        for _ in range(5):
            s.create("one", partition=partition)
        if kind == RESOLVE:
            for key in activate(s, partition=partition):
                fail(s, key)
    s.send(batch(kind), partitions)
    s.step(partitions)
    s.flush(partitions)
    return s, s.records(partitions)[-1].key if partitions == 1 else created_key(s, partitions)


def created_key(s: Scenario, partition: int) -> int:
    return next(r.key for r in reversed(s.records(partition)) if r.value_type == "BATCH_OPERATION_CREATION")


def final_of(s: Scenario) -> list[str]:
    return [r.intent for r in s.everything().all(FAMILY) if r.intent in FINAL]


def walk(s: Scenario, steps: int) -> bool:
    """Take so many steps; False when there were fewer."""
    return all(s.one() for _ in range(steps))


def run_interrupted(scenario: MakeScenario, partitions: int, kind: str, after: int, *commands: str) -> bool:
    """Interrupt a run after some steps by commands, three steps apart, and let it finish. False: it was over before."""
    s, key = prepare(scenario, partitions, kind)
    if not walk(s, after):
        assert final_of(s) == ["COMPLETED"]
        return False
    for name in commands:
        s.send(manage(name, key), partition_of(key))
        walk(s, 3)
    s.drain()
    if final_of(s) == [] and "SUSPEND" in commands:
        s.when(manage("RESUME", key), partition_of(key))
    ends = final_of(s)
    assert len(ends) == 1, f"expected one end, got {ends}\n{s.log()}"
    assert ends[0] == "CANCELED" if s.everything().all(FAMILY, "CANCELING") else "COMPLETED"
    assert not s.partitions[1].state.scan(next(t for t in s.partitions[1].state.tables if t.name == "BATCHES"))
    return True


@pytest.mark.parametrize("kind", [CANCEL, RESOLVE])
@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize(
    "commands",
    [("SUSPEND", "RESUME"), ("CANCEL",), ("SUSPEND", "CANCEL"), ("SUSPEND", "RESUME", "SUSPEND", "RESUME", "CANCEL")],
    ids="-".join,
)
def test_interrupted_at_every_instant(
    scenario: MakeScenario, kind: str, partitions: int, commands: tuple[str, ...]
) -> None:
    after = 0
    while run_interrupted(scenario, partitions, kind, after, *commands):
        after += 1
    assert after >= 8


@pytest.mark.parametrize("partitions", [1, 3])
def test_crashed_at_every_instant(scenario: MakeScenario, partitions: int) -> None:
    after = 0
    while True:
        s, _ = prepare(scenario, partitions, CANCEL)
        if not walk(s, after):
            break
        for number in s.partitions:
            s.step(number)
            s.crash(number)
        s.drain()
        assert final_of(s) == ["COMPLETED"]
        after += 1
    assert after >= 8
