"""What lies beside a command and where it lies: trace headers, the partition of its key, and work that is forged."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.head import RECEIVED
from engine.core.ports import INTERNAL
from engine.core.record import REJECTION, Record, Step, command
from engine.records import BatchOperationChunk, BatchOperationExecution, Clock, Deployment, Job
from engine.records.batch_operation_chunk import BatchItem
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import batch
from tests.support.batches import key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import CODEC, Scenario, make

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01"
HEADERS = {"traceparent": GIVEN, "tracestate": "vendor=a"}


def deployment(trace_context: str = "") -> bytes:
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    step = Step(trace_context=trace_context)
    return CODEC.encode(command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)), step=step))


def contexts(s: Scenario) -> set[str]:
    return {record.step.trace_context for number in s.partitions for record in s.records(number)}


def test_the_trace_headers_of_a_command_go_into_all_that_follows(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.send_bytes(deployment(), headers=HEADERS)
    s.drain()
    assert contexts(s) == {f"{GIVEN} vendor=a"}
    assert {headers.get("traceparent") for headers in s.partitions[2].headers[:1]} == {GIVEN}
    assert s.partitions[2].headers[0]["tracestate"] == "vendor=a"


def test_what_the_record_says_of_its_trace_comes_first(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.send_bytes(deployment(OTHER), headers=HEADERS)
    s.drain()
    assert contexts(s) == {OTHER}


@pytest.mark.parametrize("traceparent", ["", "nonsense", GIVEN.upper(), "\ufffd"])
def test_headers_that_are_no_trace_context_are_ignored(scenario: MakeScenario, traceparent: str) -> None:
    s = scenario()
    s.send_bytes(deployment(), headers={"traceparent": traceparent, "tracestate": "vendor=a"})
    s.drain()
    assert contexts(s) == {""}


def test_a_command_that_cannot_be_read_is_refused_in_its_trace(scenario: MakeScenario) -> None:
    s = scenario()
    s.send_bytes(b"garbage", headers={**HEADERS, "request": "me/1"})
    s.drain()
    (rejection,) = s.records(1)
    assert (rejection.record_type, rejection.rejection_code) == (REJECTION, "UNREADABLE")
    assert (rejection.step.request, rejection.step.trace_context) == ("me/1", f"{GIVEN} vendor=a")


def test_a_command_on_the_wrong_partition_is_told_the_right_one(scenario: MakeScenario) -> None:
    s = scenario(3)
    s.deploy(m.one_task())
    key = s.create("one", partition=2)
    wish = make("PROCESS_INSTANCE", "CANCEL", s.records(2)[-1].value, key)
    moment = s.when(wish, 3)
    moment.rejected("INVALID_ARGUMENT", f"expected a key of partition 3, where the command was sent, got {key}")
    moment.rejected("INVALID_ARGUMENT", "lives on partition 2; send it there (Kafka numbers that partition 1)")
    s.when(wish, 2).accepted()


def test_a_key_of_no_partition_is_one_that_nobody_knows(scenario: MakeScenario) -> None:
    s = scenario(2)
    for key in (7, 1 << 61, -5):
        s.when(make("JOB", "COMPLETE", Job(), key), 1).rejected("NOT_FOUND")


# work on `internal` that its topic's ACL did not keep out


def message(sender: int, number: int) -> Record:
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    step = Step(sender_partition=sender, sender_number=number)
    return command("DEPLOYMENT", "DISTRIBUTE", Deployment(resources=(resource,)), step=step)


@pytest.mark.parametrize("sender", [2, 4, 99, -1, 1 << 20])
def test_a_message_of_a_partition_that_is_none_is_refused(scenario: MakeScenario, sender: int) -> None:
    s = scenario(3)
    s.when_internal(message(sender, 1), 2).rejected("FORBIDDEN", "from another of the 3 partitions")
    assert s.partitions[2].state.get(RECEIVED, sender) is None


def test_a_message_that_came_before_is_passed_over(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.one_task())
    received = s.partitions[2].state.get(RECEIVED, 1)
    before = len(s.records(2))
    s.send_internal(message(1, 1), 2)
    s.drain()
    assert (s.partitions[2].state.get(RECEIVED, 1), len(s.records(2))) == (received, before)


def test_a_forged_page_is_refused(scenario: MakeScenario) -> None:
    s = scenario()
    keys = populate(s, 4)
    s.send(batch())
    s.step(1)
    key = key_of(s)
    items = (BatchItem(item_key=keys[0], process_instance_key=keys[0], root_process_instance_key=keys[0]),)
    for cursor in (0, 77, keys[-1]):
        page = BatchOperationChunk(batch_operation_key=key, items=items, cursor=cursor, next_cursor=-1, last=True)
        s.send_internal(make("BATCH_OPERATION_CHUNK", "CREATE", page, key))
        while s.step(1):
            pass
        assert s.records(1)[-1].record_type == REJECTION
    s.drain()
    s.everything().one("BATCH_OPERATION_CREATION", "CREATED")
    assert len(s.everything().all("BATCH_OPERATION_ITEM", "COMPLETED")) == 4


def test_a_forged_tick_or_slice_is_refused(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    s.when_internal(command("CLOCK", "TICK", Clock(due=s.now))).rejected("INVALID_STATE", "stale")
    s.when(batch())
    slice_ = BatchOperationExecution(batch_operation_key=key_of(s), token=99)
    refused = s.when_internal(make("BATCH_OPERATION_EXECUTION", "EXECUTE", slice_, key_of(s))).rejection()
    assert refused.rejection_code in ("NOT_FOUND", "INVALID_STATE")


@pytest.mark.parametrize("topic", [INTERNAL])
def test_an_event_among_the_internal_work_is_refused(scenario: MakeScenario, topic: str) -> None:
    s = scenario()
    event = msgspec.structs.replace(make("JOB", "COMPLETED", Job(), 5), record_type="EVENT")
    s.send_bytes(CODEC.encode(event), 1, topic)
    s.drain()
    assert s.records(1)[-1].rejection_reason.startswith("expected a COMMAND")
