"""Secondary storage for scenarios: what a projection of the partition's records would find."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.batch.life import FINAL_STATES
from engine.batch.operation import FINISHED
from engine.core.background import Background, Query
from engine.core.ports import FILTERED, LAST_VARIABLES, REPLACED_VARIABLES, SelectedItem, SelectionQuery
from engine.core.record import NONE, Record
from engine.records.batch_operation_chunk import ItemFacts


class Search:
    """Finds living instances, open incidents and jobs; the filter knows `processDefinitionId` and `everything`.

    With `state` in the filter, instances that have ended are found too; decision instances are. `exports`: whether what
    waits until secondary storage has caught up is told that it has. `failures`: answers to give instead, one a query:
    "later" (retryable), "never" (not retried), "large" (too large).
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.limit = 1 << 40
        self.exports = True
        self.facts_max = 1 << 40
        #: characters of variables that facts have
        self.variables_size_max = 1 << 40

    def answers(self, query: Query, initializer: Background, records: Sequence[Record]) -> list[Record]:
        """The commands that bring the answer to the log."""
        failure = self.failures.pop(0) if self.failures else ""
        if failure in ("later", "never"):
            return [initializer.failed(query, f"the search said {failure}", retryable=failure == "later")]
        if failure == "large" or query.selection.limit > self.limit:
            return [initializer.too_large(query)]
        items = self.select(query, records)
        facts = [self.facts_of(item.item_key, query.variables, records, query.selection.items_of) for item in items]
        found = initializer.found(query, items, facts[: self.facts_max] if query.variables else ())
        return [answer.command for answer in found]

    def select(self, query: Query, records: Sequence[Record]) -> list[SelectedItem]:
        selection = query.selection
        if selection.items_of >= 0:
            found = [_item_of(record) for record in records if _is_chosen(record, selection)]
            found.sort(key=lambda item: item.item_key)
            return [i for i in found if selection.after < i.item_key][: selection.limit]
        wanted = msgspec.json.decode(selection.filter, type=dict[str, object]) if selection.filter else None
        process_id = None if wanted is None else wanted.get("processDefinitionId")
        found: list[SelectedItem] = []
        with_ended = wanted is not None and "state" in wanted
        everything = _living(records, selection.entity, with_ended=True)
        ended = set(everything) - set(_living(records, selection.entity, with_ended=False))
        for key, record in sorted(everything.items()):
            matches = wanted is not None and process_id in (None, _process_of(record))
            matches = matches and (with_ended or key not in ended)
            may_be = selection.process_ids is None or _process_of(record) in selection.process_ids
            may_be = may_be and key <= selection.key_max and key not in selection.excluded
            if may_be and (matches or key in selection.item_keys):
                found.append(_item(key, record))
        owners = _living(records, FILTERED[selection.entity], with_ended=True)
        readable = selection.process_ids
        known = {key for key, one in owners.items() if readable is None or _process_of(one) in readable}
        known |= set(selection.excluded)
        found += [
            SelectedItem(item_key=key, process_instance_key=NONE, root_process_instance_key=NONE)
            for key in selection.item_keys
            if key not in known
        ]
        found.sort(key=lambda item: item.item_key)
        return [i for i in found if selection.after < i.item_key][: selection.limit]

    def facts_of(self, key: int, variables: str, records: Sequence[Record], items_of: int = NONE) -> ItemFacts:
        """What these records tell of a process instance."""
        facts = ItemFacts(item_key=key)
        if variables == REPLACED_VARIABLES:
            done = [
                r.value
                for r in records
                if (r.key, r.value_type, r.intent) == (key, "BATCH_OPERATION_ITEM", "COMPLETED")
            ]
            (value,) = [value for value in done if value.batch_operation_key == items_of]
            return ItemFacts(item_key=key, variables=value.replaced, variables_size=value.replaced_size)
        values: dict[str, msgspec.Raw] = {}
        for record in records:
            value = record.value
            if record.record_type != "EVENT" or key not in (record.key, getattr(value, "process_instance_key", NONE)):
                continue
            if record.value_type == "VARIABLE" and value.scope_key == key and record.intent in ("CREATED", "UPDATED"):
                if variables == LAST_VARIABLES or value.initial:
                    values[value.name] = msgspec.Raw(value.value.encode())
            elif (
                record.value_type == "PROCESS_INSTANCE"
                and record.key == key == value.process_instance_key
                and record.intent in STATES
            ):
                born = facts if facts.state else value
                facts = ItemFacts(
                    item_key=key,
                    process_definition_key=value.process_definition_key,
                    state=STATES[record.intent],
                    business_id=born.business_id,
                    tags=born.tags,
                    end_time=record.step.timestamp if STATES[record.intent] in FINISHED else 0,
                )
            elif record.value_type == "DECISION_EVALUATION" and record.key == key:
                facts = ItemFacts(item_key=key, state=record.intent, end_time=record.step.timestamp)
        text = msgspec.json.encode(values, order="deterministic").decode()
        fits = len(text) <= self.variables_size_max
        changes = {"variables": text if fits else "", "variables_size": len(text)}
        return msgspec.structs.replace(facts, **changes) if facts.state else facts


