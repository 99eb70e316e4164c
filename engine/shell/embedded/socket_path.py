"""Where a server's socket is: beside a file of the data directory that tells its path, or in a temporary directory when
that path would be too long for a socket.

Rule: its directory and it are readable by their owner alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from engine.core.faults import RetoldError

#: Bytes of the longest socket path that every system takes.
PATH_SIZE_MAX = 100


class SocketPath:
    """A place for the socket whose path will be told by `file`; the one of a server that died is used again."""

    def __init__(self, file: Path, wanted: Path | None = None) -> None:
        """Raises RetoldError when the wanted path is too long."""
        self._file = file
        self._own_directory: Path | None = None
        beside = file.with_suffix(".socket").absolute()
        if wanted is None and _is_short(beside):
            wanted = beside
        elif wanted is None:
            self._own_directory = _previous_directory(self._file) or _make_directory()
            wanted = self._own_directory / "socket"
        self.path = wanted.absolute()
        if not _is_short(self.path):
            raise RetoldError(f"expected a socket path of at most {PATH_SIZE_MAX} bytes, got {self.path}; shorten it")
        self.path.unlink(missing_ok=True)

    def announce(self) -> None:
        """Write the path down, whole or not at all: clients find the server from now on."""
        new = self._file.with_suffix(".new")
        new.write_bytes(os.fsencode(self.path))
        new.replace(self._file)

    def remove(self) -> None:
        """Take the socket away."""
        self._file.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        if self._own_directory is not None:
            shutil.rmtree(self._own_directory, ignore_errors=True)


def read_socket_path(file: Path) -> Path | None:
    """The path that a running server, or one that died, wrote into this file."""
    try:
        return Path(os.fsdecode(file.read_bytes()))
    except FileNotFoundError:
        return None


def _make_directory() -> Path:
    directory = tempfile.mkdtemp(prefix="retold-")
    if not _is_short(Path(directory) / "socket"):
        Path(directory).rmdir()
        directory = tempfile.mkdtemp(prefix="retold-", dir="/tmp")
    return Path(directory)


def _is_short(path: Path) -> bool:
    return len(os.fsencode(path)) <= PATH_SIZE_MAX


def _previous_directory(file: Path) -> Path | None:
    """The directory that a server left behind when it was killed, if it is still there and ours alone."""
    if not file.exists():
        return None
    directory = Path(os.fsdecode(file.read_bytes())).parent
    if not directory.name.startswith("retold-") or not directory.is_dir():
        return None
    found = directory.stat()
    return directory if found.st_uid == os.getuid() and found.st_mode & 0o077 == 0 else None
