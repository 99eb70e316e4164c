"""Items of batch operations that are deleted: each becomes a tombstone, as all deleted history does (`deletions`).

They may be a million, so they are not a part of what one export holds: what is stored of them is found and replaced
some at a time, before the position that says that it was done is written. Whoever begins again does what is left.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from engine.core.faults import Unavailable
from engine.core.record import Record

from .documents import Tombstone
from .indices import IndexSet
from .mappings import BATCH_ITEM, INSTANCES
from .node import REJECTED, Address, Node, Write

FAMILY = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
#: Documents that are replaced at once.
PAGE_SIZE = 2_000
FIELDS = ("key", "process_instance_key")


class _Found(Struct):
    key: int
    process_instance_key: int | None = None


async def bury_items(node: Node, chosen: IndexSet, partition: int, records: Sequence[Record]) -> None:
    """Of the batch operations that these records delete, on this partition. Raises IndexMissing or Unavailable."""
    for record in records:
        if (record.value_type, record.intent) == (FAMILY, "DELETED"):
            await _bury(node, chosen, partition, record)


async def _bury(node: Node, chosen: IndexSet, partition: int, record: Record) -> None:
    index, batch = chosen.name(INSTANCES), record.key
    wanted: dict[str, Sequence[int | str]] = {
        "kind": [BATCH_ITEM],
        "batch_operation_key": [batch],
        "partition_id": [partition],
    }
    while True:
        await node.refresh([index])
        page = [
            msgspec.json.decode(source, type=_Found)
            for source in await node.find(index, wanted, ("key",), FIELDS, limit=PAGE_SIZE)
        ]
        if not page:
            return
        writes = []
        for item in page:
            left = Tombstone(partition_id=partition, position=record.position, key=item.key)
            owner = item.key if item.process_instance_key is None else item.process_instance_key
            address = Address(index, f"{batch}-{item.key}", str(owner))
            writes.append(Write(address, record.position, msgspec.json.encode(left)))
        for outcome in await node.write(writes):
            if outcome.kind == REJECTED:
                raise Unavailable(f"expected to delete items of batch operation {batch}, got: {outcome.reason}")
