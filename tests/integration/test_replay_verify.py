"""The auditor on the data directory of a real installation: all is well, or the damage is named. It changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import httpx
import lmdb
import msgspec
import pytest

from engine.assembly import Assembly
from engine.core.faults import Unavailable
from engine.core.ports import EVENTS, Message
from engine.records import Job
from engine.shell.codec import Codec
from engine.shell.embedded.batches import decode_batch, decode_headers, decode_values, encode_bodies, encode_value
from engine.shell.embedded.environment import database_name
from engine.shell.lmdb_store import LmdbStore
from replay.report import FAILED, NOT_CHECKED, OK, CheckReport, Report
from replay.rerun import rerun
from replay.sources import EmbeddedSource
from replay.verify import state_digests, stored_states, verify
from tests.integration.installation import Installation, wait_until
from tests.support.models import one_task

INSTANCES = 20


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an engine that canceled most of its instances by a batch operation and was stopped."""
    with (
        Installation(tmp_path_factory.mktemp("an audited one")) as engine,
        httpx.Client(base_url=f"{engine.url}/v2", timeout=60) as client,
    ):
        files = {"resources": ("one.bpmn", one_task(), "application/octet-stream")}
        client.post("/deployments", files=files).raise_for_status()
        keys = [
            client.post("/process-instances", json={"processDefinitionId": "one", "variables": {"n": n}})
            .raise_for_status()
            .json()["processInstanceKey"]
            for n in range(INSTANCES)
        ]
        with pytest.raises(Unavailable, match=rf"process {engine.pid} uses; stop that process first"):
            verify(engine.data)
        wanted = {"filter": {"processInstanceKey": {"$in": keys[1:]}}}
        batch = client.post("/process-instances/cancellation", json=wanted).raise_for_status().json()
        path = f"/batch-operations/{batch['batchOperationKey']}"
        wait_until(lambda: client.get(path).json().get("state") == "COMPLETED", "the end of the batch operation")
    return engine.data


