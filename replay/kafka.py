"""The log on Apache Kafka as an audit reads it.

Nobody can be kept away from a cluster, so an audit wants the group of the engine's members to be empty when it begins.
Rule: a principal that may read the topics and describe the group is enough; only `append`, for repairs, writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorLoadInProgressError, GroupCoordinatorNotAvailableError
from msgspec import Struct

from engine.core.faults import LogTruncated, Unavailable
from engine.core.ports import TOPICS, Append, Place
from engine.shell.clock import SystemClock
from engine.shell.codec import SchemaIds
from engine.shell.kafka.connection import KafkaConnection, client_options, reach
from engine.shell.kafka.errors import KAFKA_ERRORS, fault_of
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import count_partitions

from .report import LOG, Check, CheckReport
from .sources import OpenLog

#: How the audit calls itself.
NAME = "audit"
#: Seconds between two looks at something that the brokers have to do first, and how often to look.
LOOK_SECONDS, LOOKS_MAX = 0.5, 120


class KafkaSource(Struct, frozen=True):
    """The topics of an installation."""

    connection: KafkaConnection
    schema_ids: SchemaIds | None = None

    @property
    def name(self) -> str:
        return f"{self.connection.prefix}.* on {self.connection.servers}"

    @contextmanager
    def hold(self) -> Iterator[None]:
        asyncio.run(self._expect_stopped())
        yield

    def check(self) -> CheckReport:
        """How far each place reaches, and that it is there from its first record on.

        Every batch has a checksum, which is compared whenever it is read.
        """

        async def run() -> CheckReport:
            check = Check(LOG)
            async with self.open() as log:
                for topic, number in _places(log.partition_count):
                    check.count("places")
                    check.count("offsets", await log.end(topic, number))
                    try:
                        await log.read(topic, number, 0, size_max=1)
                    except LogTruncated as cut:
                        what = f"{topic} begins at offset {cut.first_offset}: what lay before it was deleted"
                        check.fail(f"{what}, and nothing can be proved without it", number)
            return check.report()

        return asyncio.run(run())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenLog]:
        log = await open_log(self.connection)
        try:
            for place in _places(log.partition_count):
                await log.end(*place)  # reads see all that is there now
            yield log
        finally:
            await log.close()

    def append(self, appends: Sequence[Append]) -> None:
        async def run() -> None:
            await self._expect_no_members()
            log = await open_log(self.connection)
            try:
                await log.append(appends)
            finally:
                await log.close()

        asyncio.run(run())

    async def _expect_stopped(self) -> None:
        """Raises Unavailable while the engine has members, or a transaction is open that one of them left behind."""
        await reach(self.connection, NAME)
        await self._expect_no_members()
        async with self.open() as log:
            for _ in range(LOOKS_MAX):
                held_back = await self._held_back(log)
                if not held_back:
                    return
                await asyncio.sleep(LOOK_SECONDS)
        found = ", ".join(f"{topic}/{partition}" for topic, partition in held_back)
        raise Unavailable(
            f"expected no open transaction, got one at the end of {found}, which the broker should have ended after "
            "kafka.transactionTimeout; look for it with `kafka-transactions.sh find-hanging`"
        )

    async def _held_back(self, log: OpenLog) -> list[Place]:
        """Places that end with an open transaction, behind which nothing can be read."""
        partitions = {
            place: TopicPartition(*self.connection.kafka_place(place)) for place in _places(log.partition_count)
        }
        consumer = AIOKafkaConsumer(**client_options(self.connection, NAME), enable_auto_commit=False)
        try:
            await consumer.start()
            ends = await consumer.end_offsets(list(partitions.values()))
        except KAFKA_ERRORS as error:
            raise fault_of(error, "the ends of the topics") from error
        finally:
            await consumer.stop()
        return [place for place, partition in partitions.items() if await log.end(*place) < ends[partition]]

    async def _expect_no_members(self) -> None:
        group = f"{self.connection.prefix}.members"
        hosts = await self._members(group)
        if hosts:
            raise Unavailable(
                f"expected a stopped engine, got {len(hosts)} members of the group {group} at {', '.join(hosts)}; "
                "stop them; one that was killed is a member for kafka.sessionTimeout"
            )

    async def _members(self, group: str) -> list[str]:
        """The hosts of a consumer group's members; a group that is not there has none."""
        admin = AIOKafkaAdminClient(**client_options(self.connection, NAME))
        try:
            await admin.start()
            for _ in range(LOOKS_MAX):
                try:
                    (response,) = await admin.describe_consumer_groups([group])
                except (GroupCoordinatorNotAvailableError, CoordinatorLoadInProgressError):
                    await asyncio.sleep(LOOK_SECONDS)  # its topic is being made, or has just moved
                else:
                    ((*_, members),) = response.groups
                    return [str(host).lstrip("/") for _, _, host, *_ in members]
        except KAFKA_ERRORS as error:
            raise fault_of(error, f"a description of the group {group}") from error
        finally:
            await admin.close()
        raise Unavailable(f"expected a coordinator of the group {group}, got none; wait for the brokers")


async def open_log(connection: KafkaConnection) -> KafkaLog:
    """The log of an installation whose topics are there, however many partitions they have. Raises Unavailable."""
    partition_count = await count_partitions(connection, NAME)
    return await KafkaLog.open(connection, partition_count=partition_count, clock=SystemClock(), name=NAME)


def _places(partition_count: int) -> list[Place]:
    return [(topic, number) for number in range(1, partition_count + 1) for topic in TOPICS]
