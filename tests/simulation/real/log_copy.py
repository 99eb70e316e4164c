"""What lies on a real log, read from outside while it grows, and the states that follow from it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, EVENTS, INPUTS, INTERNAL, Append, Entry, Log, Message, Page, Place
from engine.shell.codec import Reader
from engine.shell.memory_store import MemoryStore
from replay.steps import Steps
from tests.simulation.rest import unfinished_work
from tests.simulation.watch import LogWatch

#: Events first: what caused those that were read is there when the commands are read.
ORDER = (EVENTS, COMMANDS, INTERNAL)


class LogCopy:
    """All that was read so far: `Written`, and what audits read."""

    def __init__(self, partition_count: int) -> None:
        self.partition_count = partition_count
        self.inputs: Sequence[str] = INPUTS
        places = [(topic, partition) for topic in ORDER for partition in range(1, partition_count + 1)]
        self._entries: dict[Place, list[Entry]] = {place: [] for place in places}
        self._offsets: dict[Place, list[int]] = {place: [] for place in places}

    async def read_on(self, log: Log) -> int:
        """Read what has come since; gives how many entries that were. Raises Unavailable."""
        count = 0
        for place in self._entries:
            await log.end(*place)  # from now on reads see what is there
            while (page := await log.read(*place, self.end_of(place))).entries:
                count += len(page.entries)
                self._entries[place] += page.entries
                self._offsets[place] += [entry.offset for entry in page.entries]
        return count

    def entries(self, place: Place) -> Sequence[Entry]:
        """As `Written.entries`."""
        return self._entries[place]

    def entry_at(self, place: Place, offset: int) -> Entry | None:
        """As `Written.entry_at`."""
        found = self._from(place, offset)
        return found[0] if found and found[0].offset == offset else None

    def count_between(self, place: Place, start: int, stop: int) -> int:
        """As `Written.count_between`."""
        offsets = self._offsets[place]
        return bisect_left(offsets, stop) - bisect_left(offsets, start)

    def end_of(self, place: Place) -> int:
        """As `Written.end_of`."""
        offsets = self._offsets[place]
        return offsets[-1] + 1 if offsets else 0

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20) -> Page:
        """As `Log.read`."""
        found = self._from((topic, partition), offset)
        return Page(entries=found, next_offset=found[-1].offset + 1 if found else offset)

    def show(self, watch: LogWatch) -> None:
        """Let the watch look at all events, as if they had been appended at once."""
        for partition in range(1, self.partition_count + 1):
            messages = [Message(value=entry.value) for entry in self._entries[EVENTS, partition]]
            watch.appended([Append(topic=EVENTS, partition=partition, messages=messages)])

    def _from(self, place: Place, offset: int) -> Sequence[Entry]:
        return self._entries[place][bisect_left(self._offsets[place], offset) :]


class Follower:
    """Replays one partition of a copy as it grows."""

    def __init__(self, copy: LogCopy, assembly: Assembly, partition: int) -> None:
        self._copy = copy
        self._assembly = assembly
        self._partition = partition
        self._state, self._machine = assembly.machine(MemoryStore(), partition, copy.partition_count)
        self._steps = Steps(partition)
        self._reader = Reader(assembly.codec)
        self._done = 0

    def follow(self) -> None:
        """Apply what has come since. Raises BrokenInvariant."""
        new = self._copy.entries((EVENTS, self._partition))[self._done :]
        self._done += len(new)
        for entry in new:
            whole = self._steps.add(self._reader.decode(entry.value), entry.value)
            if whole is not None:
                self._machine.replay(whole.records, whole.values)
        self._state.freeze()
        self._state.commit()

    def unfinished(self, now: int) -> Iterator[str]:
        """What the partition still has to do. `now`: ms since 1970."""
        return unfinished_work(self._copy, self._assembly, self._partition, self._state, self._machine, now)
