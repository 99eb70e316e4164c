"""Batch operations: one row for each partition's part (see `exporters.batch_parts`), and the items.

Rule: outcomes are counted from the items' own events, the total from the chunks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from engine.core.record import Record
from engine.records.batch_operation_chunk import BatchOperationChunk
from engine.records.batch_operation_item import BatchOperationItem
from exporters.batch_parts import OUTCOMES, PART_CHANGES, Part
from exporters.facts import item_error

from .projection import Handlers
from .tables import Value

#: Parts kept in memory between transactions; they are few, and read from the file again when they are needed.
PARTS_MAX = 1_000


COLUMNS = Part.__struct_fields__
SELECT = (
    f"SELECT {', '.join(COLUMNS)} FROM batch_operation_partitions WHERE batch_operation_key = ? AND partition_id = ?"
)
REPLACE = f"INSERT OR REPLACE INTO batch_operation_partitions VALUES ({', '.join('?' * len(COLUMNS))})"
UPSERT_ITEM = (
    "INSERT INTO batch_items VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET state = excluded.state, processed_date = excluded.processed_date, error_message = excluded.error_message"
)


class Batches:
    """Projects the families of batch operations; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection, export_items_on_creation: bool) -> None:
        self._connection = connection
        self._export_items_on_creation = export_items_on_creation
        self._parts: dict[tuple[int, int], Part] = {}
        self._changed: set[tuple[int, int]] = set()
        self._items: dict[tuple[int, int], tuple[Value, ...]] = {}

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {
            **{place: partial(self._change, change) for place, change in PART_CHANGES.items()},
            ("BATCH_OPERATION_CHUNK", "CREATED"): self._chunk,
            **{("BATCH_OPERATION_ITEM", intent): self._item for intent in OUTCOMES},
        }

    def write(self) -> None:
        """Write what is pending."""
        if self._changed:
            changed = [msgspec.structs.astuple(self._parts[place]) for place in self._changed]
            self._connection.executemany(REPLACE, changed)
        if self._items:
            self._connection.executemany(UPSERT_ITEM, self._items.values())

    def clear(self, *, failed: bool = False) -> None:
        """Forget what is pending; after a failure also what was read, because it was changed in place."""
        self._items.clear()
        self._changed.clear()
        if failed or len(self._parts) > PARTS_MAX:
            self._parts.clear()

    def _part(self, batch_operation_key: int, record: Record) -> Part:
        """The row of the record's partition, about to be changed."""
        place = (batch_operation_key, record.step.partition_id)
        part = self._parts.get(place)
        if part is None:
            row = self._connection.execute(SELECT, place).fetchone()
            found = (
                dict(zip(COLUMNS, row, strict=True))
                if row
                else {"batch_operation_key": place[0], "partition_id": place[1]}
            )
            self._parts[place] = part = Part(**found)
        self._changed.add(place)
        return part

    def _change(self, change: Callable[[Part, Record, Any], None], record: Record, value: Any) -> None:
        change(self._part(record.key, record), record, value)

    def _chunk(self, record: Record, value: BatchOperationChunk) -> None:
        self._part(record.key, record).total += len(value.items)
        if self._export_items_on_creation:
            for item in value.items:
                row = (
                    record.key,
                    item.item_key,
                    item.process_instance_key,
                    item.root_process_instance_key,
                    "ACTIVE",
                    None,
                    None,
                )
                self._items[record.key, item.item_key] = row

    def _item(self, record: Record, value: BatchOperationItem) -> None:
        batch = value.batch_operation_key
        part = self._part(batch, record)
        state = record.intent
        if state == "COMPLETED":
            part.completed += 1
            error = None
        else:
            counter = state.lower()
            setattr(part, counter, getattr(part, counter) + 1)
            error = item_error(value.error_code, value.error_message)
        key = record.key
        root = value.root_process_instance_key
        self._items[batch, key] = (batch, key, value.process_instance_key, root, state, record.step.timestamp, error)
