"""`state`: tables and rows of a data directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_engine import Retold

from engine.shell.lmdb_store import LmdbStore
from tests.support.batches import populate
from tests.support.scenario import Scenario


@pytest.fixture
def data(tmp_path: Path) -> str:
    """The state of two partitions with three instances."""
    stores = {number: LmdbStore(tmp_path / "state" / str(number), 1 << 28) for number in (1, 2)}
    populate(Scenario(2, store=lambda number: stores[number]), 3)
    for store in stores.values():
        store.close()
    return str(tmp_path)


def test_tables_with_their_rows(retold: Retold, data: str) -> None:
    ran = retold("state", "--data", data)
    assert ran.exit_code == 0
    lines = [line.split() for line in ran.output.splitlines()]
    assert lines[0] == ["TABLE", "PARTITION", "1", "PARTITION", "2"]
    assert ["JOBS", "2", "1"] in lines
    assert lines[-1][:2] == ["at", "position"]
    assert "INCIDENTS" not in ran.output
    assert ran.errors.endswith("tables are empty\n")
    partitions = json.loads(retold("state", "--data", data, "--json").output)["partitions"]
    assert [one["tables"]["JOBS"] for one in partitions] == [2, 1]
    assert all(one["position"] > 0 for one in partitions)


def test_rows_of_a_table(retold: Retold, data: str) -> None:
    ran = retold("state", "jobs", "--data", data, "--limit", "1")
    first, second = ran.output.splitlines()
    assert first.startswith("1  2251799813685")
    assert '"type": "work"' in second
    assert "partition 1: 1 rows, and more at position" in ran.errors
    documents = [json.loads(line) for line in retold("state", "JOBS", "--data", data, "--json").output.splitlines()]
    assert [document["partition"] for document in documents] == [1, 1, 2]
    key = documents[1]["key"][0]
    one = retold("state", "JOBS", "--key", key, "--data", data, "--json").output
    assert json.loads(one) == documents[1]
    only = retold("state", "SOURCES", "--key", "commands", "--partition", "2", "--data", data).output
    assert only.startswith("2  commands  ")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (("NOTHING",), 2, "expected a table of HEAD, SOURCES"),
        (("--key", "7"), 2, "expected a TABLE for --key"),
        (("JOBS", "--partition", "3"), 2, "expected one of 1, 2, got 3"),
        (("JOBS", "--key", "9223372036854775808"), 2, "expected a number of at most 9223372036854775807"),
        (("JOBS", "--key", "9" * 5_000), 2, "expected a number of at most 9223372036854775807"),
    ],
)
def test_what_makes_no_sense(retold: Retold, data: str, arguments: tuple[str, ...], exit_code: int, text: str) -> None:
    ran = retold("state", *arguments, "--data", data)
    assert (ran.exit_code, ran.output) == (exit_code, "")
    assert text in ran.errors


def test_no_state(retold: Retold, tmp_path: Path) -> None:
    ran = retold("state", "--data", str(tmp_path))
    assert ran.exit_code == 1
    assert "expected a data directory with a state" in ran.errors
