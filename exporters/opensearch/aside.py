"""Documents that the index did not take: kept beside it with the reason, until a later change of them is taken.

Rule: none of their changes is lost in silence. The next change of such a document is made on the text that was set
aside, and the whole is offered again. Of a text that was too large to be kept, the changes are counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from .documents import InstanceDocument, Member, PositionDocument, RejectedDocument, UserTaskDocument
from .indices import IndexSet
from .mappings import INSTANCES, REJECTED, USER_TASK
from .node import Address, Write
from .workspace import Change, Place

#: Characters of a document that are kept of one that is too large to be set aside whole.
CUT_SIZE = 10_000


class Versioned(msgspec.Struct):
    """What is read of a stored document to tell how old it is; a definition has no position, and never changes."""

    position: int = 0


def address_of(chosen: IndexSet, place: Place) -> Address:
    """Where a document is that the index did not take."""
    return Address(chosen.name(REJECTED), ":".join(place))


def rejected(change: Change, reason: str, end: PositionDocument) -> RejectedDocument:
    """A document with the reason why it is none."""
    return RejectedDocument(
        partition_id=end.partition_id,
        position=change.position or end.position,
        timestamp=end.timestamp,
        index=change.index,
        id=change.id,
        reason=reason,
        size=len(change.source),
        document=change.source.decode(),
        owners=change.owners,
    )


def cut(document: RejectedDocument) -> RejectedDocument:
    """The same, if it was too large itself."""
    return msgspec.structs.replace(document, document=document.document[:CUT_SIZE])


def write_of(chosen: IndexSet, document: RejectedDocument) -> Write:
    """How it is stored: under the position of the last change that it knows of."""
    address = address_of(chosen, (document.index, document.id))
    return Write(address, max(document.position, document.taken_position), msgspec.json.encode(document))


def newest(stored: bytes | None, aside: bytes | None) -> tuple[bytes | None, RejectedDocument | None]:
    """The text on which the next change is made, and what is known of it beside the index, unless that is settled."""
    if aside is None:
        return stored, None
    document = msgspec.json.decode(aside, type=RejectedDocument)
    if document.taken_position:
        return stored, None
    if document.is_whole and (stored is None or _position(stored) < document.position):
        return document.document.encode(), document
    return stored, document


def user_tasks(
    asides: Sequence[bytes], process_instance_keys: Collection[int]
) -> Iterator[tuple[RejectedDocument, UserTaskDocument]]:
    """The user tasks of these process instances among what is beside the index, whole and not settled."""
    for source in asides:
        document = msgspec.json.decode(source, type=RejectedDocument)
        if document.index != INSTANCES or document.taken_position or not document.is_whole:
            continue
        found = msgspec.json.decode(document.document, type=InstanceDocument)
        is_task = isinstance(found.kind, Member) and found.kind.name == USER_TASK
        if is_task and found.process_instance_key in process_instance_keys:
            yield document, msgspec.json.decode(document.document, type=UserTaskDocument)


def _position(source: bytes) -> int:
    return msgspec.json.decode(source, type=Versioned).position
