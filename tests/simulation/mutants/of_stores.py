"""Bugs in the log over Kafka, in what is done with restored topics and snapshots, and in the exporter to OpenSearch."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.core.faults import AppendUnknown
from engine.core.ports import EVENTS, TOPICS
from engine.roles import snapshots
from engine.shell.following import Following
from engine.shell.generations import Inputs
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.writer import RING_SIZE, KafkaWriter
from exporters.opensearch.documents import InstanceDocument, PartDocument
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.workspace import Workspace
from exporters.sqlite.deletions import Deletions

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


def restored_topics_not_noticed() -> None:
    async def nothing(_self: Inputs) -> None:
        """All lies where it lay."""

    patch(Inputs, "moved", nothing)


def command_of_restored_topics_skipped() -> None:
    place_of = Inputs._place_of

    async def one_further(self: Inputs, name: str, outcomes: Any) -> Any:
        found = await place_of(self, name, outcomes)
        return msgspec.structs.replace(found, offset=found.offset + 1) if found.ordinal else found

    patch(Inputs, "_place_of", one_further)


def snapshot_not_compared() -> None:
    async def no_problem(*_: Any) -> str:
        return ""

    patch(snapshots, "_problem_of", no_problem)


def tail_behind_a_state_not_replayed() -> None:
    place = Following._place

    async def at_the_end(self: Following) -> None:
        await place(self)
        if self._machine.head.position:
            self._offset = self._begin = await self._log.end(EVENTS, self._machine.partition)

    patch(Following, "_place", at_the_end)


def position_before_the_documents() -> None:
    store = OpensearchExporter._store

    async def late(self: OpensearchExporter, chosen: Any, *given: Any) -> None:
        *_, end = given
        await self._write_position(chosen, end)
        await store(self, chosen, *given)

    patch(OpensearchExporter, "_store", late)


def record_applied_again() -> None:
    change, change_part = Workspace.change, Workspace.change_part

    def always(self: Workspace, shape: Any, key: int, position: int) -> Any:
        _take_back(self.documents.get(key), position)
        return change(self, shape, key, position)

    def always_of_part(self: Workspace, batch_operation_key: int, position: int) -> Any:
        _take_back(self.parts.get(batch_operation_key), position)
        return change_part(self, batch_operation_key, position)

    patch(Workspace, "change", always)
    patch(Workspace, "change_part", always_of_part)


def _take_back(document: InstanceDocument | PartDocument | None, position: int) -> None:
    if document is not None and document.position >= position:
        document.position = position - 1


def deleted_rows_stay() -> None:
    patch(Deletions, "write", lambda *_: None)
