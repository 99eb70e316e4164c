"""`log`: the partitions merged in the order of time, the short line, the filters, and JSON."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_engine import Retold

from engine.cli.faults import UsageFault
from engine.cli.log import RecordOptions
from engine.cli.log_reading import Found, Selection, read_records
from engine.cli.log_records import LINE_SIZE_MAX, describe, selects, to_document
from engine.core.ports import EVENTS, Append, Message
from engine.core.record import EVENT, REJECTION, Record, Step
from engine.records import FAMILIES, Job, ProcessInstance, Variable
from engine.records.batch_operation_chunk import BatchItem, BatchOperationChunk
from engine.shell.codec import Codec
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog

CODEC = Codec(FAMILIES)
START = 1_767_225_600_000


def event(position: int, value_type: str, intent: str, value: object, *, key: int = 7, **fields: object) -> Record:
    return Record(
        position=position,
        step=Step(partition_id=1, step_count=1, timestamp=START + position),
        record_type=EVENT,
        intent=intent,
        key=key,
        value_type=value_type,
        value=value,
        **fields,
    )


def job(position: int, intent: str = "CREATED", **fields: object) -> Record:
    return event(position, "JOB", intent, Job(type="ship", process_instance_key=5, **fields), key=position)


def read(appends: Sequence[tuple[int, bytes]], selection: Selection) -> list[Found]:
    """What is read of values that were appended a millisecond after each other."""

    async def run() -> list[Found]:
        clock = ManualClock(START)
        log = MemoryLog(2, clock)
        for partition, value in appends:
            await log.append([Append(topic=EVENTS, partition=partition, messages=[Message(value=value)])])
            clock.advance(1)
        found = [one async for one in read_records(log, CODEC, selection)]
        await log.close()
        return found

    return asyncio.run(run())


def positions(found: Sequence[Found]) -> list[tuple[int, int]]:
    return [(one.partition, one.record.position) for one in found if one.record is not None]


APPENDS = [
    (2, CODEC.encode(job(1))),
    (1, CODEC.encode(job(2))),
    (2, CODEC.encode(job(3))),
    (1, CODEC.encode(job(4))),
]


def test_partitions_are_merged_in_the_order_of_time() -> None:
    assert positions(read(APPENDS, Selection())) == [(2, 1), (1, 2), (2, 3), (1, 4)]


def test_one_partition_and_its_tail() -> None:
    assert positions(read(APPENDS, Selection(partitions=[1]))) == [(1, 2), (1, 4)]
    assert positions(read(APPENDS, Selection(tail=1))) == [(2, 3), (1, 4)]
    assert positions(read(APPENDS, Selection(topic="internal"))) == []


@pytest.mark.parametrize("selection", [Selection(topic="news"), Selection(partitions=[3]), Selection(partitions=[0])])
def test_places_that_do_not_exist(selection: Selection) -> None:
    with pytest.raises(UsageFault):
        read(APPENDS, selection)


def test_following_goes_on_with_what_comes() -> None:
    async def run() -> list[Found]:
        log = MemoryLog(1, ManualClock(START))
        found: list[Found] = []

        async def follow() -> None:
            async for one in read_records(log, CODEC, Selection(follow=True)):
                found.append(one)
                if len(found) == 2:
                    return

        following = asyncio.create_task(follow())
        for position in (1, 2):
            value = CODEC.encode(job(position))
            await log.append([Append(topic=EVENTS, partition=1, messages=[Message(value=value)])])
            await asyncio.sleep(0)
        await following
        await log.close()
        return found

    assert positions(asyncio.run(run())) == [(1, 1), (1, 2)]


def test_what_cannot_be_read_is_shown_too() -> None:
    (found,) = read([(1, b"garbage")], Selection())
    line = describe(found)
    assert line.startswith("1/@0      2026-01-01T00:00:00.000Z ? UNREADABLE expected Avro single-object encoding")
    assert to_document(found)["raw"] == "Z2FyYmFnZQ=="
    assert selects(RecordOptions(), found)
    assert not selects(RecordOptions(value_type=["JOB"]), found)


def test_a_short_line() -> None:
    (found,) = read([(1, CODEC.encode(job(4, "FAILED", error_message="x" * 100, retries=0, deadline=-1)))], Selection())
    assert describe(found) == (
        f"1/4       2026-01-01T00:00:00.004Z E JOB FAILED 4 type=ship error_message={'x' * 39}… instance=5"
    )


def test_a_rejection_says_why() -> None:
    record = event(9, "JOB", "COMPLETE", Job(), rejection_code="NOT_FOUND", rejection_reason="two\nlines " + "x" * 300)
    rejected = Record(
        **{**{name: getattr(record, name) for name in record.__struct_fields__}, "record_type": REJECTION}
    )
    (found,) = read([(1, CODEC.encode(rejected))], Selection())
    line = describe(found)
    assert line.startswith("1/9       2026-01-01T00:00:00.009Z R JOB COMPLETE 7 NOT_FOUND: two lines xxx")
    assert len(line) == LINE_SIZE_MAX


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RecordOptions(), [1, 2, 3]),
        (RecordOptions(value_type=["variable"]), [3]),
        (RecordOptions(intent=["element_activated", "CREATED"]), [1, 2, 3]),
        (RecordOptions(intent=["FAILED"]), []),
        (RecordOptions(key=1), [1]),
        (RecordOptions(instance=5), [1, 2]),
        (RecordOptions(instance=6), [3]),
        (RecordOptions(instance=5, value_type=["JOB"]), [1]),
    ],
)
def test_filters(wanted: RecordOptions, expected: list[int]) -> None:
    records = [
        job(1),
        event(2, "PROCESS_INSTANCE", "ELEMENT_ACTIVATED", ProcessInstance(element_id="ship"), key=5),
        event(3, "VARIABLE", "CREATED", Variable(name="a", value="1", process_instance_key=6)),
    ]
    found = read([(1, CODEC.encode(record)) for record in records], Selection())
    assert [one.record.position for one in found if one.record and selects(wanted, one)] == expected


def test_a_record_as_json_has_texts_for_keys() -> None:
    value = BatchOperationChunk(batch_operation_key=1 << 60, items=(BatchItem(item_key=(1 << 60) + 1),))
    (found,) = read([(2, CODEC.encode(event(1, "BATCH_OPERATION_CHUNK", "CREATED", value)))], Selection())
    document = to_document(found)
    assert (document["partitionId"], document["position"], document["key"]) == (2, 1, "7")
    assert document["commandHash"] == ""
    assert document["value"]["batchOperationKey"] == str(1 << 60)
    assert document["value"]["items"][0]["itemKey"] == str((1 << 60) + 1)


def test_a_directory_without_a_log(retold: Retold, tmp_path: Path) -> None:
    ran = retold("log", "--data", str(tmp_path))
    assert ran.exit_code == 1
    assert "expected a data directory of an engine" in ran.errors


@pytest.mark.parametrize("command", [("log",), ("replay", "verify"), ("replay", "rerun"), ("repair", "messages")])
def test_with_servers_of_kafka_the_log_is_there_and_not_in_the_data_directory(
    retold: Retold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("RETOLD_KAFKA_BOOTSTRAP_SERVERS", address)
        ran = retold(*command, "--data", str(tmp_path))
    assert ran.exit_code == 1
    assert f"expected Kafka to answer with PLAINTEXT, got: {address}" in ran.errors
