"""One process per directory: a lock that the kernel releases when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.core.faults import Unavailable


class DirectoryLock:
    """Hold a directory for this process. Raises Unavailable naming the process that holds it already."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "owner"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "of unknown id"
            os.close(self._file)
            raise Unavailable(
                f"expected {directory} to be free, got one that process {holder} uses; stop that process first"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others have the directory."""
        os.close(self._file)
