"""Compensation, by what must be so whatever the order: what had completed is undone, once, by what undoes it.

It holds of instances too that the model looks away from. Source: BPMN 2.0.2, 10.7; Camunda 8 "Compensation events".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.core.record import NONE, Record
from engine.records import CompensationSubscription, ProcessInstance

from .log import LoggedStep

#: intent -> what must have been the last one of the same subscription.
BEFORE = {"CREATED": ("",), "TRIGGERED": ("CREATED",), "COMPLETED": ("TRIGGERED",), "DELETED": ("CREATED", "TRIGGERED")}
OPEN = ("CREATED", "TRIGGERED")


def undone_wrongly(steps: Sequence[LoggedStep]) -> Iterator[str]:
    """What is wrong with the subscriptions of one partition, when nothing is left to be done."""
    last: dict[int, str] = {}
    owner: dict[int, int] = {}
    ended: set[int] = set()
    for step in steps:
        lives = {(r.intent, r.key): r for r in step.events if isinstance(r.value, ProcessInstance)}
        for record in step.events:
            if record.key == _instance_of(record) and record.intent in ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED"):
                ended.add(record.key)
            value = record.value
            if isinstance(value, CompensationSubscription):
                if record.intent == "MIGRATED":
                    continue  # it is what it was, of another definition
                if last.get(record.key, "") not in BEFORE[record.intent]:
                    yield f"what can be undone ({record.key}) is {record.intent} after {last.get(record.key)}"
                last[record.key], owner[record.key] = record.intent, value.process_instance_key
                yield from _without_cause(record, value, lives)
    for key, intent in last.items():
        if intent in OPEN and owner[key] in ended:
            yield f"what can be undone ({key}) outlives its process instance"


def _instance_of(record: Record) -> int:
    return record.value.process_instance_key if isinstance(record.value, ProcessInstance) else NONE


def _without_cause(
    record: Record, value: CompensationSubscription, lives: dict[tuple[str, int], Record]
) -> Iterator[str]:
    done, begun = value.compensable_activity_instance_key, value.compensation_handler_instance_key
    if record.intent == "CREATED" and ("ELEMENT_COMPLETED", done) not in lives:
        yield f"{value.compensable_activity_id} ({done}) can be undone, but has not completed"
    if record.intent == "TRIGGERED" and begun != NONE:
        born = lives.get(("ELEMENT_ACTIVATING", begun))
        if born is None or getattr(born.value, "element_id", "") != value.compensation_handler_id:
            yield f"{value.compensation_handler_id} should undo {value.compensable_activity_id}, but does not begin"
