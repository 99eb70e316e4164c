"""The only writer of the embedded log's LMDB environment: stamps, offsets, fences, and one fsync per group.

Rule: either all of a group is durable or none; offsets are dense from 0, time never goes back. One thread uses it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import lmdb
from msgspec import Struct

from engine.core.faults import (
    AppendUnknown,
    BadRequest,
    BrokenInvariant,
    Fenced,
    LogFull,
    RetoldError,
)
from engine.core.ports import Clock, Place
from engine.shell.embedded.batches import FORMAT, KEY, Damaged, count_messages, decode_batch, encode_value
from engine.shell.embedded.environment import (
    FORMAT_KEY,
    META,
    PARTITION_COUNT_KEY,
    READERS_MAX,
    check_cut,
    corrupted,
    database_name,
    log_directory,
    places,
    read_partition_count,
)
from engine.shell.embedded.wire import AppendRequest, WriterRequest
from engine.shell.lmdb_store import used_size

if TYPE_CHECKING:
    from lmdb import _Database

#: Sparse: only what is used takes space on the disk.
MAP_SIZE = 64 << 30


class Committed(Struct, frozen=True):
    """What became of each request of a group, in order (its results, or why nothing of it was done), and new ends."""

    outcomes: Sequence[list[int] | RetoldError]
    moved: Mapping[Place, int]


class LogStorage:
    """Opens or creates the log of a data directory and commits groups of requests."""

    def __init__(self, data_directory: Path, partition_count: int, map_size: int, clock: Clock) -> None:
        """Raises RetoldError for another partition count or format, CorruptedLog, LogFull."""
        self._data_directory = data_directory
        self._clock = clock
        self._environment = lmdb.open(
            str(log_directory(data_directory)),
            map_size=map_size,
            max_dbs=3 * partition_count + 1,
            max_readers=READERS_MAX,
            meminit=False,
            mode=0o600,
        )
        try:
            self._prepare(partition_count)
        except BaseException:
            self._environment.close()
            raise

    def _prepare(self, partition_count: int) -> None:
        self._environment.reader_check()
        check_cut(self._environment, self._data_directory)
        if self._environment.stat()["entries"] == 0:
            self._create(partition_count)
        stored = read_partition_count(self._environment, self._data_directory)
        if stored != partition_count:
            raise RetoldError(
                f"expected {stored} partitions, as the log in {self._data_directory} was created with, got "
                f"{partition_count}; the count is fixed for its life: start with --partitions {stored}"
            )
        self._meta = self._environment.open_db(META, create=False)
        self._databases = {
            place: self._environment.open_db(database_name(place), create=False) for place in places(stored)
        }
        self.ends: dict[Place, int] = {}
        self._stamp = 0
        with self._environment.begin(buffers=True) as transaction:
            for place, database in self._databases.items():
                self._recover(transaction, place, database)
            self._epochs = {
                partition: int(bytes(transaction.get(_writer_key(partition), b"0", self._meta)))
                for partition in range(1, stored + 1)
            }

    def commit(self, requests: Sequence[AppendRequest | WriterRequest]) -> Committed:
        """Do all requests in one durable transaction; a refused one takes no part in it.

        When the group does not fit, each request is tried alone. Raises AppendUnknown when the log must be opened anew.
        """
        try:
            return self._commit(requests)
        except lmdb.Error as error:
            self._check_usable(error)
            if len(requests) == 1:
                return Committed([_full(error, self._data_directory)], {})
        alone = [self.commit([request]) for request in requests]
        moved = {place: end for one in alone for place, end in one.moved.items()}
        return Committed([one.outcomes[0] for one in alone], moved)

    def release_dead_readers(self) -> None:
        """Let the pages be used again that killed readers held."""
        self._environment.reader_check()

    def size(self) -> int:
        """Bytes in use; may be asked in any thread. Raises Unavailable once it is closed."""
        return used_size(self._environment)

    def close(self) -> None:
        """Everything is on the disk already."""
        self._environment.close()

    def _commit(self, requests: Sequence[AppendRequest | WriterRequest]) -> Committed:
        stamp = max(self._stamp, self._clock.now())
        moved: dict[Place, int] = {}
        epochs = dict(self._epochs)
        outcomes: list[list[int] | RetoldError] = []
        with self._environment.begin(write=True) as transaction:
            for request in requests:
                refusal = self._refusal(request, epochs)
                if refusal is not None:
                    outcomes.append(refusal)
                elif isinstance(request, WriterRequest):
                    outcomes.append([self._make_writer(transaction, request.partition, epochs)])
                else:
                    outcomes.append(self._append(transaction, request, stamp, moved))
        self.ends.update(moved)
        self._epochs = epochs
        self._stamp = stamp
        return Committed(outcomes, moved)

    def _refusal(self, request: AppendRequest | WriterRequest, epochs: Mapping[int, int]) -> RetoldError | None:
        """Why to refuse a request; asked before its first change, as only a whole transaction can be undone."""
        if isinstance(request, WriterRequest):
            known = request.partition in epochs
            return None if known else BadRequest(f"expected partition 1 to {len(epochs)}, got {request.partition}")
        if request.writer is not None:
            partition, epoch = request.writer
            if epoch != epochs.get(partition):
                return Fenced(f"expected writer {epochs.get(partition)} of partition {partition}, got {epoch}; recover")
        for part in request.parts:
            if (part.topic, part.partition) not in self._databases:
                return BadRequest(f"expected a place of this log, got {part.topic}/{part.partition}; name another")
            try:
                for body in part.bodies:
                    count_messages(body)
            except Damaged as error:
                return BadRequest(f"expected batches, got other bytes: {error}")
        return None

    def _append(
        self, transaction: lmdb.Transaction, request: AppendRequest, stamp: int, moved: dict[Place, int]
    ) -> list[int]:
        firsts = []
        for part in request.parts:
            place = (part.topic, part.partition)
            end = moved.get(place, self.ends[place])
            firsts.append(end)
            for body in part.bodies:
                key = KEY.pack(end)
                if not transaction.put(key, encode_value(key, stamp, body), append=True, db=self._databases[place]):
                    raise BrokenInvariant(f"expected {place[0]}/{place[1]} to end at {end}, got a later batch; stop")
                end += count_messages(body)
            moved[place] = end
        return firsts

    def _make_writer(self, transaction: lmdb.Transaction, partition: int, epochs: dict[int, int]) -> int:
        epochs[partition] += 1
        transaction.put(_writer_key(partition), b"%d" % epochs[partition], db=self._meta)
        return epochs[partition]

    def _check_usable(self, error: lmdb.Error) -> None:
        """After most failures nothing has changed. When the root itself could not be written, nobody knows."""
        try:
            self._environment.begin(write=True).abort()
        except lmdb.Error as panic:
            raise AppendUnknown(f"the log could not be written ({error}, {panic}); start it again and look") from error

    def _create(self, partition_count: int) -> None:
        try:
            with self._environment.begin(write=True) as transaction:
                meta = self._environment.open_db(META, txn=transaction)
                for place in places(partition_count):
                    self._environment.open_db(database_name(place), txn=transaction)
                transaction.put(FORMAT_KEY, b"%d" % FORMAT, db=meta)
                transaction.put(PARTITION_COUNT_KEY, b"%d" % partition_count, db=meta)
        except lmdb.Error as error:
            raise _full(error, self._data_directory) from error
        directory = os.open(log_directory(self._data_directory), os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def _recover(self, transaction: lmdb.Transaction, place: Place, database: _Database) -> None:
        with transaction.cursor(database) as cursor:
            if not cursor.last():
                self.ends[place] = 0
                return
            try:
                batch = decode_batch(cursor.key(), cursor.value())
            except Damaged as error:
                last_good = KEY.unpack(cursor.key())[0] - 1
                raise corrupted(self._data_directory, place, last_good, str(error)) from error
            self.ends[place] = batch.end
            self._stamp = max(self._stamp, batch.timestamp)


def _writer_key(partition: int) -> bytes:
    return b"writer/%d" % partition


def _full(error: lmdb.Error, data_directory: Path) -> LogFull:
    return LogFull(
        f"expected space for the log in {log_directory(data_directory)}, got: {error}; nothing was appended; "
        "free space or raise the map size, then start again"
    )
