"""Real processes take snapshots, and begin with one when their state is gone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from engine.shell.snapshots import list_snapshots
from replay.verify import stored_states, verify
from tests.integration.installation import ROOT, Installation, wait_until
from tests.support.models import one_task


def taken(engine: Installation, directory: Path) -> int:
    """The position of the snapshot that the command takes now."""
    arguments = ("snapshot", "take", "--data", str(engine.data), "--directory", str(directory), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", *arguments],
        cwd=ROOT,
        env=engine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (snapshot,) = json.loads(done.stdout)["snapshots"]
    return int(snapshot["position"])


def test_a_snapshot_is_taken_when_a_person_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "snapshots"
    engine = Installation(tmp_path, partitions=1, environment={"RETOLD_SNAPSHOTS_DIRECTORY": str(directory)})
    with engine, httpx.Client(base_url=f"{engine.url}/v2", timeout=60) as client:
        files = {"resources": ("one.bpmn", one_task(), "application/octet-stream")}
        client.post("/deployments", files=files).raise_for_status()
        running = taken(engine, directory)
        client.post("/process-instances", json={"processDefinitionId": "one"}).raise_for_status()
    stopped = taken(engine, directory)
    assert 0 < running < stopped == stored_states(engine.data)[1].position
    assert [snapshot.position for snapshot in list_snapshots(directory, 1)] == [stopped, running]
    shutil.rmtree(engine.data / "state")
    with engine:
        pass
    assert f"partition 1 begins with the snapshot at position {stopped} " in capfd.readouterr().err
    assert verify(engine.data).ok


def test_an_engine_without_a_state_begins_with_a_snapshot(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "snapshots"
    environment = {
        "RETOLD_SNAPSHOTS_DIRECTORY": str(directory),
        "RETOLD_SNAPSHOTS_INTERVAL": "PT1S",
        "RETOLD_SNAPSHOTS_RECORDS_MIN": "1",
    }
    engine = Installation(tmp_path, partitions=1, environment=environment)
    with engine, httpx.Client(base_url=f"{engine.url}/v2", timeout=60) as client:
        files = {"resources": ("one.bpmn", one_task(), "application/octet-stream")}
        client.post("/deployments", files=files).raise_for_status()
        client.post("/process-instances", json={"processDefinitionId": "one"}).raise_for_status()
        wait_until(lambda: bool(list_snapshots(directory, 1)), "a snapshot")
    shutil.rmtree(engine.data / "state")
    capfd.readouterr()
    with engine, httpx.Client(base_url=f"{engine.url}/v2", timeout=60) as client:
        client.post("/process-instances", json={"processDefinitionId": "one"}).raise_for_status()
    assert "partition 1 begins with the snapshot at position" in capfd.readouterr().err
    assert verify(engine.data).ok
