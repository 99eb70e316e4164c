"""The readers of a log on Kafka: what they show of an engine that ran there, and how they name what does not belong."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from engine.core.faults import Unavailable
from engine.core.ports import EVENTS
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.snapshots import list_snapshots
from exporters.opensearch.client import OpensearchConnection
from replay.documents import OpensearchProjection
from replay.kafka import KafkaSource, open_log
from replay.repair import find_and_repair
from replay.report import NOT_CHECKED, OK, CheckReport, Report
from replay.rerun import rerun
from replay.verify import verify
from tests.integration.installation import PATIENCE, ROOT, SUPERVISOR, Installation, wait_until
from tests.support.models import one_task

INSTANCES = 20


class Stopped(Struct, frozen=True):
    """An installation that was stopped: its data directory, its topics, and how commands are told of both."""

    data: Path
    connection: KafkaConnection
    search: OpensearchConnection
    environment: dict[str, str]

    @property
    def source(self) -> KafkaSource:
        return KafkaSource(self.connection)

    @property
    def snapshots(self) -> Path:
        return self.data.parent / "snapshots"

    def verify(self, snapshots: Path | None = None) -> Report:
        return verify(self.data, source=self.source, projection=OpensearchProjection(self.search), snapshots=snapshots)

    def retold(self, *arguments: str, exit_code: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli.main", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout if exit_code == 0 else done.stderr


@pytest.fixture
def stopped(kafka: str, kafka_prefix: str, opensearch: str, index_prefix: str, tmp_path: Path) -> Stopped:
    """Most instances were canceled by a batch operation."""
    environment = {
        "RETOLD_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "RETOLD_KAFKA_TOPIC_PREFIX": kafka_prefix,
        "RETOLD_OPENSEARCH_URL": opensearch,
        "RETOLD_OPENSEARCH_INDEX_PREFIX": index_prefix,
    }
    search = OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix)
    connection = KafkaConnection(servers=kafka, prefix=kafka_prefix)
    taking = {
        "RETOLD_SNAPSHOTS_DIRECTORY": str(tmp_path / "snapshots"),
        "RETOLD_SNAPSHOTS_INTERVAL": "PT1S",
        "RETOLD_SNAPSHOTS_RECORDS_MIN": "1",
    }
    with (
        Installation(tmp_path, environment={**environment, **taking}) as engine,
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
        wanted = {"filter": {"processInstanceKey": {"$in": keys[1:]}}}
        batch = client.post("/process-instances/cancellation", json=wanted).raise_for_status().json()
        path = f"/batch-operations/{batch['batchOperationKey']}"
        wait_until(lambda: client.get(path).json().get("state") == "COMPLETED", "the end of the batch operation")
        with pytest.raises(Unavailable, match="expected a stopped engine"):
            find_and_repair(KafkaSource(connection), only_look=True)
        wait_until(lambda: all(list_snapshots(tmp_path / "snapshots", number) for number in (1, 2)), "snapshots")
    return Stopped(engine.data, connection, search, {**environment, "RETOLD_DATA": str(engine.data)})


def checks(report: Report) -> dict[str, CheckReport]:
    return {check.name: check for check in report.checks}


def test_a_log_on_kafka_is_audited_shown_and_searched_for_what_does_not_belong(stopped: Stopped) -> None:
    # One installation for all of it: it takes longest to start.
    everything_is_well(stopped)
    everything_is_shown(stopped)
    a_changed_document_is_named(stopped)
    a_log_whose_beginning_was_deleted_is_proved_from_there_on(stopped)
    a_partition_without_its_events_stops_alone(stopped)
    a_foreign_record_is_named(stopped)


def everything_is_well(stopped: Stopped) -> None:
    report = stopped.verify()
    assert report.ok, msgspec.json.encode(report)
    found = checks(report)
    assert {check.status for check in report.checks} == {OK}
    assert found["counters"].counts == {"items": INSTANCES - 1, "pending items": 0, "batch operations": 1}
    assert found["messages"].counts["messages"] > 0
    for partition in report.partitions:
        assert partition.last_position == partition.last_good_position == partition.state_position
        assert partition.projection_position == partition.last_position
    again = json.loads(stopped.retold("replay", "rerun", "--json"))
    assert again["ok"], again
    assert [one["lastPosition"] for one in again["partitions"]] == [one.last_position for one in report.partitions]
    elsewhere = verify(stopped.data.parent / "elsewhere", source=stopped.source)
    assert elsewhere.ok
    assert {name for name, check in checks(elsewhere).items() if check.status == NOT_CHECKED} == {"state", "projection"}


def everything_is_shown(stopped: Stopped) -> None:
    assert stopped.retold("repair", "messages").strip() == "No message is missing."
    canceled = stopped.retold("log", "--type", "BATCH_OPERATION_ITEM", "--intent", "COMPLETED").splitlines()
    assert len(canceled) == INSTANCES - 1
    all_lines = stopped.retold("log", "--partition", "1").splitlines()
    assert stopped.retold("log", "--partition", "1", "--tail", "5").splitlines() == all_lines[-5:]
    assert [line.split()[0] for line in all_lines[:3]] == ["1/1", "1/2", "1/3"]
    commands = stopped.retold("log", "--topic", "commands", "--type", "PROCESS_INSTANCE_CREATION").splitlines()
    assert len(commands) == INSTANCES
    assert "JOBS" in stopped.retold("state")


def a_changed_document_is_named(stopped: Stopped) -> None:
    index = f"{stopped.search.index_prefix}-instances"
    with httpx.Client(base_url=stopped.search.urls[0], timeout=60) as node:
        change = {"query": {"term": {"state": "ACTIVE"}}, "script": {"source": "ctx._source.state = 'COMPLETED'"}}
        url = f"/{index}/_update_by_query?refresh=true&conflicts=proceed"
        changed = node.post(url, json=change).raise_for_status().json()["updated"]
        wanted = {"query": {"term": {"kind": "batch_item"}}, "max_docs": 1}
        node.post(f"/{index}/_delete_by_query?refresh=true", json=wanted).raise_for_status()
    found = checks(stopped.verify())["projection"]
    assert found.failure_count == changed + 1
    texts = [failure.text for failure in found.failures]
    assert any("expected state 'ACTIVE', got 'COMPLETED'" in text for text in texts)
    assert any(text.endswith("expected it, got no document") for text in texts)


def a_partition_without_its_events_stops_alone(stopped: Stopped) -> None:
    """All of them have expired: no state can be checked against any record, so none is used."""
    admin = AdminClient({"bootstrap.servers": stopped.connection.servers})
    (deleted,) = admin.delete_records([TopicPartition(stopped.connection.topic(EVENTS), 0, OFFSET_END)]).values()
    assert deleted.result(60).low_watermark > 5
    engine = Installation(stopped.data.parent, environment=stopped.environment)
    engine.begin()

    def parts() -> dict[str, str]:
        try:
            return dict(httpx.get(f"{engine.url}/health/ready", timeout=60).json()["parts"])
        except httpx.TransportError:
            return {}

    try:
        wait_until(lambda: parts().get("partition-2") == "UP", "the other partition")
        wait_until(lambda: parts()["partition-1"].startswith("has stopped, nothing is lost: expected the events"), "it")
        assert "the log has no record any more" in parts()["partition-1"]
    finally:
        engine.kill(SUPERVISOR)
    found = stopped.verify(stopped.snapshots)
    assert found.partitions[0].replayed_from is None
    assert not found.whole


def a_foreign_record_is_named(stopped: Stopped) -> None:
    """Somebody with too many rights writes onto events."""

    async def last_record() -> bytes:
        log = await open_log(stopped.connection)
        offset, value = 0, b""
        await log.end(EVENTS, 2)
        while (page := await log.read(EVENTS, 2, offset)).entries:
            offset, value = page.next_offset, page.entries[-1].value
        await log.close()
        return value

    producer = Producer({"bootstrap.servers": stopped.connection.servers})
    producer.produce(stopped.connection.topic(EVENTS), value=asyncio.run(last_record()), partition=1)
    assert producer.flush(60) == 0
    report = stopped.verify()
    assert not report.ok
    (failure, *_) = checks(report)["positions"].failures
    last = report.partitions[1].last_position
    assert (failure.partition, failure.position) == (2, last)
    assert failure.text == f"expected position {last + 1}, got {last}"
    assert "positions" in stopped.retold("replay", "verify", exit_code=1)


def a_log_whose_beginning_was_deleted_is_proved_from_there_on(stopped: Stopped) -> None:
    lines = stopped.retold("log", "--partition", "1").splitlines()
    admin = AdminClient({"bootstrap.servers": stopped.connection.servers})
    (deleted,) = admin.delete_records([TopicPartition(stopped.connection.topic(EVENTS), 0, 5)]).values()
    assert deleted.result(60).low_watermark == 5
    left = stopped.retold("log", "--partition", "1").splitlines()
    assert 0 < len(left) < len(lines)
    assert left == lines[-len(left) :]
    assert stopped.retold("log", "--partition", "1", "--tail", "1000").splitlines() == left
    (first, second) = stopped.verify().partitions
    assert first.first_position > 1
    assert (first.replayed_from, second.replayed_from) == (None, 0)
    assert first.last_good_position == first.last_position
    told = stopped.retold("replay", "verify", exit_code=4) + stopped.retold("replay", "rerun", exit_code=4)
    assert "no state was replayed there; what the log alone proves is well" in told
    assert "nothing can be decided again" in told
    oldest = list_snapshots(stopped.snapshots, 1)[-1].position
    report = stopped.verify(stopped.snapshots)
    assert report.whole
    assert report.partitions[0].replayed_from == oldest
    found = checks(report)
    assert (found["state"].status, found["state"].failure_count) == (OK, 0)
    assert "events of partition 1 begins at offset 5" in found["log"].note
    assert found["projection"].status == NOT_CHECKED
    again = rerun(stopped.source, snapshots=stopped.snapshots)
    assert again.ok, msgspec.json.encode(again)
    assert again.whole
    assert [one.first_position for one in again.partitions] == [oldest + 1, 1]
