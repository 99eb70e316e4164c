"""The log on Apache Kafka as an audit reads it.

Nobody can be kept away from a cluster, so an audit reads up to a cut, while machines run or not; who repairs wants the
group of the engine's members to be empty. Rule: a principal that may read the topics and describe the group is enough;
only `append`, for repairs, writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorLoadInProgressError, GroupCoordinatorNotAvailableError
from msgspec import Struct

from engine.core.faults import Unavailable
from engine.core.ports import EVENTS, INTERNAL, Append, Place
from engine.shell.clock import SystemClock
from engine.shell.codec import SchemaIds
from engine.shell.kafka.connection import KafkaConnection, client_options, reach
from engine.shell.kafka.errors import KAFKA_ERRORS, fault_of
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import count_partitions

from .cut import Cut, CutLog, OpenLog
from .entries import first_offset
from .report import LOG, Check, CheckReport

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

    @property
    def may_grow(self) -> bool:
        return True

    @contextmanager
    def hold(self) -> Iterator[None]:
        asyncio.run(self._expect_stopped())
        yield

    @contextmanager
    def cut(self) -> Iterator[Cut]:
        yield asyncio.run(self._cut())

    async def _cut(self) -> Cut:
        """`internal` first, then `events`, then the inputs, each when what was begun there before has ended.

        So whatever caused a step, and whatever a step sent, is below the cut with it (`cut`).
        """
        await reach(self.connection, NAME)
        async with self.open() as log:
            numbers = range(1, log.partition_count + 1)
            settled = {number: await log.end(INTERNAL, number) for number in numbers}
            ends = await self._ended(log, [(EVENTS, number) for number in numbers])
            ends |= await self._ended(log, [(topic, number) for topic in log.inputs for number in numbers])
        return Cut(ends, settled)

    def check(self, cut: Cut) -> CheckReport:
        """How far each place reaches, and whether it is there from its first record on.

        Every batch has a checksum, which is compared whenever it is read.
        """

        async def run() -> CheckReport:
            check = Check(LOG)
            check.count("places", len(cut.ends))
            check.count("offsets", sum(cut.ends.values()))
            notes = []
            async with self.open(cut) as log:
                for topic, number in cut.ends:
                    begin = await first_offset(log, topic, number)
                    if begin:
                        notes.append(f"{topic} of partition {number} begins at offset {begin}: retention")
            members = await self._members(self._group)
            if members:
                notes.append(f"members of {self._group} are alive: {len(members)}; read up to the ends at the start")
            check.note = "; ".join(notes)
            return check.report()

        return asyncio.run(run())

    @asynccontextmanager
    async def open(self, cut: Cut | None = None) -> AsyncIterator[OpenLog]:
        log = await open_log(self.connection)
        try:
            for place in _places(log):
                await log.end(*place)  # reads see all that is there now
            yield log if cut is None else CutLog(log, cut)
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
            await self._ended(log, _places(log))

    async def _ended(self, log: OpenLog, places: Sequence[Place]) -> dict[Place, int]:
        """The ends of places, once all that lies there now can be read: transactions that are open have ended."""
        written = await self._written(places)
        for _ in range(LOOKS_MAX):
            ends = {place: await log.end(*place) for place in places}
            held_back = [place for place in places if ends[place] < written[place]]
            if not held_back:
                return ends
            await asyncio.sleep(LOOK_SECONDS)
        found = ", ".join(f"{topic}/{partition}" for topic, partition in held_back)
        raise Unavailable(
            f"expected no open transaction, got one at the end of {found}, which the broker should have ended after "
            "kafka.transactionTimeout; look for it with `kafka-transactions.sh find-hanging`"
        )

    async def _written(self, places: Sequence[Place]) -> dict[Place, int]:
        """The ends of places, what belongs to open transactions included."""
        partitions = {place: TopicPartition(*self.connection.kafka_place(place)) for place in places}
        consumer = AIOKafkaConsumer(**client_options(self.connection, NAME), enable_auto_commit=False)
        try:
            await consumer.start()
            ends = await consumer.end_offsets(list(partitions.values()))
        except KAFKA_ERRORS as error:
            raise fault_of(error, "the ends of the topics") from error
        finally:
            await consumer.stop()
        return {place: ends[partition] for place, partition in partitions.items()}

    @property
    def _group(self) -> str:
        return f"{self.connection.prefix}.members"

    async def _expect_no_members(self) -> None:
        group = self._group
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


def _places(log: OpenLog) -> list[Place]:
    numbers = range(1, log.partition_count + 1)
    return [(topic, number) for number in numbers for topic in (*log.inputs, EVENTS)]
