"""Secondary storage for scenarios: what a projection of the partition's records would find."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.core.background import Background, Query
from engine.core.ports import SelectedItem
from engine.core.record import Record


class Search:
    """Finds living instances, open incidents and jobs; the filter knows `processDefinitionId` and `everything`.

    `failures`: answers to give instead, one a query: "later" (retryable), "never" (not retried), "large" (too large).
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.limit = 1 << 40

    def answer(self, query: Query, initializer: Background, records: Sequence[Record]) -> Record:
        """The command that brings the answer to the log."""
        failure = self.failures.pop(0) if self.failures else ""
        if failure in ("later", "never"):
            return initializer.failed(query, f"the search said {failure}", retryable=failure == "later")
        if failure == "large" or query.selection.limit > self.limit:
            return initializer.too_large(query)
        return initializer.found(query, self.select(query, records))

    def select(self, query: Query, records: Sequence[Record]) -> list[SelectedItem]:
        selection = query.selection
        wanted = msgspec.json.decode(selection.filter, type=dict[str, str]) if selection.filter else None
        process_id = None if wanted is None else wanted.get("processDefinitionId")
        found = []
        for key, record in sorted(_living(records, selection.entity).items()):
            matches = wanted is not None and process_id in (None, record.value.bpmn_process_id)
            if (matches or key in selection.item_keys) and key not in selection.excluded:
                found.append(_item(key, record))
        return [i for i in found if selection.after < i.item_key <= selection.key_max][: selection.limit]


def _living(records: Sequence[Record], entity: str) -> dict[int, Record]:
    """Key -> the record of its birth."""
    born, gone = LIVES[entity]
    living: dict[int, Record] = {}
    for record in records:
        if record.record_type != "EVENT" or record.value_type != entity:
            continue
        if record.intent == born and getattr(record.value, "element_type", "PROCESS") == "PROCESS":
            living[record.key] = record
        elif record.intent in gone:
            living.pop(record.key, None)
    return living


#: Entity -> the event by which one is born, and those by which it is gone.
LIVES = {
    "PROCESS_INSTANCE": ("ELEMENT_ACTIVATING", ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED")),
    "INCIDENT": ("CREATED", ("RESOLVED",)),
    "JOB": ("CREATED", ("COMPLETED", "CANCELED", "ERROR_THROWN")),
}


def _item(key: int, record: Record) -> SelectedItem:
    return SelectedItem(
        item_key=key,
        process_instance_key=record.value.process_instance_key,
        root_process_instance_key=record.value.root_process_instance_key,
    )
