"""A full disk, a full map, a damaged log: the engine stops before it lies, says how to go on, and loses nothing."""

from __future__ import annotations

import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from engine.roles.protocol import LOG
from replay.verify import verify
from tests.integration.installation import PATIENCE, Installation, wait_until
from tests.integration.test_supervisor import PROCESS, deploy, problems, refused

#: Bytes of a variable, so that little is needed until something is full.
SIZE = 40_000
#: Bytes of a map that is large enough to start with.
SMALL = 2 << 20
MARKER = "recognizable"


def create(engine: Installation, marker: str = MARKER) -> httpx.Response:
    body = {"processDefinitionId": PROCESS, "variables": {"text": marker * (SIZE // len(marker))}}
    return httpx.post(f"{engine.url}/v2/process-instances", json=body, timeout=PATIENCE)


def fill(engine: Installation) -> set[str]:
    """Create until it is refused; the keys of what was acknowledged."""
    created = set()
    while (answer := create(engine)).is_success:
        created.add(answer.json()["processInstanceKey"])
    assert answer.status_code in (503, 504, 507), answer.text
    return created


def found(engine: Installation) -> set[str]:
    answer = httpx.post(f"{engine.url}/v2/process-instances/search", json={"page": {"limit": 1000}}, timeout=PATIENCE)
    return {item["processInstanceKey"] for item in answer.json()["items"]} if answer.is_success else set()


def assert_goes_on(engine: Installation, created: set[str]) -> None:
    """Nothing acknowledged is lost, and new work is done."""
    created.add(create(engine).raise_for_status().json()["processInstanceKey"])
    wait_until(lambda: created <= found(engine), "all that was acknowledged")
    engine.stop()
    report = verify(engine.data)
    assert report.ok, report


def test_a_full_state_stops_the_partition_until_its_map_is_raised(tmp_path: Path) -> None:
    environment = {"RETOLD_STATE_MAP_SIZE": str(SMALL), "RETOLD_GATEWAY_REQUEST_TIMEOUT": "PT3S"}
    with Installation(tmp_path, partitions=1, environment=environment) as engine:
        deploy(engine)
        created = fill(engine)
        assert created
        wait_until(lambda: "partition-1" in problems(engine), "the partition to say what is full")
        assert re.match(
            r"is complete up to position \d+ and tries to go on: expected space for the state",
            problems(engine)["partition-1"],
        )
        engine.kill("partition-1")
        waits = "waits for space, nothing is lost: expected space for the state"
        wait_until(lambda: problems(engine)["partition-1"].startswith(waits), "the next one to say it too")
        engine.stop()
        message = refused(engine.data, "--port", "0", "--partitions", "1", **environment)
        assert "expected space for the state" in message
        assert "raise the map size" in message
        engine.environment["RETOLD_STATE_MAP_SIZE"] = str(16 * SMALL)
        engine.start()
        assert_goes_on(engine, created)
        engine.start()


def test_a_full_log_refuses_until_its_map_is_raised(tmp_path: Path) -> None:
    environment = {"RETOLD_LOG_MAP_SIZE": str(SMALL), "RETOLD_GATEWAY_REQUEST_TIMEOUT": "PT3S"}
    with Installation(tmp_path, partitions=1, environment=environment) as engine:
        deploy(engine)
        created = fill(engine)
        assert created
        # whoever came last, the client or the partition, has found no space
        refusals = create(engine).text + str(problems(engine))
        assert "expected space for the log" in refusals
        engine.stop()
        engine.environment["RETOLD_LOG_MAP_SIZE"] = str(16 * SMALL)
        engine.start()
        assert_goes_on(engine, created)
        engine.start()


def test_a_full_disk_refuses_until_there_is_space(tmp_path: Path) -> None:
    with Installation(tmp_path, partitions=1) as engine:
        deploy(engine)
        size = (engine.data / "log" / "data.mdb").stat().st_size
        log = engine.pids()[LOG]
        unlimited = resource.prlimit(log, resource.RLIMIT_FSIZE, (size + (1 << 20), resource.RLIM_INFINITY))
        created = fill(engine)
        assert created
        assert "expected space for the log" in create(engine).json()["detail"]
        resource.prlimit(log, resource.RLIMIT_FSIZE, unlimited)
        wait_until(lambda: not problems(engine), "all to work again")
        assert_goes_on(engine, created)
        engine.start()


def cut(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def flip(file: Path) -> None:
    """Wherever it lies: in the command and in the event."""
    file.write_bytes(file.read_bytes().replace(MARKER.encode(), MARKER.upper().encode()))


@pytest.mark.parametrize("damage", [cut, flip])
def test_a_damaged_log_is_refused_until_it_is_restored(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    with Installation(tmp_path, partitions=1) as engine:
        deploy(engine)
        for marker in ("first", MARKER, "last"):
            create(engine, marker).raise_for_status()
        engine.stop()
        file = engine.data / "log" / "data.mdb"
        whole = file.read_bytes()
        damage(file)
        shutil.rmtree(engine.data / "state")
        message = refused(engine.data, "--port", "0", "--partitions", "1")
        assert "damaged" in message or "expected a file of" in message
        assert "last good offset" in message or damage is cut
        assert "restore" in message
        file.write_bytes(whole)
        engine.start()
