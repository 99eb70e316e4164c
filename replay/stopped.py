"""Opens the log of a stopped engine, and says so when the engine runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.faults import Unavailable
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.stopped import StoppedLog


@contextmanager
def open_stopped(data_directory: Path) -> Iterator[StoppedLog]:
    """The log, until the end of the block. Raises Unavailable when the engine runs or there is no log, CorruptedLog."""
    run = data_directory / "run"
    lock = _lock(run) if run.is_dir() else None
    try:
        log = StoppedLog(data_directory)
        try:
            yield log
        finally:
            asyncio.run(log.close())
    finally:
        if lock is not None:
            lock.release()


def _lock(run: Path) -> DirectoryLock:
    """Held by `retold run`: without it, the first to be found would be one of its processes."""
    try:
        return DirectoryLock(run)
    except Unavailable as error:
        raise Unavailable(f"expected a stopped engine, got one that runs: {error.message}") from None
