"""The documents that one export touches, merged in memory: each is written once, however many records change it.

Rule: a record is applied to a document only if its position is above the document's, so what was written before, by
whomever, is not applied twice. Nothing in here speaks to a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from .documents import (
    BatchItemDocument,
    DefinitionDocument,
    InstanceDocument,
    PartDocument,
    RejectedDocument,
    Tombstone,
    UserTaskDocument,
)
from .mappings import BATCH_OPERATIONS, DEFINITIONS, INSTANCES

#: Index (without prefix and version) and id of a document.
Place = tuple[str, str]

Document = TypeVar("Document", bound=InstanceDocument)

ENCODER = msgspec.json.Encoder()


class Definition(Struct, frozen=True):
    """What documents need of their definition. `elements`: name and type of each."""

    process_id: str
    name: str | None
    version: int
    version_tag: str | None
    elements: dict[str, tuple[str | None, str]]


class Stored(Struct, frozen=True):
    """Where a document is that the node has, and whose it is: a process instance's, or an evaluation's."""

    index: str
    id: str
    routing: str
    owner: int


class Change(Struct, frozen=True):
    """A document to be stored. `index`: without prefix and version; `position`: its version, 0 for "create only".

    `owners`: the process instance and the evaluation that it goes with.
    """

    index: str
    id: str
    routing: str
    position: int
    source: bytes
    owners: tuple[int, ...] = ()

    @property
    def place(self) -> Place:
        return self.index, self.id


NO_DEFINITION = Definition("", None, 0, None, {})


class Workspace:
    """One export of one partition. `documents` and `parts` that are needed are put in before records are applied."""

    def __init__(self, partition: int, *, items_on_creation: bool) -> None:
        self.partition = partition
        self.items_on_creation = items_on_creation
        self.definitions: dict[int, Definition] = {}
        self.documents: dict[int, InstanceDocument] = {}
        #: Bytes of each document as it was stored last.
        self.sizes: dict[int, int] = {}
        self.parts: dict[int, PartDocument] = {}
        self.changed: set[int] = set()
        self.items: dict[tuple[int, int], BatchItemDocument] = {}
        #: What the index did not take, of the documents and parts that are needed here.
        self.asides: dict[Place, RejectedDocument] = {}
        #: Those of which a change could not be made here.
        self.lost: set[Place] = set()
        #: What the node has of all that is deleted here, and the owners that are deleted -> at which position.
        self.stored: list[Stored] = []
        self.deleted: dict[int, int] = {}
        self._buried_asides: list[RejectedDocument] = []
        self._changed_parts: set[int] = set()
        self._new_definitions: dict[int, DefinitionDocument] = {}
        self._finals: dict[Place, tuple[Struct, int]] = {}

    def definition(self, key: int) -> Definition:
        """The definition with this key; one without any values if it is not known."""
        return self.definitions.get(key, NO_DEFINITION)

    def define(self, document: DefinitionDocument) -> None:
        """A new definition."""
        self._new_definitions[document.key] = document
        self.definitions[document.key] = definition_of(document)

    def add_final(self, index: str, name: str, document: Struct, position: int = 0) -> None:
        """A document under its id that nothing is read back of: it never changes, or a later position replaces it."""
        self._finals[index, name] = (document, position)

    def add(self, document: InstanceDocument) -> None:
        """A new document."""
        self.documents[document.key] = document
        self.changed.add(document.key)

    def change(self, shape: type[Document], key: int, position: int) -> Document | None:
        """The document with this key, about to be changed; None if there is none, or if it has the change already."""
        document = self.documents.get(key)
        if document is None:
            self._lose((INSTANCES, str(key)), position)
            return None
        if document.position >= position:
            return None
        assert isinstance(document, shape)
        document.position = position
        self.changed.add(key)
        return document

    def _lose(self, place: Place, position: int) -> None:
        """Count a change that cannot be made, because the text of the document was not kept."""
        aside = self.asides.get(place)
        if aside is not None and aside.position < position:
            lost = aside.lost_changes + 1
            self.asides[place] = msgspec.structs.replace(aside, position=position, lost_changes=lost)
            self.lost.add(place)

    def forget(self, place: Place) -> None:
        """Not to be kept in memory: whoever needs it again reads it, and what is known of it beside the index."""
        index, name = place
        if index == INSTANCES and name.isdigit():
            self.documents.pop(int(name), None)
        elif index == BATCH_OPERATIONS:
            self.parts.pop(int(name.partition("-")[0]), None)

    def change_part(self, batch_operation_key: int, position: int) -> PartDocument | None:
        """This partition's part of a batch operation, about to be changed; None if it has the change already."""
        part = self.parts.get(batch_operation_key)
        if part is None:
            part = PartDocument(batch_operation_key=batch_operation_key, partition_id=self.partition, position=0)
            self.parts[batch_operation_key] = part
        if part.position >= position:
            return None
        part.position = position
        self._changed_parts.add(batch_operation_key)
        return part

    def user_tasks(self, process_instance_key: int) -> Iterator[UserTaskDocument]:
        """All that are here of a process instance."""
        for document in self.documents.values():
            if isinstance(document, UserTaskDocument) and document.process_instance_key == process_instance_key:
                yield document

    def delete(self, owner: int, position: int) -> None:
        """A process instance that has ended, or an evaluation, is deleted: nothing is told of it afterwards."""
        self.deleted.setdefault(owner, position)

    def bury_aside(self, document: RejectedDocument) -> None:
        """Of what is deleted the index did not take this: its text goes, too."""
        self._buried_asides.append(document)

    def asides_buried(self) -> Iterator[RejectedDocument]:
        """What is left of documents beside the index whose owners are deleted here."""
        for document in self._buried_asides:
            position = max(self.deleted[owner] for owner in document.owners if owner in self.deleted)
            yield msgspec.structs.replace(document, document="", size=0, lost_changes=0, taken_position=position)

    def changes(self) -> Iterator[Change]:
        """Everything to be stored."""
        encode = ENCODER.encode
        tombstones = {
            (one.index, one.id): self._tombstone(one.index, one.id, one.routing, (one.owner,)) for one in self.stored
        }
        for change in self._documents():
            if self.deleted and any(owner in self.deleted for owner in change.owners):
                place = (change.index, change.id)
                tombstones[place] = self._tombstone(*place, change.routing, change.owners)
            else:
                yield change
        yield from tombstones.values()
        for (batch, key), item in self.items.items():
            yield Change(INSTANCES, f"{batch}-{key}", routing_of_item(item), item.position, encode(item))
        for key in self._changed_parts:
            part = self.parts[key]
            yield Change(BATCH_OPERATIONS, f"{key}-{self.partition}", "", part.position, encode(part))
        for key, definition in self._new_definitions.items():
            yield Change(DEFINITIONS, str(key), "", 0, encode(definition))

    def _documents(self) -> Iterator[Change]:
        """What belongs to process instances, and what is written whole."""
        encode = ENCODER.encode
        for key in self.changed:
            document = self.documents[key]
            source = encode(document)
            self.sizes[key] = len(source)
            owner = document.process_instance_key
            owners = () if owner is None else (owner,)
            yield Change(INSTANCES, str(key), str(owner), document.position, source, owners)
        for (index, name), (final, position) in self._finals.items():
            given = (getattr(final, "process_instance_key", None), getattr(final, "evaluation_key", None))
            owners = tuple(owner for owner in given if owner is not None)
            yield Change(index, name, "", position, encode(final), owners)

    def _tombstone(self, index: str, name: str, routing: str, owners: Sequence[int]) -> Change:
        """What is stored instead of a document whose owner is deleted."""
        position = min(self.deleted[owner] for owner in owners if owner in self.deleted)
        key = int(name) if index == INSTANCES else None
        left = Tombstone(partition_id=self.partition, position=position, key=key)
        return Change(index, name, routing, position, ENCODER.encode(left))


def definition_of(document: DefinitionDocument) -> Definition:
    """What other documents need of it."""
    elements = {element.element_id: (element.name, element.type) for element in document.elements}
    names = (document.process_id, document.name, document.version, document.version_tag)
    return Definition(*names, elements)


def routing_of_item(item: BatchItemDocument) -> str:
    """An item lies with its process instance; one without lies by itself."""
    return str(item.item_key if item.process_instance_key is None else item.process_instance_key)
