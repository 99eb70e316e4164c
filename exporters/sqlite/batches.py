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
from engine.records.batch_operation_incident import BatchOperationIncident
from engine.records.batch_operation_item import BatchOperationItem
from exporters.batch_parts import OUTCOMES, PART_CHANGES, Part, count_incident, count_outcome
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
    "INSERT INTO batch_items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET state = excluded.state, processed_date = excluded.processed_date, error_message = excluded.error_message,"
    " position = excluded.position, prediction = excluded.prediction, incident_key = excluded.incident_key,"
    " unchanged = excluded.unchanged, replaced = excluded.replaced, replaced_size = excluded.replaced_size"
)
DELETE_ITEMS = "DELETE FROM batch_items WHERE batch_operation_key = ? AND partition_id = ?"
DELETE_ITEMS_OF_NOBODY = (
    "DELETE FROM batch_items WHERE batch_operation_key = :key AND NOT EXISTS"
    " (SELECT 1 FROM batch_operation_partitions WHERE batch_operation_key = :key)"
)
#: Once all of them are, in whatever order partitions are exported: until then those that are deleted hide the others.
DELETE_PARTS = (
    "DELETE FROM batch_operation_partitions WHERE batch_operation_key = :key AND partitions <="
    " (SELECT count(*) FROM batch_operation_partitions WHERE batch_operation_key = :key AND deleted)"
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
            ("BATCH_OPERATION_ITEM", "RETRYING"): self._retrying,
            ("BATCH_OPERATION_INCIDENT", "CREATED"): self._incident,
            ("BATCH_OPERATION_INCIDENT", "RESOLVED"): self._incident,
            **{("BATCH_OPERATION_ITEM", intent): self._item for intent in OUTCOMES},
        }

    def write(self) -> None:
        """Write what is pending."""
        if self._changed:
            changed = [msgspec.structs.astuple(self._parts[place]) for place in self._changed]
            self._connection.executemany(REPLACE, changed)
        if self._items:
            self._connection.executemany(UPSERT_ITEM, self._items.values())
        for batch, partition in self._changed:
            if self._parts[batch, partition].deleted:
                self._connection.execute(DELETE_ITEMS, (batch, partition))
                self._connection.execute(DELETE_PARTS, {"key": batch})
                self._connection.execute(DELETE_ITEMS_OF_NOBODY, {"key": batch})

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
                root = item.root_process_instance_key
                row = (record.key, item.item_key, item.process_instance_key, root, "ACTIVE", None, None)
                told = (record.position, None, None, False, record.step.partition_id, None, 0)
                self._items[record.key, item.item_key] = (*row, *told)

    def _retrying(self, record: Record, value: BatchOperationItem) -> None:
        self._keep_item(record, record.key, value, "ACTIVE")

    def _incident(self, record: Record, value: BatchOperationIncident) -> None:
        count_incident(self._part(value.batch_operation_key, record), record, value)
        waits = record.intent == "CREATED"
        self._keep_item(record, value.item_key, value, "ACTIVE", incident_key=record.key if waits else None)

    def _item(self, record: Record, value: BatchOperationItem) -> None:
        count_outcome(self._part(value.batch_operation_key, record), record, value)
        self._keep_item(record, record.key, value, record.intent, record.step.timestamp)

    def _keep_item(
        self,
        record: Record,
        key: int,
        value: BatchOperationItem | BatchOperationIncident,
        state: str,
        date: int | None = None,
        incident_key: int | None = None,
    ) -> None:
        batch = value.batch_operation_key
        error = item_error(value.error_code, value.error_message)
        unchanged = isinstance(value, BatchOperationItem) and value.unchanged
        row = (batch, key, value.process_instance_key, value.root_process_instance_key, state, date, error)
        prediction = value.prediction or None if isinstance(value, BatchOperationItem) else None
        replaced = (value.replaced or None, value.replaced_size) if isinstance(value, BatchOperationItem) else (None, 0)
        told = (record.position, prediction, incident_key, unchanged, record.step.partition_id, *replaced)
        self._items[batch, key] = (*row, *told)
