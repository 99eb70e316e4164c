"""What a supervisor and the processes that it starts say to each other, and what they are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from engine.core.faults import LogFull, LogTruncated, RetoldError, StoreFull, Unavailable

SUPERVISOR = "supervisor"
LOG = "log"
EXPORTER = "exporter"
GATEWAY = "gateway"
PARTITION = "partition"

#: Exit codes that the supervisor understands.
EXIT_OK = 0
EXIT_FAILED = 1
#: A person must look: starting again would end the same way.
EXIT_STOPPED = 3
#: No space: what had worked before is started again, for space may be made meanwhile; a first start has failed.
EXIT_FULL = 4

#: First words of what a process says: it works on its duty, or what keeps it from that.
READY = "READY"
PROBLEM = "PROBLEM"
PROBLEM_LENGTH_MAX = 2_000
#: A standby says that it has caught up; an owner, that another writer has taken the partition.
CURRENT = "CURRENT"
LOST = "LOST"

#: Duties, which a supervisor tells: be the writer of the partition, be its standby, export (with the partitions).
OWN = "OWN"
FOLLOW = "FOLLOW"
EXPORT = "EXPORT"
#: Nobody tells this one: the process itself has been asked to end.
END = "END"


class Process(Protocol):
    """A started process."""

    async def read_line(self) -> str:
        """The next line that it says, whole with its end; empty when it says no more."""

    def tell(self, duty: str) -> None:
        """Have it do this from now on; nothing if it has ended."""

    async def wait(self) -> int:
        """Its exit code, once it has ended."""

    def terminate(self) -> None:
        """Ask it to finish what it does; nothing if it has ended."""

    def kill(self) -> None:
        """End it at once; nothing if it has ended."""


#: Starts the process of a role.
Start = Callable[[str], Awaitable[Process]]


def role_of_partition(partition: int) -> str:
    return f"{PARTITION}-{partition}"


def partition_of_role(role: str) -> int:
    """The partition whose processor a role is; 0 for the others."""
    name, _, number = role.rpartition("-")
    return int(number) if name == PARTITION else 0


def export_duty(partitions: Iterable[int]) -> str:
    """The duty to export these partitions."""
    return " ".join([EXPORT, *map(str, partitions)])


def partitions_of_duty(duty: str) -> tuple[int, ...]:
    """Those that `export_duty` was made of."""
    return tuple(map(int, duty.split()[1:]))


def line_of(problem: str, duty: str = "") -> str:
    """What a process says of itself, as one line; no problem: that it works on this duty."""
    text = " ".join(problem.split())[:PROBLEM_LENGTH_MAX]
    return f"{PROBLEM} {text}\n" if text else f"{READY} {duty}".rstrip() + "\n"


def problem_of(error: RetoldError) -> str:
    """What a process says when it ends for this reason."""
    return f"{'waits for space' if is_full(error) else 'has stopped'}, nothing is lost: {error.message}"


def exit_code_of(error: RetoldError) -> int:
    """Whether what ended a process may pass."""
    if is_full(error):
        return EXIT_FULL
    return EXIT_FAILED if isinstance(error, Unavailable | LogTruncated) else EXIT_STOPPED


def is_full(error: RetoldError) -> bool:
    """Whether space is all that is missing."""
    return isinstance(error, LogFull | StoreFull)
