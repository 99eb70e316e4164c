"""What an export must know before records are applied: from the cache, else read from the node, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.core.record import Record

from . import aside
from .batches import FAMILIES, batch_operation_of
from .cache import DocumentCache
from .deletions import load_deleted
from .documents import (
    DefinitionDocument,
    InstanceDocument,
    PartDocument,
    RejectedDocument,
    UserTaskDocument,
    read_document,
)
from .indices import IndexSet
from .mappings import BATCH_OPERATIONS, DEFINITIONS, INSTANCES, REJECTED, USER_TASK
from .node import Address, Node
from .projection import Rule
from .workspace import Definition, Workspace, definition_of

#: Definitions and parts of batch operations that are kept; they are few.
KEPT_MAX = 1_000

KnownRecords = Sequence[tuple[Rule, Record]]


class Loader:
    """Fills workspaces. What it keeps between exports is only what was stored."""

    def __init__(self, node: Node, documents: DocumentCache) -> None:
        self._node = node
        self._documents = documents
        self._definitions: dict[int, Definition] = {}
        self._parts: dict[tuple[int, int], PartDocument] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._documents.clear()
        self._definitions.clear()
        self._parts.clear()

    async def load(self, chosen: IndexSet, workspace: Workspace, records: KnownRecords) -> None:
        """Put in all that these records need. Raises IndexMissing or Unavailable."""
        await self._load_documents(chosen, workspace, records)
        await self._load_user_tasks(chosen, workspace, records)
        await self._load_definitions(chosen, workspace, records)
        await self._load_parts(chosen, workspace, records)
        await load_deleted(self._node, chosen, workspace, [record for _, record in records])

    def keep(self, workspace: Workspace) -> None:
        """Everything is stored: keep what may be needed again."""
        for key, document in workspace.documents.items():
            if document.process_instance_key not in workspace.deleted:
                self._documents.put(document, workspace.sizes.get(key, 0))
        self._definitions.update(workspace.definitions)
        for key, part in workspace.parts.items():
            self._parts[key, workspace.partition] = part
        _shorten(self._definitions)
        _shorten(self._parts)

    async def _load_documents(self, chosen: IndexSet, workspace: Workspace, records: KnownRecords) -> None:
        documents, take = workspace.documents, self._documents.take
        made: set[int] = set()
        missing: dict[int, tuple[Address, type[InstanceDocument]]] = {}
        index = chosen.name(INSTANCES)
        for rule, record in records:
            if rule.needs is None:
                if record.value_type not in FAMILIES:  # an item has the key of its process instance
                    made.add(record.key)
                continue
            for key, shape in rule.needs(record, record.value):
                if key in made or key in documents or key in missing:
                    continue
                entry = take(key)
                if entry is None:
                    routing = str(record.value.process_instance_key)  # type: ignore[attr-defined]
                    missing[key] = (Address(index, str(key), routing), shape)
                else:
                    documents[key], workspace.sizes[key] = entry
            made.add(record.key)
        found = await self._read(chosen, INSTANCES, [address for address, _ in missing.values()])
        for (key, (_, shape)), (source, rejected) in zip(missing.items(), found, strict=True):
            if source is not None:
                documents[key] = read_document(source, shape)
                workspace.sizes[key] = len(source)
            if rejected is not None:
                workspace.asides[rejected.index, rejected.id] = rejected

    async def _read(
        self, chosen: IndexSet, index: str, addresses: Sequence[Address]
    ) -> Sequence[tuple[bytes | None, RejectedDocument | None]]:
        """The newest text of each of these documents of an index, and what was set aside of it."""
        if not addresses:
            return ()
        beside = [aside.address_of(chosen, (index, address.id)) for address in addresses]
        found = await self._node.read([*addresses, *beside])
        return list(map(aside.newest, found[: len(addresses)], found[len(addresses) :]))

    async def _load_user_tasks(self, chosen: IndexSet, workspace: Workspace, records: KnownRecords) -> None:
        """User tasks show the business id of their instance: who changes it must find them."""
        instances = sorted({record.key for _, record in records if record.value_type == "PROCESS_INSTANCE_BUSINESS_ID"})
        if not instances:
            return
        wanted: dict[str, Sequence[int | str]] = {"kind": [USER_TASK], "process_instance_key": instances}
        for source in await self._node.find(chosen.name(INSTANCES), wanted):
            task = msgspec.json.decode(source, type=UserTaskDocument)
            if task.key not in workspace.documents:
                entry = self._documents.take(task.key)
                workspace.documents[task.key], workspace.sizes[task.key] = entry or (task, len(source))
        for rejected, task in aside.user_tasks(await self._node.all_of(chosen.name(REJECTED)), instances):
            known = workspace.documents.get(task.key)
            if known is None or known.position < task.position:
                workspace.documents[task.key], workspace.sizes[task.key] = task, rejected.size
                workspace.asides[rejected.index, rejected.id] = rejected

    async def _load_definitions(self, chosen: IndexSet, workspace: Workspace, records: KnownRecords) -> None:
        known, missing = workspace.definitions, set[int]()
        for rule, record in records:
            if rule.defined:
                value: Any = record.value
                key = value.process_definition_key
                if key not in known:
                    definition = self._definitions.get(key)
                    if definition is None:
                        missing.add(key)
                    else:
                        known[key] = definition
        keys = sorted(missing)
        addresses = [Address(chosen.name(DEFINITIONS), str(key)) for key in keys]
        for source, _ in await self._read(chosen, DEFINITIONS, addresses):
            if source is not None:
                document = msgspec.json.decode(source, type=DefinitionDocument)
                known[document.key] = definition_of(document)

    async def _load_parts(self, chosen: IndexSet, workspace: Workspace, records: KnownRecords) -> None:
        partition, missing = workspace.partition, set[int]()
        for _, record in records:
            if record.value_type in FAMILIES:
                key = batch_operation_of(record, record.value)
                if key not in workspace.parts:
                    part = self._parts.pop((key, partition), None)
                    if part is None:
                        missing.add(key)
                    else:
                        workspace.parts[key] = part
        addresses = [Address(chosen.name(BATCH_OPERATIONS), f"{key}-{partition}") for key in sorted(missing)]
        for source, rejected in await self._read(chosen, BATCH_OPERATIONS, addresses):
            if source is not None:
                part = msgspec.json.decode(source, type=PartDocument)
                workspace.parts[part.batch_operation_key] = part
            if rejected is not None:
                workspace.asides[rejected.index, rejected.id] = rejected


def _shorten(kept: dict[Any, Any]) -> None:
    while len(kept) > KEPT_MAX:
        del kept[next(iter(kept))]
