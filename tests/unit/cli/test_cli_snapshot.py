"""`retold snapshot list`: what new machines would start from."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from cli_engine import Retold

from engine.assembly import Assembly
from engine.shell.lmdb_store import LmdbStore
from engine.shell.manual_clock import START, ManualClock
from engine.shell.snapshots import LmdbSnapshots


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of two partitions; the state of the second one has another format."""
    for number, state_format in ((1, Assembly().state_format), (2, "of tomorrow")):
        store = LmdbStore(tmp_path / "state" / str(number), 1 << 26)
        snapshots = LmdbSnapshots(
            tmp_path / "snapshots",
            number,
            state=tmp_path / "state" / str(number),
            state_format=state_format,
            build="retold-1",
            keep=3,
            clock=ManualClock(),
        )
        asyncio.run(snapshots.take(store))
        store.close()
    return tmp_path / "snapshots"


def test_the_table(retold: Retold, directory: Path) -> None:
    told = retold("snapshot", "list", "--directory", str(directory))
    assert told.exit_code == 0
    head, first, second = (line.split() for line in told.output.splitlines())
    assert head == ["PARTITION", "POSITION", "TAKEN", "MIB", "GENERATION", "BUILD", "READABLE"]
    assert (first[:3], first[5:]) == (["1", "0", "2026-01-01T00:00:00Z"], ["retold-1", "yes"])
    assert second[6] == "no"
    assert "1 are of another build's state format" in told.errors


def test_the_document(retold: Retold, directory: Path) -> None:
    told = retold("snapshot", "list", "--directory", str(directory), "--json")
    document = json.loads(told.output)
    assert document["stateFormat"] == Assembly().state_format
    first, second = document["snapshots"]
    assert (first["partition"], first["takenAt"], second["stateFormat"]) == (1, START, "of tomorrow")
    assert set(first) == {
        *("partition", "position", "chainHash", "timestamp", "generation", "takenAt"),
        *("stateFormat", "build", "size", "sha256"),
    }


def test_the_directory_may_come_from_the_settings(
    retold: Retold, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOLD_SNAPSHOTS_DIRECTORY", str(directory))
    assert len(retold("snapshot", "list").output.splitlines()) == 3


def test_without_a_directory(retold: Retold, tmp_path: Path) -> None:
    told = retold("snapshot", "list")
    assert (told.exit_code, "expected --directory, or the setting" in told.errors) == (2, True)
    told = retold("snapshot", "list", "--directory", str(tmp_path / "none"))
    assert (told.exit_code, "expected a directory of snapshots" in told.errors) == (1, True)
