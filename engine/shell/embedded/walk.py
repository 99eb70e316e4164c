"""The child process of `check`: reads an embedded log and may die of it.

Prints a Report as JSON. Notes in a shared file what it reads, so that its parent can tell the place if it is killed.
"""

from __future__ import annotations

import mmap
import resource
import struct
import sys
from pathlib import Path

import lmdb
import msgspec

from engine.core.faults import CorruptedLog, RetoldError
from engine.core.ports import Place
from engine.shell.embedded.batches import KEY, Damaged, decode_batch, verify
from engine.shell.embedded.environment import (
    corrupted,
    database_name,
    log_directory,
    places,
    read_partition_count,
    share_environment,
)

#: How deep to look: at the first and the last batch of each place, or at every batch.
ENDS, EVERYTHING = "ends", "everything"

#: Exit codes: the log is damaged; the log cannot be read for another reason.
DAMAGED, UNREADABLE = 3, 4

#: What is being read: the index of the place among all (-1: none yet), and the last good offset.
PROGRESS = struct.Struct("<qq")


class PlaceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one place; `size` in bytes of batches."""

    topic: str
    partition: int
    end: int
    batch_count: int
    size: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a whole log; `file_size` in bytes."""

    partition_count: int
    file_size: int
    places: list[PlaceReport]


class Walk:
    """One look at a log."""

    def __init__(self, data_directory: Path, depth: str, progress: mmap.mmap) -> None:
        self._data_directory = data_directory
        self._depth = depth
        self._progress = progress

    def run(self) -> Report:
        """Raises CorruptedLog, or RetoldError when there is no log of this format."""
        self._environment = share_environment(self._data_directory)
        partition_count = read_partition_count(self._environment, self._data_directory)
        found = [self._walk_place(index, place) for index, place in enumerate(places(partition_count))]
        file_size = (log_directory(self._data_directory) / "data.mdb").stat().st_size
        return Report(partition_count=partition_count, file_size=file_size, places=found)

    def _walk_place(self, index: int, place: Place) -> PlaceReport:
        end = batch_count = size = 0
        self._progress[:] = PROGRESS.pack(index, -1)
        try:
            database = self._environment.open_db(database_name(place), create=False)
            with self._environment.begin(buffers=True) as transaction, transaction.cursor(database) as cursor:
                found = cursor.first()
                while found:
                    batch = decode_batch(cursor.key(), cursor.value())
                    if batch.base != end:
                        raise Damaged(f"expected offset {end}, got a batch from offset {batch.base} on")
                    verify(batch)
                    end = batch.end
                    batch_count += 1
                    size += len(cursor.value())
                    self._progress[:] = PROGRESS.pack(index, end - 1)
                    found = self._go_on(cursor)
                    if found and self._depth == ENDS:
                        end = KEY.unpack(cursor.key())[0]
        except (Damaged, lmdb.Error) as error:
            raise corrupted(self._data_directory, place, end - 1, str(error)) from error
        return PlaceReport(topic=place[0], partition=place[1], end=end, batch_count=batch_count, size=size)

    def _go_on(self, cursor: lmdb.Cursor) -> bool:
        if self._depth == EVERYTHING:
            return bool(cursor.next())
        here = bytes(cursor.key())
        return bool(cursor.last()) and bytes(cursor.key()) != here


def main() -> int:
    """Arguments: data directory, depth, progress file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data_directory, depth, progress_file = sys.argv[1:]
    with Path(progress_file).open("r+b") as file, mmap.mmap(file.fileno(), PROGRESS.size) as progress:
        try:
            report = Walk(Path(data_directory), depth, progress).run()
        except RetoldError as error:
            sys.stderr.write(error.message)
            return DAMAGED if isinstance(error, CorruptedLog) else UNREADABLE
    sys.stdout.buffer.write(msgspec.json.encode(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
