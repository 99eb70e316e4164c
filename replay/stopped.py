"""Keeps the engine of a data directory away while something looks at its files, and says so when it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.faults import Unavailable
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.stopped import StoppedLog


@contextmanager
def hold_engine(data_directory: Path) -> Iterator[None]:
    """Keep `retold run` away from a data directory; there may be none. Raises Unavailable when it runs."""
    run = data_directory / "run"
    if not run.is_dir():
        yield
        return
    try:
        lock = DirectoryLock(run)
    except Unavailable as error:
        raise Unavailable(f"expected a stopped engine, got one that runs: {error.message}") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def hold_log(data_directory: Path) -> Iterator[None]:
    """Keep servers away from the embedded log. Raises Unavailable when one runs or there is no log, CorruptedLog."""
    log = StoppedLog(data_directory)
    try:
        yield
    finally:
        asyncio.run(log.close())