def _living(records: Sequence[Record], entity: str, *, with_ended: bool) -> dict[int, Record]:
    """Key -> the record of its birth, of all that are not deleted; without those that have ended unless told."""
    family, born, gone = LIVES[entity]
    living: dict[int, Record] = {}
    for record in records:
        if record.record_type == "EVENT" and (record.value_type, record.intent) == ("HISTORY_DELETION", "DELETED"):
            living.pop(record.key, None)
        if record.record_type != "EVENT" or record.value_type != family:
            continue
        if record.intent in born and getattr(record.value, "element_type", "PROCESS") == "PROCESS":
            living[record.key] = record
        elif record.intent in gone and not with_ended:
            living.pop(record.key, None)
    return living


#: Event of a process instance -> its state after that.
STATES = {
    "ELEMENT_ACTIVATING": "ACTIVE",
    "RESUMED": "ACTIVE",
    "SUSPENDED": "SUSPENDED",
    "ELEMENT_COMPLETED": "COMPLETED",
    "ELEMENT_TERMINATED": "TERMINATED",
}
#: Entity -> its family, the events by which one is born, and those by which it has ended.
LIVES = {
    "PROCESS_INSTANCE": ("PROCESS_INSTANCE", ("ELEMENT_ACTIVATING",), ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED")),
    "INCIDENT": ("INCIDENT", ("CREATED",), ("RESOLVED",)),
    "JOB": ("JOB", ("CREATED",), ("COMPLETED", "CANCELED", "ERROR_THROWN")),
    "DECISION_INSTANCE": ("DECISION_EVALUATION", ("EVALUATED", "FAILED"), ()),
    "BATCH_OPERATION": ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", FINAL_STATES, ("DELETED",)),
}


def _process_of(record: Record) -> str:
    return getattr(record.value, "bpmn_process_id", "")


def _item(key: int, record: Record) -> SelectedItem:
    return SelectedItem(
        item_key=key,
        process_instance_key=getattr(record.value, "process_instance_key", NONE),
        root_process_instance_key=getattr(record.value, "root_process_instance_key", NONE),
    )


def _is_chosen(record: Record, selection: SelectionQuery) -> bool:
    wanted = ("EVENT", "BATCH_OPERATION_ITEM", "COMPLETED" if selection.undoes else "FAILED")
    if (record.record_type, record.value_type, record.intent) != wanted:
        return False
    return record.value.batch_operation_key == selection.items_of and not record.value.unchanged


def _item_of(record: Record) -> SelectedItem:
    return SelectedItem(
        item_key=record.key,
        process_instance_key=record.value.process_instance_key,
        root_process_instance_key=record.value.root_process_instance_key,
    )
