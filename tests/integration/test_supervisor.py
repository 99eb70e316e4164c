"""`retold run` as its caller sees it: one line when all works, one clear message when it cannot, an end in order."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from engine.roles.protocol import EXPORTER, GATEWAY
from tests.integration.installation import PATIENCE, ROOT, SUPERVISOR, Installation, wait_until
from tests.support.models import one_task
from tests.support.roles import roles

PROCESS = "order"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all tests here: each leaves it running, and none may lose what those before it made."""
    with Installation(tmp_path_factory.mktemp("supervised")) as running:
        deploy(running)
        yield running


@pytest.fixture(scope="module")
def created() -> set[str]:
    """The keys of all instances that were acknowledged."""
    return set()


def deploy(engine: Installation) -> None:
    files = {"resources": ("model.bpmn", one_task(PROCESS), "text/xml")}
    httpx.post(f"{engine.url}/v2/deployments", files=files, timeout=PATIENCE).raise_for_status()


def create(engine: Installation) -> str:
    answer = httpx.post(f"{engine.url}/v2/process-instances", json={"processDefinitionId": PROCESS}, timeout=PATIENCE)
    return str(answer.raise_for_status().json()["processInstanceKey"])


def found(engine: Installation) -> set[str]:
    """The keys of all instances that search finds; none while it cannot answer."""
    everything = {"page": {"limit": 1000}}
    answer = httpx.post(f"{engine.url}/v2/process-instances/search", json=everything, timeout=PATIENCE)
    return {item["processInstanceKey"] for item in answer.json()["items"]} if answer.is_success else set()


def problems(engine: Installation) -> Mapping[str, str]:
    """The parts that are not up, as the gateway tells them."""
    answer = httpx.get(f"{engine.url}/health/ready", timeout=PATIENCE)
    parts = {name: text for name, text in answer.json()["parts"].items() if text != "UP"}
    assert answer.status_code == (503 if parts else 200)
    return parts


def refused(data: Path, *options: str, **environment: str) -> str:
    """What a start that must fail says; nothing but that."""
    ended = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "run", "--data", str(data), *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode in (1, 2), ended
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr


def assert_works(engine: Installation, created: set[str]) -> None:
    """It takes new work, and search finds everything ever made, each once."""
    created.add(create(engine))
    wait_until(lambda: found(engine) == created, "all instances that were ever made")


@pytest.mark.parametrize("role", roles(2))
def test_one_that_dies_is_started_again_and_nothing_is_lost(engine: Installation, created: set[str], role: str) -> None:
    created.add(create(engine))
    killed = engine.pids()[role]
    engine.kill(role)
    engine.wait_ready()
    assert engine.pids()[role] != killed
    assert_works(engine, created)


def test_readiness_tells_which_part_is_missing(engine: Installation) -> None:
    os.kill(engine.pids()["partition-2"], signal.SIGKILL)
    wait_until(lambda: "partition-2" in problems(engine), "the gateway to say that partition 2 is missing")
    engine.wait_ready()
    assert problems(engine) == {}


def test_callers_wait_while_the_gateway_is_started_again(engine: Installation, created: set[str]) -> None:
    engine.kill(GATEWAY)
    assert_works(engine, created)


def test_children_end_with_a_parent_that_was_killed(engine: Installation, created: set[str]) -> None:
    created.add(create(engine))
    engine.kill(SUPERVISOR)
    engine.start()
    assert_works(engine, created)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(engine: Installation, created: set[str], number: signal.Signals) -> None:
    created.add(create(engine))
    children = engine.pids()
    engine.stop(number)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())
    assert sorted(path.name for path in engine.data.iterdir()) == ["log", "run", "search.db", "state"]
    engine.start()
    assert_works(engine, created)


def test_a_second_engine_on_the_same_directory_is_refused(engine: Installation, created: set[str]) -> None:
    message = refused(engine.data, "--port", "0", "--partitions", "2")
    assert "another engine is running on this data directory" in message
    assert len(message.strip().splitlines()) == 1
    assert_works(engine, created)


def test_a_port_in_use_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = refused(tmp_path / "data", "--port", str(port))
    assert f"expected to serve at 127.0.0.1:{port}, got: Address already in use" in message
    assert len(message.strip().splitlines()) == 1
    assert not (tmp_path / "data" / "log").exists()


def test_a_bad_configuration_is_refused_with_all_problems(tmp_path: Path) -> None:
    message = refused(tmp_path / "data", "--port", "0", RETOLD_PARTITIONS="many", RETOLD_LOG_MAP_SIZE="1", RETOLD_X="1")
    assert all(name in message for name in ("partitions", "log.mapSize", "RETOLD_X"))


def test_another_partition_count_is_refused(engine: Installation, created: set[str]) -> None:
    engine.stop()
    message = refused(engine.data, "--port", "0", "--partitions", "3")
    assert "expected 2 partitions" in message
    assert "start with --partitions 2" in message
    engine.start()
    assert_works(engine, created)


def test_a_state_and_a_projection_that_were_deleted_are_rebuilt(engine: Installation, created: set[str]) -> None:
    engine.stop()
    shutil.rmtree(engine.data / "state")
    (engine.data / "search.db").unlink()
    engine.start()
    assert_works(engine, created)


def test_a_projection_that_is_deleted_while_the_engine_runs_is_rebuilt(engine: Installation, created: set[str]) -> None:
    assert_works(engine, created)
    for path in engine.data.glob("search.db*"):
        path.unlink()
    engine.kill(EXPORTER)
    engine.wait_ready()
    assert_works(engine, created)
