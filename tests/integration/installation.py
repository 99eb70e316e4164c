"""A whole installation in processes of its own, for tests that look at it from outside."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import httpx

from engine.app import find_free_port
from engine.overview import read_overview

ROOT = Path(__file__).parents[2]
#: Names the parent of all other processes.
SUPERVISOR = "supervisor"
#: Seconds after which a test gives up waiting. Nothing here takes a tenth of it on an idle machine; a start takes two
#: minutes where ten others want the same processor.
PATIENCE = 300.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Returns as soon as the condition holds; fails after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"expected {what} within {PATIENCE:g} s"
        time.sleep(0.02)


class Installation:
    """`retold run` on `directory/data`: `with Installation(tmp_path) as engine: ... engine.url ...`.

    Its standard error is that of the test, so pytest shows it when the test fails. `environment` has RETOLD_… settings.
    """

    def __init__(self, directory: Path, partitions: int = 2, environment: Mapping[str, str] | None = None) -> None:
        self.data = directory / "data"
        self.partitions = partitions
        self.port = find_free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RETOLD_")}
        self.environment = {**inherited, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Installation:
        try:
            self.start()
        except BaseException:
            self.kill(SUPERVISOR)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill(SUPERVISOR)

    def start(self) -> None:
        """Start it and wait until every part can work."""
        self.begin()
        assert self._process is not None
        assert self._process.stdout is not None
        said, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert said, f"expected it to start within {PATIENCE:g} s, got these parts: {read_overview(self.data).parts}"
        line = self._process.stdout.readline()
        assert line.startswith(f"Retold is ready at {self.url} "), f"expected a line that says so, got {line!r}"
        self.wait_ready()

    def begin(self) -> None:
        """Start it and wait for nothing: some part cannot work."""
        arguments = ("--data", str(self.data), "--port", str(self.port), "--partitions", str(self.partitions))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", "run", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """A signal; it must end well."""
        process, self._process = self._running(), None
        process.send_signal(number)
        rest, _ = process.communicate(timeout=PATIENCE)
        assert (process.returncode, rest) == (0, ""), f"expected exit code 0 and no more output, got {process}, {rest}"

    def kill(self, role: str) -> None:
        """kill -9 of one process, or of the supervisor, with which all others end; returns when they are gone."""
        if role == SUPERVISOR:
            children = self.pids()
            process, self._process = self._running(), None
            process.kill()
            process.communicate(timeout=PATIENCE)
        else:
            children = {role: self.pids()[role]}
            os.kill(children[role], signal.SIGKILL)
        wait_until(lambda: not any(map(_is_alive, children.values())), f"the end of {children}")

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        return self._running().pid

    def pids(self) -> dict[str, int]:
        """Role -> process id of the children that run now."""
        supervisor = self._running().pid
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
                command = (directory / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
            except OSError:
                continue  # it has just ended
            if parent == supervisor and "engine.processes" in command:
                found[command[command.index("engine.processes") + 1]] = int(directory.name)
        return found

    def wait_ready(self) -> None:
        """Wait until every process runs and says that it can work."""
        wait_until(self._is_ready, "every part to be ready")

    def _is_ready(self) -> bool:
        process = self._running()
        assert process.poll() is None, f"expected it to run, got its end with code {process.returncode}"
        try:
            answer = httpx.get(f"{self.url}/health/ready")
        except httpx.TransportError:
            return False
        return answer.is_success and read_overview(self.data).parts.keys() == self.pids().keys()

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "expected a running installation; start it"
        return self._process


def _is_alive(pid: int) -> bool:
    """What has ended and was not yet waited for by its parent does not live."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
