"""The engine that the demo runs: `retold run` in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from engine.cli.faults import CommandFailed

PARTITIONS = 2
#: Seconds that the engine has to finish what it does.
STOP_SECONDS = 60


class EngineProcess:
    """`retold run` on a data directory; started and stopped as often as needed, and stopped at the end of a block."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.url = f"http://127.0.0.1:{port}/v2"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._process is not None

    def start(self) -> str:
        """Start the engine and give the line with which it says that it is ready. Raises CommandFailed."""
        self._process = process = subprocess.Popen(
            [
                *(sys.executable, "-m", "engine.cli.demo.child", "run"),
                *("--data", str(self.data), "--port", str(self.port), "--partitions", str(PARTITIONS)),
                *("--host", "127.0.0.1"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the demo, which then stops the engine in order.
            process_group=0,
        )
        assert process.stdout is not None
        line = process.stdout.readline().decode().strip()
        if not line:
            exit_code = process.wait()
            self._process = None
            _close_pipes(process)
            raise CommandFailed(f"expected the engine to start, got its end with exit code {exit_code}; see above")
        return line

    def stop(self) -> None:
        """Ask the engine to finish and wait for it. Raises CommandFailed when it does not end well."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            exit_code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            exit_code = process.wait()
        _close_pipes(process)
        if exit_code != 0:
            raise CommandFailed(f"expected the engine to end with exit code 0, got {exit_code}; see its messages above")

    def wait(self) -> None:
        """Wait until the engine ends by itself."""
        if self._process is not None:
            self._process.wait()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
