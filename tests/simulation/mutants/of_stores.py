"""Bugs in the log over Kafka, and in the exporter to OpenSearch."""

from __future__ import annotations

from typing import Any

from engine.core.faults import AppendUnknown
from engine.core.ports import TOPICS
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.writer import RING_SIZE, KafkaWriter
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.workspace import Workspace

from .planting import patch


def ends_asked_before_the_fence() -> None:
    async def writer(self: KafkaLog, partition: int) -> KafkaWriter:
        for topic in TOPICS:
            await self._feeds[topic, partition].ask_end()
        names = [self._connection.transactional_id(partition, index) for index in range(RING_SIZE)]
        made = KafkaWriter([self._clients.producer(name) for name in names], self.partition_count)
        await made.start()
        return made

    patch(KafkaLog, "writer", writer)


def commit_sent_again() -> None:
    append = KafkaWriter._append

    async def again(self: KafkaWriter, producer: Any, appends: Any) -> Any:
        try:
            return await append(self, producer, appends)
        except AppendUnknown:
            return await append(self, self._ring[(self._turn + 1) % RING_SIZE], appends)

    patch(KafkaWriter, "_append", again)


def position_before_the_documents() -> None:
    store = OpensearchExporter._store

    async def late(self: OpensearchExporter, chosen: Any, changes: Any, end: Any) -> None:
        await self._write_position(chosen, end)
        await store(self, chosen, changes, end)

    patch(OpensearchExporter, "_store", late)


def record_applied_again() -> None:
    change_part = Workspace.change_part

    def always(self: Workspace, batch_operation_key: int, position: int) -> Any:
        part = self.parts.get(batch_operation_key)
        if part is not None and part.position >= position:
            part.position = position - 1
        return change_part(self, batch_operation_key, position)

    patch(Workspace, "change_part", always)
