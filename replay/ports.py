"""What the auditor reads, so that a log in memory, of a stopped engine or of a cluster is audited by the same code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.core.machine import Machine
from engine.core.ports import Page, Store
from engine.core.state import State
from engine.shell.codec import Codec

#: Is told how many records more were read.
Progress = Callable[[int], None]
#: Is told how many records were read, and how many there are to read in all (about: some are read twice).
Counted = Callable[[int, int], None]

#: Behind what names an input that the log at hand does not have.
ABSENT = "; an inbox must be in kafka.inboxes for the audit, too"

#: Bytes asked of the log in one read.
READ_SIZE_MAX = 1 << 20


class LogReading(Protocol):
    """The part of the Log port that reads. Nothing is appended while an audit runs."""

    partition_count: int
    inputs: Sequence[str]

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = ...) -> Page:
        """As `Log.read`."""


class Assembled(Protocol):
    """What the composition root knows: the codec of all families, and machines with the registry of all parts."""

    @property
    def codec(self) -> Codec: ...

    def machine(self, store: Store, partition: int, partition_count: int) -> tuple[State, Machine]: ...


def counting(progress: Counted | None, total: int) -> Progress:
    """Adds up what several readers say."""
    done = 0

    def count(records: int) -> None:
        nonlocal done
        done += records
        if progress is not None:
            progress(min(done, total), total)

    return count
