"""The members of an installation as a consumer group of Kafka: who is alive, and who assigns, the broker says.

The group reads no records and commits no offsets: it has an assignor of its own, and everything that matters is in the
user data of members and assignments. Rule: it decides nothing; and what is assigned stays so while the group is away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import COMMANDS

from .connection import KafkaConnection, client_options
from .errors import KAFKA_ERRORS, fault_of

#: Name of the assignor: members with another one are refused by the broker, so it stays for the life of the format.
PROTOCOL = "retold"
#: Seconds between two heartbeats: so late a member hears that another has come or gone.
HEARTBEAT_INTERVAL = 0.3
#: Seconds between two looks at what the client has to complain about, and before a new client is made after that.
LOOK_INTERVAL = 1.0
#: Seconds to say goodbye in; after that the brokers notice by themselves.
LEAVE_SECONDS_MAX = 5.0
#: A member that reads nothing is no dead one; milliseconds.
POLL_INTERVAL_MAX = (1 << 31) - 1

Describe = Callable[[], bytes]
Assign = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]


class KafkaGroup:
    """The `Group` port."""

    def __init__(self, connection: KafkaConnection, name: str) -> None:
        """`name` tells people which member it is."""
        self.problem = "has not joined yet"
        self._connection = connection
        self._name = name
        self._assignments: asyncio.Queue[bytes | RetoldError] = asyncio.Queue()
        self._consumer: Any = None
        self._keeping: asyncio.Task[None] | None = None

    async def join(self, describe: Describe, assign: Assign) -> None:
        """As `Group.join`."""
        self._keeping = asyncio.create_task(self._keep(_Assignor(describe, assign, self._assigned)))

    async def next_assignment(self) -> bytes:
        """As `Group.next_assignment`."""
        found = await self._assignments.get()
        if isinstance(found, RetoldError):
            raise found
        return found

    def rejoin(self) -> None:
        """As `Group.rejoin`. Not by subscribing again: that ends a client which is looking for a broker."""
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator.request_rejoin()

    async def leave(self) -> None:
        """As `Group.leave`."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    @property
    def _topic(self) -> str:
        return self._connection.topic(COMMANDS)

    def _assigned(self, assignment: bytes) -> None:
        self.problem = ""
        self._assignments.put_nowait(assignment)

    async def _keep(self, assignor: _Assignor) -> None:
        """Be a member, with a new client after each that failed."""
        while True:
            try:
                await self._be_member(assignor)
            except (RetoldError, *KAFKA_ERRORS) as error:
                fault = fault_of(error, "a member's part in the group")
                if not isinstance(fault, Unavailable):
                    self._assignments.put_nowait(fault)
                self.problem = fault.message
            await asyncio.sleep(LOOK_INTERVAL)

    async def _be_member(self, assignor: _Assignor) -> None:
        connection = self._connection
        consumer = AIOKafkaConsumer(
            **client_options(connection, self._name),
            group_id=f"{connection.prefix}.members",
            partition_assignment_strategy=[assignor],
            session_timeout_ms=round(connection.session_timeout * 1000),
            heartbeat_interval_ms=round(HEARTBEAT_INTERVAL * 1000),
            max_poll_interval_ms=POLL_INTERVAL_MAX,
            enable_auto_commit=False,
        )
        try:
            consumer.subscribe([self._topic])
            self._consumer = consumer
            await consumer.start()
            while True:
                await consumer.getmany(timeout_ms=round(LOOK_INTERVAL * 1000))
        finally:
            self._consumer = None
            await _stop(consumer)


async def _stop(consumer: Any) -> None:
    """Leave the group, if that is possible in time. What the client's tasks ended with has been told before."""
    coordinator = consumer._coordinator
    tasks = {coordinator._coordination_task, coordinator._heartbeat_task} - {None} if coordinator is not None else set()
    with contextlib.suppress(*KAFKA_ERRORS):
        async with asyncio.timeout(LEAVE_SECONDS_MAX):
            await consumer.stop()
    for task in tasks:
        task.cancel()
    # asyncio would print what nobody has asked for
    await asyncio.gather(*tasks, return_exceptions=True)
    await consumer._client.close()


class _Assignor:
    """What the client asks of an assignor: carries our bytes.

    No partition of a topic is assigned: then the client would fetch it.
    """

    name = PROTOCOL

    def __init__(self, describe: Describe, assign: Assign, assigned: Callable[[bytes], None]) -> None:
        self._describe = describe
        self._assign = assign
        self._assigned = assigned

    def metadata(self, topics: Sequence[str]) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(0, list(topics), self._describe())

    def assign(
        self, _cluster: object, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> Mapping[str, ConsumerProtocolMemberAssignment]:
        assigned = self._assign({member: metadata.user_data for member, metadata in members.items()})
        return {member: ConsumerProtocolMemberAssignment(0, [], assigned[member]) for member in members}

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        self._assigned(assignment.user_data)
