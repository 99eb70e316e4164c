"""Runs the log's server in a process of its own, for tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

from engine.shell.embedded import server


class LogServerProcess:
    """A log server that ends with the test: `with LogServerProcess(tmp_path): ...`."""

    def __init__(
        self, data_directory: Path, partition_count: int = 1, *arguments: str, file_size_max: int | None = None
    ) -> None:
        program = [sys.executable, "-m", server.__name__]
        if file_size_max is not None:
            limited = (
                "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}));"
                "runpy.run_module(sys.argv.pop(1), run_name='__main__')"
            )
            program = [sys.executable, "-c", limited.format(file_size_max), server.__name__]
        self._command = [
            *program,
            *("--data", str(data_directory), "--partitions", str(partition_count)),
            *arguments,
        ]
        self.process: subprocess.Popen[str]

    def __enter__(self) -> LogServerProcess:
        self.process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait()

    def refusal(self) -> str:
        """Wait for a server that refuses to start; gives what it says."""
        _, text = self.process.communicate()
        assert self.process.returncode == 1, (self.process.returncode, text)
        return text
