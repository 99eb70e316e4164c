"""A partition's log as the model reads it: steps with the commands that caused them, and where to find an event."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import NamedTuple, cast

import msgspec
from msgspec import Struct

from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Entry
from engine.core.principal import ANONYMOUS_CLAIMS
from engine.core.record import EVENT, REJECTION, Record
from engine.records import FAMILIES, CompensationSubscription, HistoryDeletion, MultiInstance, Variable
from engine.shell.claims import ClaimsSeal
from engine.shell.codec import Codec, Reader, Undecodable

from .told import TOLD_APART, told_fields

#: Later than every position: what the log never tells.
NEVER = 1 << 62


class LogEntry(Struct, frozen=True, kw_only=True):
    """What lies at an offset of a topic. `record` is None when the bytes cannot be read."""

    offset: int
    timestamp: int
    value: bytes
    record: Record | None
    #: who it is from, as far as that is to be believed
    claims: str = ""


class PartitionLog(Struct, frozen=True, kw_only=True):
    """The topics of one partition, from their beginning; inboxes by the names of the inputs."""

    commands: Sequence[LogEntry]
    internal: Sequence[LogEntry]
    events: Sequence[LogEntry]
    inboxes: Mapping[str, Sequence[LogEntry]] = {}


def decode_entries(entries: Iterable[Entry], codec: Codec, seal: ClaimsSeal | None = None) -> list[LogEntry]:
    """Entries of a topic, each with its record. With a seal, only what bears it is from whom it says."""
    reader, found = Reader(codec), []
    for e in entries:
        record = _decode(reader, e.value)
        claims = ANONYMOUS_CLAIMS if seal is not None and not seal.is_on(e) else record.step.claims if record else ""
        found.append(LogEntry(offset=e.offset, timestamp=e.timestamp, value=e.value, record=record, claims=claims))
    return found


def decode_log(
    entries: Callable[[tuple[str, int]], Iterable[Entry]],
    partition_count: int,
    codec: Codec,
    seal: ClaimsSeal | None = None,
    inboxes: Mapping[str, str] = MappingProxyType({}),
) -> dict[int, PartitionLog]:
    """Everything on a log, by partition. `entries` gives all of a topic and a partition; `seal`: of clients.

    `inboxes`: name of the input -> claims of whoever may write there.
    """

    def inbox(place: tuple[str, int], claims: str) -> list[LogEntry]:
        return [msgspec.structs.replace(entry, claims=claims) for entry in decode_entries(entries(place), codec)]

    return {
        partition: PartitionLog(
            commands=decode_entries(entries((COMMANDS, partition)), codec, seal),
            internal=decode_entries(entries((INTERNAL, partition)), codec),
            events=decode_entries(entries((EVENTS, partition)), codec),
            inboxes={name: inbox((name, partition), claims) for name, claims in inboxes.items()},
        )
        for partition in range(1, partition_count + 1)
    }


def _decode(reader: Reader, value: bytes) -> Record | None:
    try:
        return reader.decode(value)
    except Undecodable:
        return None


class Fact(NamedTuple):
    """What a record says, as far as the model tells it too."""

    value_type: str
    intent: str
    key: int | None
    instance: int
    told: tuple[object, ...]


#: Events that have no key of a thing, or a key that nobody asks for.
KEYLESS = {
    ("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN"),
    ("VARIABLE", "CREATED"),
    ("VARIABLE", "UPDATED"),
    ("ESCALATION", "ESCALATED"),
    ("ESCALATION", "NOT_ESCALATED"),
    ("DECISION_EVALUATION", "EVALUATED"),
    ("DECISION_EVALUATION", "FAILED"),
}

#: (value type, intent) of events -> fields of the value that, together, name what is born.
BIRTHS: dict[tuple[str, str], tuple[str, ...]] = {
    ("PROCESS_INSTANCE", "ELEMENT_ACTIVATING"): ("flow_scope_key", "element_id"),
    ("JOB", "CREATED"): ("element_instance_key",),
    ("TIMER", "CREATED"): ("element_instance_key", "process_definition_key", "target_element_id"),
    ("INCIDENT", "CREATED"): ("element_instance_key",),
    ("USER_TASK", "CREATED"): ("element_instance_key",),
    ("PROCESS", "CREATED"): ("bpmn_process_id", "bpmn_version"),
    ("DECISION_REQUIREMENTS", "CREATED"): ("decision_requirements_id", "decision_requirements_version"),
    ("DECISION", "CREATED"): ("decision_id", "decision_version"),
    ("FORM", "CREATED"): ("form_id", "form_version"),
    ("SIGNAL", "BROADCASTED"): ("signal_name",),
    ("COMPENSATION_SUBSCRIPTION", "CREATED"): ("compensable_activity_instance_key",),
    ("SIGNAL_SUBSCRIPTION", "CREATED"): ("element_instance_key", "process_definition_key", "element_id"),
    ("PROCESS_MESSAGE_SUBSCRIPTION", "CREATED"): ("element_instance_key", "element_id"),
    ("MESSAGE_START_EVENT_SUBSCRIPTION", "CREATED"): ("process_definition_key", "start_event_id"),
}

#: Things of whose life the first event of each kind is remembered.
LIVES = (
    "PROCESS_INSTANCE",
    "TIMER",
    "SIGNAL_SUBSCRIPTION",
    "PROCESS_MESSAGE_SUBSCRIPTION",
    "MULTI_INSTANCE",
    "AD_HOC_SUB_PROCESS_INSTRUCTION",
    "COMPENSATION_SUBSCRIPTION",
)

Place = tuple[str, tuple[object, ...]]


def fact_of(record: Record) -> Fact:
    """What an event says."""
    value_type, intent = record.value_type, record.intent
    told = tuple(_plain(name, getattr(record.value, name)) for name in told_fields(value_type, intent))
    key = None if (value_type, intent) in KEYLESS else record.key
    return Fact(value_type, intent, key, instance_of(record), told)


def _plain(name: str, value: object) -> object:
    """Variables are compared whatever their order; messages by what they are about."""
    if name == "message":
        record = _decode(Reader(_codec()), cast(bytes, value))
        told_apart = record is not None and record.value_type in TOLD_APART
        return (record.value_type, record.intent, record.key) if record is not None and told_apart else ()
    return sorted_document(str(value)) if name == "variables" else value


@cache
def _codec() -> Codec:
    return Codec(FAMILIES)


def sorted_document(text: str) -> str:
    """A JSON object with its names in order."""
    return msgspec.json.encode(msgspec.json.decode(text or "{}"), order="sorted").decode()


def instance_of(record: Record) -> int:
    """The process instance that a record is about; -1 if it is about none, or about what lies on any partition."""
    if record.value_type.startswith(("BATCH_OPERATION", "MESSAGE_")):
        return -1
    name = "resource_key" if isinstance(record.value, HistoryDeletion) else "process_instance_key"
    return int(getattr(record.value, name, -1))


class LoggedStep(Struct, frozen=True, kw_only=True):
    """The records of one step; where its command lies is in `first.step`."""

    records: list[Record]

    @property
    def first(self) -> Record:
        return self.records[0]

    @property
    def end(self) -> int:
        """Position of the last record."""
        return self.records[-1].position

    @property
    def rejection(self) -> str:
        """The code of the rejection, or nothing."""
        return self.first.rejection_code if self.first.record_type == REJECTION else ""

    @property
    def events(self) -> list[Record]:
        return [record for record in self.records if record.record_type == EVENT]

    def find(self, value_type: str, intent: str) -> Record | None:
        """The first event of a kind."""
        return next((r for r in self.events if (r.value_type, r.intent) == (value_type, intent)), None)


def _named(record: Record) -> str:
    """The intent, with what tells events of one kind and key apart."""
    if isinstance(record.value, MultiInstance):
        return f"{record.intent} {record.value.number}"
    if isinstance(record.value, CompensationSubscription) and record.intent == "TRIGGERED":
        return f"{record.intent} {record.value.throw_event_instance_key}"
    return record.intent


class History:
    """Where the events of a partition are: by what is born, and by element instance."""

    def __init__(self, records: Iterable[Record]) -> None:
        #: what is born where -> (position, key), in order
        self._births: dict[Place, deque[tuple[int, int]]] = defaultdict(deque)
        self._moments: dict[tuple[str, int], int] = {}
        self._variables: dict[tuple[int, str, str], list[int]] = defaultdict(list)
        #: signal -> (position, how far it was given by then), one for each page
        self.pages: dict[int, list[tuple[int, int]]] = defaultdict(list)
        #: key of anything -> key of its process instance
        self.owner: dict[int, int] = {}
        self._made_up = -1_000
        for record in records:
            if record.record_type == EVENT:
                self._add(record)

    def _add(self, record: Record) -> None:
        kind = (record.value_type, record.intent)
        if kind in BIRTHS:
            place = (record.value_type, tuple(getattr(record.value, name) for name in BIRTHS[kind]))
            self._births[place].append((record.position, record.key))
        if kind == ("SIGNAL", "TRIGGERED"):
            self.pages[record.key].append((record.position, getattr(record.value, "after", -1)))
        if record.value_type in LIVES:
            self._moments.setdefault((_named(record), record.key), record.position)
        if isinstance(record.value, Variable):
            set_to = (instance_of(record), record.value.name, record.value.value)
            self._variables[set_to].append(record.position)
        if (instance := instance_of(record)) > 0:
            self.owner.setdefault(record.key, instance)

    def next_birth(self, value_type: str, *place: object) -> int:
        """Position at which the next thing is born at a place."""
        born = self._births.get((value_type, place))
        return born[0][0] if born else NEVER

    def born(self, value_type: str, *place: object, since: int = 0) -> int:
        """The key of the next thing that is born at a place; one that is made up if the log tells of none.

        `since`: what was born there before this position is passed over.
        """
        born = self._births.get((value_type, place))
        while born and born[0][0] < since:
            born.popleft()
        if born:
            return born.popleft()[1]
        self._made_up -= 1
        return self._made_up

    def moment(self, intent: str, key: int) -> int:
        """Position of an event in the life of an element instance, or of something that it waits for."""
        return self._moments.get((intent, key), NEVER)

    def variable_set(self, instance: int, name: str, value: str, since: int) -> int:
        """Position, not before `since`, at which a variable of an instance gets this value, a JSON text."""
        found = self._variables.get((instance, name, value), ())
        return next((position for position in found if position >= since), NEVER)


def steps_of(events: Sequence[LogEntry]) -> Iterator[LoggedStep]:
    """Whole steps, in order. Raises ValueError for a record that cannot be read."""
    records: list[Record] = []
    for entry in events:
        if entry.record is None:
            raise ValueError(f"expected a record at offset {entry.offset} of events, got something unreadable")
        if records and entry.record.step != records[0].step:
            yield LoggedStep(records=records)
            records = []
        records.append(entry.record)
    if records:
        yield LoggedStep(records=records)
