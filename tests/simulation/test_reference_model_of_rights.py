"""The reference model knows who may do what: it agrees with logs that are right, and notices what was not asked."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from engine.core.record import EVENT, Record, partition_of
from engine.records import Authorization, BatchOperationItem, ProcessInstance
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions
from tests.simulation.model import LogEntry, check
from tests.simulation.model.permits import needs
from tests.simulation.model.showing import shown_by, unreadable
from tests.simulation.test_reference_model import assert_agrees, logs_of
from tests.simulation.workload.administrators import GROUPS, USERS, random_authorization
from tests.support import models as m
from tests.support.actions import CANCEL, RESOLVE, batch
from tests.support.identities import authorization, by, grant, group, member
from tests.support.scenario import Scenario, make
from tests.unit.batch.test_batch_rights import switch_on
from tests.unit.batch.test_synchronous import at_once

ADMINISTRATOR = "user:root"
ORDERS, TRIPS = '{"processDefinitionId": "order"}', '{"processDefinitionId": "trip"}'
SMALL = {"slice_size": 1, "query_page_size": 2}


def populated(partitions: int) -> tuple[Scenario, list[int]]:
    s = Scenario(partitions, settings=SMALL)
    s.deploy(m.one_task("order"), m.one_task("trip"))
    keys = [s.create(name, partition=number) for number in s.partitions for name in ("order", "trip", "order")]
    switch_on(s, **SMALL)
    grant(s, ADMINISTRATOR, "AUTHORIZATION", "CREATE", "DELETE")
    return s, keys


def test_what_commands_need_is_read_from_the_document() -> None:
    assert needs()["JOB", "FAIL"] == ("PROCESS_DEFINITION", ("UPDATE_PROCESS_INSTANCE",), True)
    assert needs()["USER_TASK", "CLAIM"].permissions == ("UPDATE_USER_TASK", "CLAIM_USER_TASK")
    assert len(needs()) > 40


@pytest.mark.parametrize("seed", range(6))
def test_random_rights(seed: int) -> None:
    """Who may do what changes between any two steps of batch operations over two processes."""
    random, (s, keys) = Random(seed), populated(1 + seed % 2)
    for name in GROUPS:
        s.when_internal(group("CREATE", name))
    s.when_internal(member("ADD_MEMBER", GROUPS[0], USERS[0]))
    for user in USERS:
        grant(s, f"user:{user}", "BATCH", "CREATE", "UPDATE")
        grant(s, f"user:{user}", "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE", "CANCEL_PROCESS_INSTANCE")
    for _ in range(40):
        who = f"user:{random.choice(USERS)}"
        wanted = wish_of(random, keys)
        s.send(by(wanted, who), home_of(wanted))
        wish = {name_of(name): value for name, value in random_authorization(random).items()}
        new = make("AUTHORIZATION", "CREATE", msgspec.convert(wish, Authorization))
        s.send(by(new, random.choice([ADMINISTRATOR, who])), 1)
        if random.random() < 0.7:
            known = [r.key for r in s.everything().all("AUTHORIZATION", "CREATED")]
            old = make("AUTHORIZATION", "DELETE", Authorization(), random.choice(known))
            s.send(by(old, random.choice([ADMINISTRATOR, who])), 1)
        for _ in range(random.randint(0, 6)):
            s.step(random.randint(1, len(s.partitions)))
    s.drain()
    s.advance(1_000)
    assert s.everything().all("BATCH_OPERATION_ITEM")
    assert_agrees(s)


def wish_of(random: Random, keys: list[int]) -> Record:
    """Something that needs rights on two levels, or on one."""
    key = random.choice(keys)
    options = random.choice([BatchOptions(), BatchOptions(item_retries=1, retry_backoff=200)])
    wishes = [
        batch(CANCEL, random.choice([ORDERS, TRIPS]), options=options),
        batch(RESOLVE, ORDERS),
        batch("SUSPEND_PROCESS_INSTANCE", "", item_keys=(key,)),
        at_once("RESUME_PROCESS_INSTANCE", [key]),
        at_once("DELETE_PROCESS_INSTANCE", [key]),
        at_once("RESTART_PROCESS_INSTANCE", [key], facts=(ItemFacts(item_key=key, state="TERMINATED"),)),
        make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key),
    ]
    return random.choice(wishes)


def home_of(record: Record) -> int:
    """Where a command belongs: by what it is about."""
    keys = getattr(record.value, "item_keys", ()) if record.intent == "EXECUTE" else ()
    return max(1, partition_of(keys[0] if keys else record.key))


def name_of(camel: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)


def test_an_item_that_runs_without_the_right_is_noticed() -> None:
    s, _ = populated(1)
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE")
    s.when(by(batch(CANCEL, ORDERS), "user:ada"))
    items = s.everything().all("BATCH_OPERATION_ITEM", "FAILED")
    assert [item.value.error_code for item in items] == ["FORBIDDEN"] * 2
    assert_agrees(s)
    logs = logs_of(s)
    forged = [told_as_done(entry) for entry in logs[1].events]
    wrong = check({1: msgspec.structs.replace(logs[1], events=forged)})
    assert "expected BATCH_OPERATION_ITEM FAILED" in wrong[0]


def told_as_done(entry: LogEntry) -> LogEntry:
    """The same, but a failed item is said to be done."""
    record = entry.record
    if record is None or (record.record_type, record.value_type) != (EVENT, "BATCH_OPERATION_ITEM"):
        return entry
    value = msgspec.structs.replace(record.value, error_code="")
    assert isinstance(value, BatchOperationItem)
    return msgspec.structs.replace(entry, record=msgspec.structs.replace(record, intent="COMPLETED", value=value))


def test_who_a_command_is_from_is_judged() -> None:
    s, keys = populated(1)
    grant(s, "user:ada", "PROCESS_DEFINITION", "CANCEL_PROCESS_INSTANCE", resource_id="order")
    for key in (keys[0], keys[1], keys[0] + 10_000):
        s.when(by(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key), "user:ada"))
        s.when(by(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key), "user:eve"))
    s.when(by(authorization("user:eve", "BATCH", "CREATE"), "user:eve"))
    assert_agrees(s)
    logs = logs_of(s)
    others = [msgspec.structs.replace(entry, claims="user:eve") for entry in logs[1].commands]
    wrong = check({1: msgspec.structs.replace(logs[1], commands=others)})
    assert any("it should be from 'user:eve', but is from 'user:ada'" in text for text in wrong)
    assert any("should be rejected with FORBIDDEN, but it was not" in text for text in wrong)


def test_what_nobody_could_read_is_noticed() -> None:
    s, _ = populated(1)
    known = grant(s, "user:ada", "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE", resource_id="order")
    s.when_internal(make("AUTHORIZATION", "DELETE", Authorization(), known))
    rows = [{"processDefinitionId": "order"}, {"processDefinitionId": "trip"}, {}]
    shown = shown_by("ada", "/v2/user-tasks/search", rows) | shown_by("ada", "/v2/batch-operations/search", rows)
    assert unreadable(shown, logs_of(s)) == [
        "ada was shown batch-operations of *, which he could never read",
        "ada was shown user-tasks of trip, which he could never read",
    ]
