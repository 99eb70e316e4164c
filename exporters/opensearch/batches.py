"""Batch operations: one document for each partition's part (see `exporters.batch_parts`), and the items.

Rule: outcomes are counted from the items' own events, the total from the chunks. An item's document is whole in each of
its records, so none is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.record import Record
from engine.records.batch_operation_chunk import BatchItem, BatchOperationChunk
from engine.records.batch_operation_incident import BatchOperationIncident
from engine.records.batch_operation_item import BatchOperationItem
from exporters.batch_parts import OUTCOMES, PART_CHANGES, count_incident, count_outcome
from exporters.facts import item_error, key_given

from . import mappings
from .documents import BatchItemDocument, Member, PartDocument
from .projection import Rule, Rules
from .workspace import Workspace

#: Families whose records need this partition's part, and where they have the key of the batch operation.
ITEM = "BATCH_OPERATION_ITEM"
INCIDENT = "BATCH_OPERATION_INCIDENT"
FAMILIES = frozenset({ITEM, INCIDENT, "BATCH_OPERATION_CHUNK", *(value_type for value_type, _ in PART_CHANGES)})


def batch_operation_of(record: Record, value: Any) -> int:
    """The key of the batch operation whose part such a record changes."""
    return int(value.batch_operation_key) if record.value_type in (ITEM, INCIDENT) else record.key


def _part(change: Callable[[PartDocument, Record, Any], None]) -> Rule:
    def apply(workspace: Workspace, record: Record, value: Any) -> None:
        part = workspace.change_part(record.key, record.position)
        if part is not None:
            change(part, record, value)

    return Rule(apply)


def _chunk(workspace: Workspace, record: Record, value: BatchOperationChunk) -> None:
    batch = record.key
    part = workspace.change_part(batch, record.position)
    if part is not None:
        part.total += len(value.items)
    if workspace.items_on_creation:
        kind = workspace.parts[batch].type or None
        for item in value.items:
            document = _item(workspace, record, batch, item)
            document.type = kind
            workspace.items[batch, item.item_key] = document


def _outcome(workspace: Workspace, record: Record, value: BatchOperationItem) -> None:
    part = workspace.change_part(value.batch_operation_key, record.position)
    if part is not None:
        count_outcome(part, record, value)
    document = _item_of(workspace, record, record.key, value)
    document.state = record.intent
    document.processed_date = record.step.timestamp
    document.unchanged = value.unchanged
    document.prediction = value.prediction or None
    document.replaced, document.replaced_size = value.replaced or None, value.replaced_size


def _retrying(workspace: Workspace, record: Record, value: BatchOperationItem) -> None:
    _item_of(workspace, record, record.key, value)


def _incident(workspace: Workspace, record: Record, value: BatchOperationIncident) -> None:
    part = workspace.change_part(value.batch_operation_key, record.position)
    if part is not None:
        count_incident(part, record, value)
    document = _item_of(workspace, record, value.item_key, value)
    document.incident_key = record.key if record.intent == "CREATED" else None


def _item_of(
    workspace: Workspace, record: Record, key: int, value: BatchOperationItem | BatchOperationIncident
) -> BatchItemDocument:
    """The document of an item whose record this is, about to be written."""
    batch = value.batch_operation_key
    item = BatchItem(
        item_key=key,
        process_instance_key=value.process_instance_key,
        root_process_instance_key=value.root_process_instance_key,
    )
    document = _item(workspace, record, batch, item)
    document.type = value.batch_operation_type or None
    document.error_message = item_error(value.error_code, value.error_message)
    workspace.items[batch, key] = document
    return document


def _item(workspace: Workspace, record: Record, batch: int, item: BatchItem) -> BatchItemDocument:
    """An item that has no outcome yet."""
    instance = key_given(item.process_instance_key)
    return BatchItemDocument(
        kind=Member(mappings.BATCH_ITEM, str(item.item_key if instance is None else instance)),
        key=item.item_key,
        partition_id=workspace.partition,
        position=record.position,
        process_instance_key=instance,
        root_key=key_given(item.root_process_instance_key),
        batch_operation_key=batch,
        item_key=item.item_key,
        state="ACTIVE",
    )


RULES: Rules = {
    **{place: _part(change) for place, change in PART_CHANGES.items()},
    ("BATCH_OPERATION_CHUNK", "CREATED"): Rule(_chunk),
    **{(ITEM, intent): Rule(_outcome) for intent in OUTCOMES},
    (ITEM, "RETRYING"): Rule(_retrying),
    (INCIDENT, "CREATED"): Rule(_incident),
    (INCIDENT, "RESOLVED"): Rule(_incident),
}
