"""Fetches what is committed, request by request, over aiokafka's client.

Not with its consumer: one request at a time there serves all partitions of a node, so that a read of one waits for the
long poll of the others, and who wants to know whether the end is reached must poll. The requests, the responses and
the batches are aiokafka's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from engine.core.faults import CorruptedLog, LogTruncated, RetoldError, Unavailable
from engine.core.ports import Place
from engine.shell.kafka.clients import Fetched
from engine.shell.kafka.connection import KafkaConnection, client_options
from engine.shell.kafka.errors import KAFKA_ERRORS, fault_of

#: Bytes asked for in one fetch; a larger batch comes alone.
FETCH_SIZE = 1 << 20

READ_COMMITTED = 1
EARLIEST, LATEST = -2, -1

#: What says that another broker has to be asked.
_MOVED = (errors.NotLeaderForPartitionError, errors.UnknownTopicOrPartitionError, errors.LeaderNotAvailableError)


class AiokafkaFetcher:
    """A Fetcher over aiokafka."""

    def __init__(self, connection: KafkaConnection, name: str, partition_count: int) -> None:
        self._connection = connection
        self._partition_count = partition_count
        self._client = AIOKafkaClient(**client_options(connection, name))

    async def start(self) -> None:
        """As `Fetcher.start`."""
        count = await self.count_partitions()
        if count != self._partition_count:
            raise RetoldError(
                f"expected topics {self._connection.prefix}.* with {self._partition_count} partitions, got {count}; "
                "look at kafka.topicPrefix and partitions"
            )
        await self._client.set_topics([self._connection.topic(topic) for topic in self._connection.topics])

    async def count_partitions(self) -> int:
        """Connect; how many partitions the topics have. Raises Unavailable, or RetoldError when some are missing."""
        try:
            await self._client.bootstrap()
            # All of them: a broker may create one that is asked for by name.
            cluster = await self._client.fetch_all_metadata()
        except KAFKA_ERRORS as error:
            raise fault_of(error, "a connection") from error
        names = [self._connection.topic(topic) for topic in self._connection.topics]
        counts = {name: len(cluster.partitions_for_topic(name) or ()) for name in names}
        if len(set(counts.values())) != 1 or 0 in counts.values():
            found = ", ".join(f"{name} with {count or 'none'}" for name, count in counts.items())
            raise RetoldError(
                f"expected {len(names)} topics with the same number of partitions, got {found}; look at "
                "kafka.topicPrefix, or let `retold run` make them"
            )
        return counts[names[0]]

    async def fetch(self, place: Place, offset: int, *, wait: float, lane: Place | None) -> Fetched:
        """As `Fetcher.fetch`."""
        topic, partition = self._connection.kafka_place(place)
        wanted = [(topic, [(partition, offset, FETCH_SIZE)])]
        wait = min(wait, self._connection.request_timeout / 2)
        request = FetchRequest(round(wait * 1000), 1, FETCH_SIZE, READ_COMMITTED, wanted, rack_id="")
        response = await self._ask(place, request, lane)
        ((_, ((_, code, _, *rest),)),) = response.topics
        error = errors.for_code(code)
        if error is errors.OffsetOutOfRangeError:
            raise await self._out_of_range(place, offset)
        self._check(place, error)
        stable_end, records = rest[0], rest[-1]
        aborted = rest[2] if response.API_VERSION >= 5 else rest[1]
        try:
            batches, next_offset = visible_batches(MemoryRecords(records), aborted or [], offset)
        except (errors.CorruptRecordException, errors.UnsupportedCodecError) as damage:
            raise CorruptedLog(
                f"expected whole records in {place[0]}/{place[1]} from offset {offset} on, got: {damage}; "
                "restore the topic"
            ) from damage
        return Fetched(batches, next_offset, stable_end, len(records))

    async def end(self, place: Place) -> int:
        """As `Fetcher.end`."""
        return await self._offset(place, LATEST)

    async def close(self) -> None:
        """As `Fetcher.close`."""
        await self._client.close()

    async def _offset(self, place: Place, which: int) -> int:
        topic, partition = self._connection.kafka_place(place)
        response = await self._ask(place, OffsetRequest(-1, READ_COMMITTED, [(topic, [(partition, which)])]), None)
        ((_, ((_, code, _, offset, *_),)),) = response.topics
        self._check(place, errors.for_code(code))
        return int(offset)

    async def _out_of_range(self, place: Place, offset: int) -> RetoldError:
        first, end = await self._offset(place, EARLIEST), await self._offset(place, LATEST)
        if offset < first:
            return LogTruncated(*place, offset, first)
        return CorruptedLog(
            f"expected {place[0]}/{place[1]} to reach offset {offset}, got an end at {end}: the topic was restored or "
            "made anew; restore all topics from one copy"
        )

    async def _ask(self, place: Place, request: Any, lane: Place | None) -> Any:
        leader = self._client.cluster.leader_for_partition(TopicPartition(*self._connection.kafka_place(place)))
        if leader is None or leader == -1:
            self._client.force_metadata_update()
            raise Unavailable(f"expected a leader for {place[0]}/{place[1]}, got none; wait for the brokers")
        try:
            # Connecting has a time-out of its own, and a turn to wait for.
            async with asyncio.timeout(self._connection.request_timeout):
                return await self._client.send(leader, request, group=lane or ConnectionGroup.DEFAULT)
        except KAFKA_ERRORS as error:
            self._client.force_metadata_update()
            raise fault_of(error, f"a read of {place[0]}/{place[1]}") from error

    def _check(self, place: Place, error: type[errors.BrokerResponseError]) -> None:
        if error is errors.NoError:
            return
        if error in _MOVED:
            self._client.force_metadata_update()
        raise fault_of(error(), f"a read of {place[0]}/{place[1]}")


def visible_batches(records: MemoryRecords, aborted: Sequence[tuple[int, int]], offset: int) -> tuple[list[Any], int]:
    """The batches of which no transaction was aborted, and the offset after all of them.

    `aborted`: producer id and first offset of each aborted transaction, as the broker names them beside the records.
    """
    begun = sorted(aborted, key=lambda transaction: transaction[1], reverse=True)
    dropped: set[int] = set()
    batches = []
    while records.has_next():
        batch = records.next_batch()
        if not batch.validate_crc():
            raise errors.CorruptRecordException(f"a wrong checksum at offset {batch.base_offset}")
        offset = max(offset, batch.next_offset)
        while begun and begun[-1][1] <= batch.base_offset:
            dropped.add(begun.pop()[0])
        if batch.is_control_batch:
            if dropped and ControlRecord.parse(next(batch).key) == ABORT_MARKER:
                dropped.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in dropped):
            batches.append(batch)
    return batches, offset
