"""What `docs/production.md` has people do to machines that run: a rolling upgrade under load, with states that go.

Nothing acknowledged is lost; the audit is clean while the machines run and when they have stopped.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.overview import read_overview
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.snapshots import list_snapshots
from exporters.opensearch.client import OpensearchConnection
from replay.documents import OpensearchProjection
from replay.kafka import KafkaSource
from replay.report import Report
from replay.verify import verify
from tests.integration.installation import Installation, wait_until
from tests.integration.load import Load, check_answers

PARTITIONS = 2
#: Requests acknowledged between one restart and the next.
ANSWERS = 40


def lose_the_state(machine: Installation) -> None:
    """As a new machine in the place of an old one."""
    shutil.rmtree(machine.data)


def change_the_format(machine: Installation) -> None:
    """As if the new version had other tables."""
    formats = list((machine.data / "state").glob("*/format"))
    assert formats
    for path in formats:
        path.write_text("that of an earlier version")


def partitions_are_owned(machine: Installation, count: int) -> bool:
    """Whether so many members own something, and each partition is owned."""
    owned = [member.owned for member in read_overview(machine.data).members if member.owned]
    return len(owned) == count and sum(map(len, owned)) == PARTITIONS


def test_a_rolling_upgrade(
    tmp_path: Path,
    kafka: str,
    kafka_prefix: str,
    opensearch: str,
    index_prefix: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    services = {
        "RETOLD_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "RETOLD_KAFKA_TOPIC_PREFIX": kafka_prefix,
        "RETOLD_OPENSEARCH_URL": opensearch,
        "RETOLD_OPENSEARCH_INDEX_PREFIX": index_prefix,
    }
    snapshots = tmp_path / "snapshots"
    taking = {
        "RETOLD_SNAPSHOTS_DIRECTORY": str(snapshots),
        "RETOLD_SNAPSHOTS_INTERVAL": "PT2S",
        "RETOLD_SNAPSHOTS_RECORDS_MIN": "1",
    }

    def machine(name: str, **settings: str) -> Installation:
        return Installation(tmp_path / name, PARTITIONS, {**services, **settings})

    # the second one keeps no snapshots, so that it has to replay the log
    first, second = machine("first", RETOLD_ROLES="engine", **taking), machine("second", RETOLD_ROLES="engine")
    front = machine("front", RETOLD_ROLES="gateway,exporter")
    source = KafkaSource(KafkaConnection(servers=kafka, prefix=kafka_prefix))
    projection = OpensearchProjection(OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix))

    def audit(audited: Installation) -> Report:
        report = verify(audited.data, source=source, projection=projection, snapshots=snapshots)
        assert report.ok, report
        assert all(partition.projection_position for partition in report.partitions)
        return report

    def upgrade(stopped: Installation, change: Callable[[Installation], None]) -> None:
        stopped.stop()
        change(stopped)
        stopped.start()
        wait_until(lambda: partitions_are_owned(front, 2), "both to have partitions again")

    async def story() -> Load:
        load = Load(front, 1)
        await load.start(creators=2)
        await load.reach(ANSWERS)
        has_snapshots = lambda: all(list_snapshots(snapshots, n) for n in range(1, PARTITIONS + 1))  # noqa: E731
        await asyncio.to_thread(wait_until, has_snapshots, "snapshots")
        for stopped, change in ((first, lose_the_state), (second, change_the_format)):
            await asyncio.to_thread(upgrade, stopped, change)
            await load.reach(ANSWERS)
            await asyncio.to_thread(audit, stopped)
        await load.stop()
        await load.settle()
        await load.close()
        return load

    with ExitStack() as stack:
        for started in (first, second, front):
            stack.enter_context(started)
        wait_until(lambda: partitions_are_owned(front, 2), "both to have partitions")
        load = asyncio.run(story())
    assert "begins with the snapshot at position" in capfd.readouterr().err
    for stopped in (first, second):
        assert {partition.compared_with for partition in audit(stopped).partitions} == {"state"}
    assert {partition.compared_with for partition in audit(front).partitions} == {"snapshot"}
    check_answers(load, source)
