"""The auditor of a cluster whose machines run: under load all is well, and what is in flight is no difference."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from engine.core.faults import Unavailable
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.snapshots import list_snapshots
from exporters.opensearch.client import OpensearchConnection
from replay.documents import OpensearchProjection
from replay.kafka import KafkaSource
from replay.report import NOT_CHECKED, CheckReport, Report
from replay.rerun import rerun
from replay.verify import verify
from tests.integration.installation import PATIENCE, wait_until
from tests.integration.kafka_installation import KafkaInstallation
from tests.support.models import one_task

AUDITS = 3
CLIENTS = 3


@contextmanager
def load(url: str) -> Iterator[None]:
    """Clients that start instances, deploy, and cancel what they started by batch operations, until the end."""
    ended = threading.Event()

    def work(name: str) -> None:
        with httpx.Client(base_url=f"{url}/v2", timeout=PATIENCE) as client:
            while not ended.is_set():
                # a deployment is told to all partitions, and so is a batch operation
                files = {"resources": ("one.bpmn", one_task(name, name), "application/octet-stream")}
                client.post("/deployments", files=files).raise_for_status()
                for _ in range(5):
                    client.post("/process-instances", json={"processDefinitionId": name}).raise_for_status()
                wanted = {"filter": {"processDefinitionId": name, "state": "ACTIVE"}}
                client.post("/process-instances/cancellation", json=wanted).raise_for_status()

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(work, f"process-{number}") for number in range(CLIENTS)]
        try:
            yield
        finally:
            ended.set()
            for client in clients:
                client.result()


def checks(report: Report) -> dict[str, CheckReport]:
    return {check.name: check for check in report.checks}


def well(report: Report) -> dict[str, CheckReport]:
    assert report.ok, msgspec.json.encode(report)
    assert report.whole
    return checks(report)


def test_a_cluster_is_audited_under_load(
    kafka: str, kafka_prefix: str, opensearch: str, index_prefix: str, tmp_path: Path
) -> None:
    snapshots = tmp_path / "snapshots"
    environment = {
        "RETOLD_OPENSEARCH_URL": opensearch,
        "RETOLD_OPENSEARCH_INDEX_PREFIX": index_prefix,
        "RETOLD_SNAPSHOTS_DIRECTORY": str(snapshots),
        "RETOLD_SNAPSHOTS_INTERVAL": "PT2S",
        "RETOLD_SNAPSHOTS_KEEP": "100",
        "RETOLD_SNAPSHOTS_RECORDS_MIN": "1",
    }
    source = KafkaSource(KafkaConnection(servers=kafka, prefix=kafka_prefix))
    projection = OpensearchProjection(OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix))
    engine = KafkaInstallation(tmp_path, kafka, kafka_prefix, environment)
    with engine:
        with load(engine.url):
            wait_until(lambda: all(list_snapshots(snapshots, number) for number in (1, 2)), "snapshots")
            positions = [0, 0]
            for _ in range(AUDITS):
                report = verify(engine.data, source=source, projection=projection, snapshots=snapshots)
                found = well(report)
                assert [partition.compared_with for partition in report.partitions] == ["snapshot", "snapshot"]
                assert "the engine of this data directory runs; compared with the snapshot at" in found["state"].note
                assert "members of" in found["log"].note
                assert found["projection"].counts["documents"] > 0
                before, positions = positions, [partition.last_good_position for partition in report.partitions]
                assert all(earlier < later for earlier, later in zip(before, positions, strict=True))
                assert all(partition.projection_position for partition in report.partitions)
            elsewhere = well(verify(tmp_path / "elsewhere", source=source))
            assert elsewhere["state"].status == elsewhere["projection"].status == NOT_CHECKED
            again = rerun(source)
            assert again.ok, msgspec.json.encode(again)
            with pytest.raises(Unavailable, match="expected a stopped engine"), source.hold():
                pass
        told = json.loads(engine.retold("replay", "verify", "--json").stdout)
        assert told["ok"], told
    stopped = verify(engine.data, source=source, projection=projection, snapshots=snapshots)
    assert well(stopped)["state"].note == ""
    assert [partition.compared_with for partition in stopped.partitions] == ["state", "state"]
    assert "messages in flight" not in checks(stopped)["messages"].counts
