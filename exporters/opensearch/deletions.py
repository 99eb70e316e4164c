"""Deleted history: every document of a process instance that has ended, or of an evaluation, becomes a tombstone.

Rule: a document is not deleted but replaced, under the position as its version, by one that says nothing but that. The
node forgets versions of deleted documents after a minute, and an exporter that was taken for dead, and wakes up later,
would bring them back. Searches see no tombstones. Items of batch operations stay: they go with the batch operation
(`batch_deletions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from engine.core.record import Record
from engine.records.history_deletion import HistoryDeletion

from .documents import RejectedDocument
from .indices import IndexSet
from .mappings import (
    BATCH_ITEM,
    CHILDREN,
    DECISION_INSTANCES,
    INSTANCES,
    MESSAGE_CORRELATIONS,
    MESSAGE_SUBSCRIPTIONS,
    PROCESS_INSTANCE,
    REJECTED,
)
from .node import Node
from .projection import Rule, Rules
from .workspace import Stored, Workspace

FAMILY = "HISTORY_DELETION"
#: What of a process instance goes, in the index where it lies.
KINDS = (PROCESS_INSTANCE, *(kind for kind in CHILDREN if kind != BATCH_ITEM))
#: Other indices with documents of process instances -> the fields that are their id, and their order.
OTHERS = {
    DECISION_INSTANCES: ("instance_key",),
    MESSAGE_SUBSCRIPTIONS: ("key",),
    MESSAGE_CORRELATIONS: ("message_key", "subscription_key"),
}
OWNER = "process_instance_key"
EVALUATION = "evaluation_key"


async def load_deleted(node: Node, chosen: IndexSet, workspace: Workspace, records: Sequence[Record]) -> None:
    """Find what is stored of all that these records delete. Raises IndexMissing or Unavailable."""
    deleted = [record.value for record in records if record.value_type == FAMILY]
    instances = sorted({one.resource_key for one in _of_type(deleted, "PROCESS_INSTANCE")})
    evaluations = sorted({one.resource_key for one in _of_type(deleted, "DECISION_INSTANCE")})
    if instances:
        workspace.stored += await _find(node, chosen, INSTANCES, ("key",), OWNER, instances)
        for index, names in OTHERS.items():
            workspace.stored += await _find(node, chosen, index, names, OWNER, instances)
    if evaluations:
        names = OTHERS[DECISION_INSTANCES]
        workspace.stored += await _find(node, chosen, DECISION_INSTANCES, names, EVALUATION, evaluations)
    if deleted:
        wanted = {"owners": [*instances, *evaluations]}
        for source in await node.find(chosen.name(REJECTED), wanted, ("index", "id")):
            workspace.bury_aside(msgspec.json.decode(source, type=RejectedDocument))


def _of_type(deleted: Sequence[object], resource_type: str) -> Iterator[HistoryDeletion]:
    for one in deleted:
        if isinstance(one, HistoryDeletion) and one.resource_type == resource_type:
            yield one


async def _find(
    node: Node, chosen: IndexSet, index: str, names: Sequence[str], owner: str, keys: Sequence[int]
) -> list[Stored]:
    """Where the documents of these owners are; of each only its names and its owner are read."""
    wanted: dict[str, Sequence[int | str]] = {owner: keys}
    if index == INSTANCES:
        wanted["kind"] = KINDS
    found = []
    for source in await node.find(chosen.name(index), wanted, names, (*names, owner)):
        document = msgspec.json.decode(source, type=dict[str, object])
        name = "-".join(str(document[one]) for one in names)
        routing = str(document[owner]) if index == INSTANCES else ""
        key = document[owner]
        assert isinstance(key, int)
        found.append(Stored(index, name, routing, key))
    return found


def _deleted(workspace: Workspace, record: Record, value: HistoryDeletion) -> None:
    workspace.delete(value.resource_key, record.position)


RULES: Rules = {(FAMILY, "DELETED"): Rule(_deleted)}
