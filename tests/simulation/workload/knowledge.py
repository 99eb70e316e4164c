"""What all clients of a run were told, and whether the log bears it out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from engine.core.record import EVENT, Record
from tests.simulation.model import PartitionLog

#: Keys of a kind that are remembered, the newest.
KEYS_MAX = 60

_INSTANCE_STATES = {
    "ACTIVE": "ELEMENT_ACTIVATING",
    "COMPLETED": "ELEMENT_COMPLETED",
    "TERMINATED": "ELEMENT_TERMINATED",
}
#: entity -> (value type, state that the API shows -> intent of the event that brings it about)
STATES: dict[str, tuple[str, Mapping[str, str]]] = {
    "process-instances": ("PROCESS_INSTANCE", _INSTANCE_STATES),
    "element-instances": ("PROCESS_INSTANCE", _INSTANCE_STATES),
    "incidents": ("INCIDENT", {"ACTIVE": "CREATED", "RESOLVED": "RESOLVED"}),
    "user-tasks": ("USER_TASK", {"CREATED": "CREATED", "COMPLETED": "COMPLETED", "CANCELED": "CANCELED"}),
    "jobs": ("JOB", {"CREATED": "CREATED", "COMPLETED": "COMPLETED", "CANCELED": "CANCELED", "FAILED": "FAILED"}),
    "batch-operations": (
        "BATCH_OPERATION_LIFECYCLE_MANAGEMENT",
        {state: state for state in ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")},
    ),
    "batch-operation-items": (
        "BATCH_OPERATION_ITEM",
        {state: state for state in ("COMPLETED", "FAILED", "SKIPPED", "CANCELED")},
    ),
}
#: entity -> property that holds its key
KEY_PROPERTIES = {
    "process-instances": "processInstanceKey",
    "element-instances": "elementInstanceKey",
    "incidents": "incidentKey",
    "user-tasks": "userTaskKey",
    "jobs": "jobKey",
    "batch-operations": "batchOperationKey",
    "batch-operation-items": "itemKey",
    "variables": "variableKey",
}


class Said(NamedTuple):
    """Something that must be on the log: an event of this key."""

    value_type: str
    intent: str
    key: int
    #: of a variable and of a decision, the JSON text; of a message, the process instance that got it
    value: str = ""


class Knowledge:
    """Shared by the clients of one run: keys to work with, and what they were told."""

    def __init__(self) -> None:
        self.keys: dict[str, list[str]] = defaultdict(list)
        #: keys of things that an answer with 2xx said to exist
        self.acknowledged: set[int] = set()
        self.seen: set[Said] = set()

    def learn(self, kind: str, key: str) -> None:
        """A key that exists."""
        known = self.keys[kind]
        if key not in known:
            known.append(key)
            del known[:-KEYS_MAX]

    def acknowledge(self, kind: str, key: str) -> None:
        """An answer said that this has happened."""
        self.learn(kind, key)
        self.acknowledged.add(int(key))

    def correlate(self, message: str, instance: str) -> None:
        """An answer said which process instance got a message."""
        self.acknowledge("process-instances", instance)
        self.seen.add(Said("MESSAGE_CORRELATION", "CORRELATED", int(message), instance))

    def decide(self, evaluation: str, output: str) -> None:
        """An answer said what came of a decision."""
        self.learn("evaluations", evaluation)
        self.seen.add(Said("DECISION_EVALUATION", "", int(evaluation), output))

    def pick(self, random: Random, kind: str) -> str:
        """A key of a kind, mostly one of the newest; rarely one of nothing."""
        known = self.keys[kind]
        if not known or random.random() < 0.05:
            return random.choice(["1", str((1 << 51) + 1), str((1 << 62) + 7)])
        return random.choice(known[-8:] if random.random() < 0.7 else known)

    def see(self, entity: str, item: Mapping[str, Any]) -> None:
        """A search showed this."""
        key = int(item[KEY_PROPERTIES[entity]])
        if entity == "variables":
            if not item["isTruncated"]:
                self.seen.add(Said("VARIABLE", "", key, item["value"]))
            return
        self.learn(entity, str(key))
        value_type, intents = STATES[entity]
        if item["state"] in intents:
            self.seen.add(Said(value_type, intents[item["state"]], key))

    def check(self, logs: Mapping[int, PartitionLog]) -> list[str]:
        """What clients were told, and the log does not say."""
        records = [e.record for log in logs.values() for e in log.events if e.record and e.record.record_type == EVENT]
        keys = {record.key for record in records}
        told = {said for record in records for said in _told(record)}
        lost = [f"a client was told that {key} exists; the log does not know it" for key in self.acknowledged - keys]
        never = [f"a client was shown {said}; that never was" for said in self.seen - told]
        return sorted(lost) + sorted(never)


def _told(record: Record) -> list[Said]:
    if record.value_type == "VARIABLE":
        return [Said("VARIABLE", "", record.key, getattr(record.value, "value", ""))]
    if record.value_type == "DECISION_EVALUATION":
        return [Said("DECISION_EVALUATION", "", record.key, getattr(record.value, "decision_output", ""))]
    if record.value_type == "MESSAGE_CORRELATION":
        instance = str(getattr(record.value, "process_instance_key", ""))
        return [Said(record.value_type, record.intent, record.key, instance)]
    return [Said(record.value_type, record.intent, record.key)]
