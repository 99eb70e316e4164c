"""Whether an embedded log is whole. A damaged file can kill who reads it, so a child process (`walk`) looks first.

`probe` looks at the ends of every place (a fraction of a second), `check` at every byte. Both change nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from engine.core.faults import CorruptedLog, RetoldError
from engine.shell.embedded import walk
from engine.shell.embedded.environment import corrupted, log_directory, places

#: How a process ends that read a damaged map.
_DEADLY = (-signal.SIGBUS, -signal.SIGSEGV, -signal.SIGABRT)


def check(data_directory: Path) -> walk.Report:
    """Verify every batch of every place. Raises CorruptedLog with the last good offset, RetoldError without a log."""
    return _look(data_directory, walk.EVERYTHING)


def probe(data_directory: Path) -> None:
    """Verify that the file is not cut and that both ends of every place can be read; no log at all is whole."""
    if (log_directory(data_directory) / "data.mdb").exists():
        _look(data_directory, walk.ENDS)


def _look(data_directory: Path, depth: str) -> walk.Report:
    with tempfile.NamedTemporaryFile() as progress:
        progress.write(walk.PROGRESS.pack(-1, -1))
        progress.flush()
        child = subprocess.run(
            [sys.executable, "-m", walk.__name__, str(data_directory), depth, progress.name],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        index, last_good = walk.PROGRESS.unpack(Path(progress.name).read_bytes())
    if child.returncode == 0:
        return msgspec.json.decode(child.stdout, type=walk.Report)
    text = child.stderr.decode(errors="replace").strip()
    if child.returncode == walk.DAMAGED:
        raise CorruptedLog(text)
    if child.returncode in _DEADLY:
        place = places(index // 3 + 1)[index] if index >= 0 else None
        raise corrupted(data_directory, place, last_good, "its pages cannot be read")
    raise RetoldError(text or f"expected to read the log in {data_directory}, got exit code {child.returncode}")
