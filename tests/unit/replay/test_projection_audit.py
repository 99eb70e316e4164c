"""Secondary storage that equals the log passes; what differs is named."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from engine.core.ports import EVENTS
from exporters.sqlite import SqliteExporter
from replay.projection import audit_projection
from replay.report import Check
from tests.support.actions import batch
from tests.support.batches import populate
from tests.support.scenario import CODEC, Scenario
from tests.unit.replay.recorded import Recorded


@pytest.fixture
def log() -> Recorded:
    """A batch operation on two partitions that has found its items and executed none."""
    scenario = Scenario(2)
    keys = populate(scenario, 6)
    scenario.send(batch(filter_text="", item_keys=tuple(keys[:4])), 1)
    scenario.drain(initialize=False)
    for number in scenario.partitions:
        assert scenario.initialize(number)
        assert scenario.step(number)
    return Recorded(scenario)


def export(folder: Path, log: Recorded, **settings: bool) -> None:
    async def run() -> None:
        exporter = SqliteExporter(folder, **settings)
        await exporter.open()
        for number in range(1, log.partition_count + 1):
            await exporter.export(number, log.records(number), len(log.places[EVENTS, number]))
        await exporter.close()

    asyncio.run(run())


def audit(folder: Path, log: Recorded) -> Check:
    check, _ = asyncio.run(audit_projection(folder, folder / "temporary", log, CODEC, lambda _: None))
    return check


def change(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "search.db")
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def texts(check: Check) -> list[str]:
    return [failure.text for failure in check.report().failures]


def test_what_the_exporter_wrote_passes(tmp_path: Path, log: Recorded) -> None:
    export(tmp_path, log)
    check, positions = asyncio.run(audit_projection(tmp_path, tmp_path / "temporary", log, CODEC, lambda _: None))
    assert (texts(check), check.note) == ([], "")
    assert positions == {number: len(log.places[EVENTS, number]) for number in (1, 2)}


def test_pending_items_without_a_row_are_noted(tmp_path: Path, log: Recorded) -> None:
    export(tmp_path, log, export_items_on_creation=False)
    check = audit(tmp_path, log)
    assert texts(check) == []
    assert check.note == "4 pending items of 1 batch operations have no row (exportItemsOnCreation: false)"


def test_a_lost_item_is_found(tmp_path: Path, log: Recorded) -> None:
    export(tmp_path, log)
    change(tmp_path, "DELETE FROM batch_items WHERE item_key = (SELECT max(item_key) FROM batch_items)")
    (text,) = texts(audit(tmp_path, log))
    assert text.startswith("table batch_items, key ")
    assert text.endswith("got no row")


def test_an_invented_row_is_found(tmp_path: Path, log: Recorded) -> None:
    export(tmp_path, log)
    change(tmp_path, "INSERT INTO counts VALUES (2, 'z', 1)")
    assert texts(audit(tmp_path, log)) == ["table counts, key 2/z: expected no row, got (2, 'z', 1)"]


def test_a_changed_count_of_a_batch_operation_is_found(tmp_path: Path, log: Recorded) -> None:
    export(tmp_path, log)
    change(tmp_path, "UPDATE batch_operation_partitions SET total = total + 1 WHERE partition_id = 1")
    (text,) = texts(audit(tmp_path, log))
    assert text.endswith("expected total 2, got 3")


def test_a_position_within_a_step_is_found(tmp_path: Path, log: Recorded) -> None:
    export(tmp_path, log)
    change(tmp_path, "UPDATE positions SET position = position - 1 WHERE partition_id = 1")
    (text,) = texts(audit(tmp_path, log))
    assert "expected a step to end at position" in text


def test_a_file_that_is_no_database_is_found(tmp_path: Path, log: Recorded) -> None:
    (tmp_path / "search.db").write_bytes(b"no database" * 1000)
    (text,) = texts(audit(tmp_path, log))
    assert "delete it, the exporter builds it again" in text


def test_a_missing_file_is_no_failure(tmp_path: Path, log: Recorded) -> None:
    check = audit(tmp_path, log)
    assert not check.checked
    assert texts(check) == []
