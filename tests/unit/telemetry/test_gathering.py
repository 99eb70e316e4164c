"""Gathering the values of all processes: whoever does not answer is named and costs a bounded time."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest

from engine.core.faults import Unavailable
from engine.shell.embedded.socket_path import SocketPath, read_socket_path
from engine.telemetry import metrics
from engine.telemetry.gathering import ANSWER_SIZE_MAX, MetricsServer, gather, path_file
from engine.telemetry.prometheus import text_of
from engine.telemetry.registry import Registry, Sample
from tests.support.prometheus import Exposition


def told(data: Path, *processes: str, timeout: float = 20.0) -> Exposition:
    return Exposition(text_of(asyncio.run(gather(data, processes, timeout=timeout))))


def test_the_values_of_all_processes_are_on_one_page(tmp_path: Path) -> None:
    servers = []
    for number in (1, 2):
        registry = Registry()
        registry.add(metrics.EXPORTED_RECORDS, {(number,): 10 * number})
        registry.observe(metrics.STEP_DURATION, (number,), [0.0001, 0.2, 99.0])
        servers.append(MetricsServer(tmp_path, f"partition-{number}", registry.snapshot))
    found = told(tmp_path, "partition-1", "partition-2", "gateway")
    assert found.values["retold_up"] == {
        frozenset({("process", "gateway")}): 0,
        frozenset({("process", "partition-1")}): 1,
        frozenset({("process", "partition-2")}): 1,
    }
    assert found.get("retold_export_records_total", partition="2") == 20
    assert found.get("retold_step_duration_seconds_bucket", partition="1", le="0.25") == 2
    assert found.get("retold_step_duration_seconds_count", partition="1") == 3
    for server in servers:
        server.close()
    assert told(tmp_path, "partition-1").get("retold_up", process="partition-1") == 0


def test_the_socket_is_its_owners_alone_whatever_the_directory_is_called(tmp_path: Path) -> None:
    data = tmp_path / ("a long name " * 10)
    server = MetricsServer(data, "gateway", Registry().snapshot)
    path = read_socket_path(path_file(data, "gateway"))
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert told(data, "gateway").get("retold_up", process="gateway") == 1
    server.close()
    assert not path.exists()


@pytest.mark.parametrize("answer", [b"", b"\xc1 nonsense", b"\x93", b"x" * (ANSWER_SIZE_MAX + 1)])
def test_a_process_that_talks_nonsense_is_down(tmp_path: Path, answer: bytes) -> None:
    with _listener(tmp_path) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.sendall(answer)
                except OSError:
                    return  # it has heard enough

        thread = threading.Thread(target=talk)
        thread.start()
        assert told(tmp_path, "odd").get("retold_up", process="odd") == 0
        thread.join()


def test_a_process_that_says_nothing_is_down_after_its_time(tmp_path: Path) -> None:
    with _listener(tmp_path):
        assert told(tmp_path, "odd", timeout=0.01).get("retold_up", process="odd") == 0


def test_a_process_that_was_killed_is_down_and_its_next_life_is_up(tmp_path: Path) -> None:
    with _listener(tmp_path):
        pass
    assert told(tmp_path, "odd").get("retold_up", process="odd") == 0
    server = MetricsServer(tmp_path, "odd", Registry().snapshot)
    assert told(tmp_path, "odd").get("retold_up", process="odd") == 1
    server.close()


def test_who_hangs_up_does_not_end_the_service(tmp_path: Path) -> None:
    big = [Sample(name=metrics.RECORDS.name, values=[((1, "x" * 100, str(n)), 1.0) for n in range(20_000)])]
    server = MetricsServer(tmp_path, "odd", lambda: big)
    path = read_socket_path(path_file(tmp_path, "odd"))
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert told(tmp_path, "odd").get("retold_up", process="odd") == 1
    server.close()


def test_without_a_place_for_the_socket_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(Unavailable, match="expected to serve metrics"):
        MetricsServer(tmp_path, "gateway", Registry().snapshot)


def test_what_cannot_be_read_now_is_left_out() -> None:
    registry = Registry()

    def closed() -> list[tuple[tuple[int, ...], float]]:
        raise Unavailable("closed")

    registry.watch(metrics.STATE_SIZE, closed)
    registry.watch(metrics.LOG_SIZE, lambda: [((), 5.0)])
    found = Exposition(text_of(registry.snapshot()))
    assert found.get("retold_log_size_bytes") == 5
    assert "retold_state_size_bytes" not in found.values


def _listener(data: Path) -> socket.socket:
    """A socket where the process `odd` should serve its values."""
    file = path_file(data, "odd")
    file.parent.mkdir(parents=True)
    place = SocketPath(file)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place.path))
    listener.listen()
    place.announce()
    assert os.fsdecode(file.read_bytes()) == str(place.path)
    return listener