@pytest.fixture
def data(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(stopped, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock", "lock.mdb")))


def checks(report: Report) -> dict[str, CheckReport]:
    return {check.name: check for check in report.checks}


def failed(report: Report) -> set[str]:
    return {check.name for check in report.checks if check.status == FAILED}


def texts(report: Report, name: str) -> str:
    return "\n".join(failure.text for failure in checks(report)[name].failures)


def content(directory: Path) -> dict[str, str]:
    """What the engine would see: every file but those that only say who looks."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    ignored = {"owner", "lock.mdb", "search.db-wal", "search.db-shm"}
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files if path.name not in ignored}


def test_all_is_well_and_nothing_is_changed(data: Path) -> None:
    before = content(data)
    told: list[tuple[int, int]] = []
    report = verify(data, progress=lambda done, total: told.append((done, total)))
    assert failed(report) == set(), msgspec.json.encode(report)
    assert report.ok
    assert {check.status for check in report.checks} == {OK}
    assert content(data) == before
    found = checks(report)
    assert found["counters"].counts == {"items": INSTANCES - 1, "pending items": 0, "batch operations": 1}
    assert found["messages"].counts["messages"] > 0
    assert [partition.partition for partition in report.partitions] == [1, 2]
    for partition in report.partitions:
        assert partition.last_position == partition.last_good_position == partition.state_position
    done, total = told[-1]
    assert 0 < done <= total
    states = stored_states(data)
    assert {number: state.position for number, state in states.items()} == {
        partition.partition: partition.state_position for partition in report.partitions
    }
    assert state_digests(data) == {number: state.digests for number, state in states.items()}


def test_what_can_be_rebuilt_may_be_missing(data: Path) -> None:
    shutil.rmtree(data / "state")
    (data / "search.db").unlink()
    report = verify(data)
    assert report.ok
    found = checks(report)
    assert {name for name, check in found.items() if check.status == NOT_CHECKED} == {"state", "projection"}
    assert "there is no state" in found["state"].note
    assert "there is no secondary storage" in found["projection"].note
    assert state_digests(data) == {}


def test_changed_rows_of_state_and_projection_are_named(data: Path) -> None:
    store = LmdbStore(data / "state" / "1", state_format=Assembly().state_format)
    (jobs,) = [table.number for table in Assembly().registry.tables if table.name == "JOBS"]
    key = (5).to_bytes(8, "big")
    store.write([(jobs, key, b"\x90")])
    store.close()
    connection = sqlite3.connect(data / "search.db")
    with connection:
        connection.execute("UPDATE process_instances SET state = 'COMPLETED' WHERE state = 'ACTIVE'")
        connection.execute("DELETE FROM batch_items WHERE item_key = (SELECT max(item_key) FROM batch_items)")
    connection.close()
    report = verify(data)
    assert failed(report) == {"state", "projection"}
    assert texts(report, "state") == "table JOBS, key 5: expected no row, got []"
    assert "expected state 'ACTIVE', got 'COMPLETED'" in texts(report, "projection")
    assert "table batch_items" in texts(report, "projection")


def test_a_projection_ahead_of_the_log_is_found(data: Path) -> None:
    connection = sqlite3.connect(data / "search.db")
    with connection:
        connection.execute("UPDATE positions SET position = position + 1000000 WHERE partition_id = 2")
    connection.close()
    report = verify(data)
    assert failed(report) == {"projection"}
    assert "the projection of partition 2 is at" in texts(report, "projection")


def test_a_state_that_cannot_be_read_is_no_reason_to_give_up(data: Path) -> None:
    file = data / "state" / "1" / "data.mdb"
    file.write_bytes(file.read_bytes()[:4096])
    report = verify(data)
    assert failed(report) == {"state"}
    assert "delete the directory, it is replayed from the log" in texts(report, "state")


def test_a_record_written_again_with_the_right_checksum_breaks_the_chain(data: Path) -> None:
    codec = Assembly().codec
    rewrite(data, lambda message: with_other_job(codec, message))
    report = verify(data)
    assert "chain" in failed(report)
    assert failed(report) <= {"chain", "projection"}
    (first, _) = report.partitions
    assert first.last_good_position < first.last_position


def test_the_log_is_decided_again_to_the_byte(data: Path) -> None:
    before = content(data)
    told: list[tuple[int, int]] = []
    report = rerun(EmbeddedSource(data), progress=lambda done, total: told.append((done, total)))
    assert report.ok, msgspec.json.encode(report)
    assert content(data) == before
    assert [found.last_position for found in report.partitions] == [
        partition.last_position for partition in verify(data).partitions
    ]
    assert told[-1][0] == told[-1][1] == sum(found.last_position for found in report.partitions)


def test_the_first_difference_of_a_partition_is_named(data: Path) -> None:
    codec = Assembly().codec
    rewrite(data, lambda message: with_other_job(codec, message))
    report = rerun(EmbeddedSource(data))
    first, second = (found.difference for found in report.partitions)
    assert not report.ok
    assert second is None
    assert first is not None
    assert first.command is not None
    assert first.command.command == "PROCESS_INSTANCE_CREATION CREATE"
    assert [(field.field, field.got) for field in first.fields] == [("value.type", "'work'")]


def with_other_job(codec: Codec, message: Message) -> Message:
    record = codec.decode(message.value)
    if not isinstance(record.value, Job) or record.intent != "CREATED":
        return message
    value = msgspec.structs.replace(record.value, type=record.value.type.upper())
    return Message(value=codec.encode(msgspec.structs.replace(record, value=value)), headers=message.headers)


def rewrite(data: Path, change: Callable[[Message], Message]) -> None:
    """Write the events of partition 1 again, batch by batch, as the log's server would have."""
    with lmdb.open(str(data / "log"), max_dbs=100, map_size=1 << 30) as environment:
        database = environment.open_db(database_name((EVENTS, 1)), create=False)
        with environment.begin(write=True, db=database) as transaction:
            for key, value in list(transaction.cursor()):
                batch = decode_batch(key, value)
                values, ends = decode_values(batch)
                headers = decode_headers(batch)
                starts = [0, *ends[:-1]]
                messages = [
                    change(Message(value=values[start:end], headers=headers.get(index, {})))
                    for index, (start, end) in enumerate(zip(starts, ends, strict=True))
                ]
                (body,) = encode_bodies(messages)
                transaction.put(key, encode_value(key, batch.timestamp, body))


def test_a_flipped_bit_in_the_file_is_found_before_anything_is_read(data: Path) -> None:
    file = data / "log" / "data.mdb"
    damaged = bytearray(file.read_bytes())
    damaged[damaged.index(b"PROCESS_INSTANCE_CREATION" if b"PROCESS_INSTANCE_CREATION" in damaged else b"CREATED")] ^= 1
    file.write_bytes(damaged)
    report = verify(data)
    assert failed(report) == {"log"}
    assert "last good offset" in texts(report, "log")
    assert not report.ok
