"""Reads the embedded log from any process, straight from the memory map: no server is asked.

Rule: transactions are short, so that no reader keeps old pages alive. Must not tell anything it could not verify.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import lmdb

from engine.core.ports import Entry, Page, Place
from engine.shell.embedded.batches import (
    KEY,
    Batch,
    Damaged,
    decode_batch,
    decode_headers,
    decode_values,
    verify,
)
from engine.shell.embedded.environment import (
    corrupted,
    database_name,
    read_partition_count,
    release_environment,
    share_environment,
)

if TYPE_CHECKING:
    from lmdb import _Database

#: One read looks at no more batches than this, so that it stays short even when it finds nothing.
BATCHES_MAX = 4096

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class LogReader:
    """Pages of an embedded log; the server may run or not."""

    def __init__(self, data_directory: Path) -> None:
        """Raises Unavailable when there is no log, CorruptedLog, or RetoldError for another format."""
        self._data_directory = data_directory
        self._environment = share_environment(data_directory)
        try:
            self.partition_count = read_partition_count(self._environment, data_directory)
        except BaseException:
            release_environment(data_directory)
            raise
        self._databases: dict[Place, _Database] = {}

    def close(self) -> None:
        """Release the map."""
        release_environment(self._data_directory)

    def end(self, place: Place) -> int:
        """The offset after the last message that was committed. Raises CorruptedLog."""
        database = self._database(place)
        with self._begin() as transaction, transaction.cursor(database) as cursor:
            if not cursor.last():
                return 0
            try:
                return decode_batch(cursor.key(), cursor.value()).end
            except Damaged as error:
                last_good = KEY.unpack(cursor.key())[0] - 1
                raise corrupted(self._data_directory, place, last_good, str(error)) from error

    def read(self, place: Place, offset: int, end: int, size_max: int = 1 << 20, headed_only: bool = False) -> Page:
        """A page as `Log.read` gives it, of what lies below `end`.

        It may be empty before `end` (after BATCHES_MAX batches without headers): read on from its next offset.
        """
        page = _PageBuilder(offset, size_max, headed_only)
        if offset >= end:
            return page.build()
        database = self._database(place)
        with self._begin() as transaction, transaction.cursor(database) as cursor:
            found = _seek(cursor, offset)
            try:
                for _ in range(BATCHES_MAX):
                    if not found:
                        raise Damaged("expected more messages, got the end of the log")
                    if not page.add(decode_batch(cursor.key(), cursor.value())) or page.next_offset >= end:
                        break
                    found = cursor.next()
            except Damaged as error:
                raise corrupted(self._data_directory, place, page.next_offset - 1, str(error)) from error
        return page.build()

    def _begin(self) -> lmdb.Transaction:
        try:
            return self._environment.begin(buffers=True)
        except lmdb.MapResizedError:
            # The server was started again with a larger map; nobody reads in this process now.
            self._environment.set_mapsize(0)
            return self._environment.begin(buffers=True)

    def _database(self, place: Place) -> _Database:
        """Ask before a transaction begins: an older one does not see a database opened after it."""
        database = self._databases.get(place)
        if database is None:
            self._begin().abort()
            try:
                database = self._environment.open_db(database_name(place), create=False)
            except lmdb.Error as error:
                raise corrupted(self._data_directory, place, -1, f"its table cannot be read ({error})") from error
            self._databases[place] = database
        return database


class _PageBuilder:
    """Collects entries from `next_offset` on until about `size_left` bytes of values are in."""

    def __init__(self, offset: int, size_max: int, headed_only: bool) -> None:
        self.next_offset = offset
        self._size_left = size_max
        self._headed_only = headed_only
        self._entries: list[Entry] = []

    def build(self) -> Page:
        return Page(entries=self._entries, next_offset=self.next_offset)

    def add(self, batch: Batch) -> bool:
        """Take what fits; False when the page is full. Raises Damaged, with `next_offset` at the first bad offset."""
        if not batch.base <= self.next_offset < batch.end:
            raise Damaged(f"expected offset {self.next_offset}, got a batch of offsets {batch.base} to {batch.end - 1}")
        if not self._headed_only:
            verify(batch)
            return self._add_all(batch)
        if batch.headers_size:
            verify(batch)
            return self._add_headed(batch)
        self.next_offset = batch.end
        return True

    def _add_all(self, batch: Batch) -> bool:
        values, ends = decode_values(batch)
        headers = decode_headers(batch)
        base, timestamp = batch.base, batch.timestamp
        first = self.next_offset - base
        start = ends[first - 1] if first else 0
        last = bisect_right(ends, start + self._size_left, first)
        if last == first and not self._entries:
            last += 1
        for index in range(first, last):
            stop = ends[index]
            self._entries.append(
                Entry(
                    offset=base + index,
                    timestamp=timestamp,
                    value=values[start:stop],
                    headers=headers.get(index, _NO_HEADERS) if headers else _NO_HEADERS,
                )
            )
            start = stop
        if last > first:
            self._size_left -= ends[last - 1] - (ends[first - 1] if first else 0)
        self.next_offset = base + last
        return last == batch.count and self._size_left > 0

    def _add_headed(self, batch: Batch) -> bool:
        values, ends = decode_values(batch)
        for index, headers in sorted(decode_headers(batch).items()):
            offset = batch.base + index
            if offset < self.next_offset:
                continue
            value = values[ends[index - 1] if index else 0 : ends[index]]
            if self._entries and len(value) > self._size_left:
                self.next_offset = offset
                return False
            self._entries.append(Entry(offset=offset, timestamp=batch.timestamp, value=value, headers=headers))
            self._size_left -= len(value)
            self.next_offset = offset + 1
        self.next_offset = batch.end
        return self._size_left > 0


def _seek(cursor: lmdb.Cursor, offset: int) -> bool:
    """Move to the batch that holds the offset: the last one that does not begin above it."""
    if not cursor.set_range(KEY.pack(offset)):
        return bool(cursor.last())
    return KEY.unpack(cursor.key())[0] == offset or bool(cursor.prev()) or bool(cursor.first())
