"""The reference model of batch operations that are paced, fail, are retried and deleted."""

from __future__ import annotations

import random

import pytest
from msgspec import structs

from engine.batch.yielding import Yields
from engine.core.background import DeliveryResult
from engine.records import BatchOperationCreation, BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions
from tests.simulation.model import LogEntry, check
from tests.simulation.test_reference_model import assert_agrees, logs_of
from tests.support import models as m
from tests.support.actions import CANCEL, batch, manage
from tests.support.batches import update
from tests.support.identities import by
from tests.support.scenario import ASSEMBLY, Scenario, make
from tests.unit.batch.test_plans import commit

FAIL = BatchOperationLifecycleManagement(resolution="FAIL")


@pytest.mark.parametrize("partitions", [1, 2, 3])
def test_batch_operations_that_are_paced_and_fail(partitions: int) -> None:
    s = Scenario(partitions, settings={"slice_size": 2, "query_page_size": 3, "retention_ms": 60_000})
    s.deploy(m.one_task())
    keys = [s.create("one", partition=partition) for partition in s.partitions for _ in range(6)]
    wishes = [
        BatchOptions(rate=5.0, slice_size=1),
        BatchOptions(start_at=s.now + 900, failures_max=3, item_retries=2, retry_backoff=400),
        BatchOptions(start_suspended=True, failure_share_max=0.3),
    ]
    for options in wishes:
        s.when(batch(CANCEL, '{"processDefinitionId": "one"}', options=options), 1)
    created = sorted({r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")})
    for key in keys[::3]:
        s.cancel(key)
    for intent in ("UPDATE", "RESUME", "RESUME", "DELETE", "CANCEL", "DELETE"):
        for key in created:
            s.send(manage(intent, key) if intent != "UPDATE" else update(key, rate=20.0, slice_size=-1))
            s.one()
        s.advance(700)
    for key in created:
        retry = BatchOperationCreation(options=BatchOptions(parent_key=key, rate=3.0))
        s.when(make("BATCH_OPERATION_CREATION", "CREATE", retry), 1)
    for _ in range(30):
        s.advance(300)
    s.advance(120_000)
    assert {r.intent for r in s.everything().all("BATCH_OPERATION_LIFECYCLE_MANAGEMENT")} >= {"UPDATED", "DELETED"}
    assert s.everything().all("BATCH_OPERATION_ITEM", "RETRYING")
    assert_agrees(s)


@pytest.mark.parametrize("seed", range(6))
def test_batch_operations_that_yield_to_clients(seed: int) -> None:
    chosen = random.Random(seed)
    s = Scenario(2, settings={"slice_size": 1, "yield_latency_ms": 100, "yield_pause_max_ms": 500})
    s.deploy(m.one_task())
    for number in range(24):
        s.create("one", partition=1 + number % 2)
    wishes = [BatchOptions(rate=2.0), BatchOptions(start_suspended=True, item_retries=1, retry_backoff=200)]
    for options in (*wishes, *wishes):
        s.when(batch(CANCEL, '{"processDefinitionId": "one"}', options=options), 1)
    created = sorted({r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")})
    for _ in range(120):
        partition = chosen.choice([1, 2])
        told = Yields().measurement(s.machine(partition), s.now, chosen.choice([0, 40, 70, 200, 200, 300]), 20)
        if told is not None:
            s.when_internal(told, partition)
        if chosen.random() < 0.15:
            s.when(manage(chosen.choice(["SUSPEND", "RESUME", "RESUME", "CANCEL"]), chosen.choice(created)))
        s.advance(chosen.choice([0, 10, 50, 400, 1_000, 1_000, 12_000]))
    assert s.everything().all("BATCH_OPERATION_EXECUTION", "YIELDING")
    assert_agrees(s)


@pytest.mark.parametrize("seed", range(8))
def test_batch_operations_with_partitions_that_fall_silent(seed: int) -> None:
    chosen = random.Random(seed)
    s = Scenario(3, settings={"slice_size": 1, "step_effects_max": 12, "partition_silence_max_ms": 4_000})
    s.deploy(m.one_task())
    keys = [s.create("one", partition=1 + number % 3) for number in range(30)]
    wishes = [
        BatchOptions(rate=6.0),
        BatchOptions(start_at=s.now + 9_000, item_retries=2, retry_backoff=3_000),
        BatchOptions(rate=3.0, raises_incidents=True),
        BatchOptions(failures_max=2, rate=9.0),
    ]
    for options in wishes:
        s.when(batch(CANCEL, '{"processDefinitionId": "one"}', options=options), 1)
    s.stopped = {2}
    for _ in range(60):
        if chosen.random() < 0.3:
            s.stopped = set(chosen.choice([(), (1,), (2,), (3,), (2, 3)]))
        created = sorted({r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")})
        if chosen.random() < 0.2:
            s.when(manage(chosen.choice(["SUSPEND", "RESUME", "RESUME", "CANCEL"]), chosen.choice(created)))
        if chosen.random() < 0.2:
            retry = BatchOperationCreation(options=BatchOptions(parent_key=chosen.choice(created), rate=4.0))
            s.when(make("BATCH_OPERATION_CREATION", "CREATE", retry), chosen.choice([1, 2, 3]))
        if chosen.random() < 0.2:
            s.cancel(chosen.choice(keys))
        s.drain()
        s.advance(chosen.choice([100, 900, 1_000, 2_000, 2_000, 5_000]))
    s.stopped = set()
    s.drain()
    for _ in range(20):
        for record in s.everything().all("BATCH_OPERATION_CREATION", "CREATED"):
            s.when(manage("RESUME", record.key))
        s.when(make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "RESOLVE_INCIDENTS", FAIL, created[2]))
        s.advance(5_000)
    assert s.everything().all("BATCH_OPERATION_PARTITION_LIFECYCLE", "PARTITION_GIVEN_UP")
    assert_agrees(s)


@pytest.mark.parametrize("partitions", [1, 2])
def test_plans_that_are_made_approved_changed_and_committed(partitions: int) -> None:
    s = Scenario(partitions, settings={"slice_size": 2, "approval_types": ("SUSPEND_PROCESS_INSTANCE",)})
    s.deploy(m.one_task())
    keys = [s.create("one", partition=partition) for partition in s.partitions for _ in range(5)]
    everything = '{"processDefinitionId": "one"}'
    plan = BatchOptions(dry_run=True, keep_plan=True)
    for kind in (CANCEL, "SUSPEND_PROCESS_INSTANCE", CANCEL):
        s.when(by(batch(kind, everything, options=plan), "user:ada"), 1)
    plans = sorted({r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")})
    for wish in (manage("APPROVE", plans[1]), commit(plans[1]), batch("SUSPEND_PROCESS_INSTANCE", everything)):
        s.when(by(wish, "user:ada"), 1)
    s.when(by(manage("APPROVE", plans[1]), "user:bob"), 1)
    s.when(commit(plans[1], webhook="https://receiver.example/"), 1)
    for status in (503, 200):
        tell(s, status)
    s.cancel(keys[0])
    s.when(commit(plans[0]), 1)  # it has changed
    s.when(manage("RESUME", plans[0]), 1)
    s.when(by(batch(CANCEL, everything, options=plan), "user:ada"), 1)
    newest = max(r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED"))
    s.when(commit(newest, start_suspended=True, rate=50.0), 1)
    child = max(r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED"))
    s.cancel(keys[1])
    s.when(manage("DELETE", newest), 1)
    s.when(manage("RESUME", child), 1)
    s.advance(2_000)
    s.when(manage("DELETE", newest), 1)
    codes = {r.value.error_code for r in s.everything().all("BATCH_OPERATION_ITEM", "FAILED")}
    assert "CHANGED" in codes
    assert len(s.everything().all("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "JUDGED")) == 3
    assert_agrees(s)
    logs = logs_of(s)
    forged = [as_foreseen(entry) for entry in logs[1].events]
    assert check({**logs, 1: structs.replace(logs[1], events=forged)})


def tell(s: Scenario, status: int) -> None:
    """An attempt to tell of an end, and the time until the next one."""
    deliveries = ASSEMBLY.deliveries()
    delivery = deliveries.wanted(s.machine(), s.now)
    assert delivery is not None
    s.when_internal(deliveries.report(delivery, DeliveryResult(status=status)), 1)
    s.advance(1_000)


def as_foreseen(entry: LogEntry) -> LogEntry:
    """The same, but nothing has changed since the plan was made."""
    record = entry.record
    if record is None or record.intent != "VALIDATED":
        return entry
    value = structs.replace(record.value, changes=())
    return structs.replace(entry, record=structs.replace(record, value=value))
