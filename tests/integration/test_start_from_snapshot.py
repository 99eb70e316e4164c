"""Real processes take snapshots, and begin with one when their state is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from engine.shell.snapshots import list_snapshots
from replay.verify import verify
from tests.integration.installation import Installation, wait_until
from tests.support.models import one_task


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
