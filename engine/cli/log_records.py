"""Records for the eye and for programs: a short line, a JSON document, and whether a record is wanted."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from engine.core.record import NONE, REJECTION, Record

from .log_reading import Found

if TYPE_CHECKING:
    from .log import RecordOptions

#: Fields that say nothing that the rest of the line does not.
SILENT_FIELDS = {
    "tenant_id",
    "process_definition_key",
    "bpmn_version",
    "root_process_instance_key",
    "flow_scope_key",
    "element_instance_key",
    "batch_operation_type",
    "kind",
    "custom_headers",
}

#: The names that come most often, shorter.
SHORT_NAMES = {
    "process_instance_key": "instance",
    "bpmn_process_id": "process",
    "element_id": "element",
    "batch_operation_key": "batch",
}

#: Longer values are cut in a line.
VALUE_SIZE_MAX = 40
LINE_SIZE_MAX = 180

#: In the order of the columns: commands wish, events tell, rejections refuse.
MARKS = {"COMMAND": "C", "EVENT": "E", REJECTION: "R"}


def selects(wanted: RecordOptions, found: Found) -> bool:
    """Whether a record is one of those that the options ask for."""
    record = found.record
    if record is None:
        return not (wanted.value_type or wanted.intent or wanted.key or wanted.instance)
    if wanted.value_type and record.value_type not in [name.upper() for name in wanted.value_type]:
        return False
    if wanted.intent and record.intent not in [name.upper() for name in wanted.intent]:
        return False
    if wanted.key is not None and record.key != wanted.key:
        return False
    return wanted.instance is None or wanted.instance in (record.key, _instance_of(record))


def _instance_of(record: Record) -> int:
    return int(getattr(record.value, "process_instance_key", NONE))


def describe(found: Found) -> str:
    """Partition and position, time, kind, type and intent, key, and what matters of the value."""
    record = found.record
    if record is None:
        place = f"{found.partition}/@{found.entry.offset}"
        return f"{place:<9} {_time(found.entry.timestamp)} ? UNREADABLE {found.problem}"
    place = f"{found.partition}/{record.position if record.position != NONE else f'@{found.entry.offset}'}"
    time = _time(record.step.timestamp or found.entry.timestamp)
    words = [f"{place:<9} {time} {MARKS[record.record_type]} {record.value_type} {record.intent}"]
    if record.key != NONE:
        words.append(str(record.key))
    if record.record_type == REJECTION:
        words.append(f"{record.rejection_code}: {record.rejection_reason}")
    else:
        words += [f"{name}={text}" for name, text in _facts(record)]
    return _cut(" ".join(" ".join(words).split("\n")), LINE_SIZE_MAX)


def _facts(record: Record) -> list[tuple[str, str]]:
    """The fields that differ from their defaults and from the record's key."""
    facts = []
    for field in msgspec.structs.fields(record.value):
        given = getattr(record.value, field.name)
        if given not in (field.default, NONE, record.key) and field.name not in SILENT_FIELDS:
            facts.append((SHORT_NAMES.get(field.name, field.name), _short(given)))
    return facts


def _short(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)}_bytes"
    if isinstance(value, tuple):
        return f"[{len(value)}]" if len(value) > 1 or isinstance(value[0], Struct) else str(value[0])
    if isinstance(value, Struct):
        return type(value).__name__
    return _cut(str(value), VALUE_SIZE_MAX)


def _cut(text: str, size_max: int) -> str:
    return text if len(text) <= size_max else text[: size_max - 1] + "…"


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def to_document(found: Found) -> dict[str, Any]:
    """The whole record: names as in the schemas, keys and bytes (base64) as texts."""
    place = {"partitionId": found.partition, "offset": found.entry.offset, "logTimestamp": found.entry.timestamp}
    record = found.record
    if record is None:
        return {**place, "problem": found.problem, "raw": _base64(found.entry.value)}
    fields = {field.name: getattr(record, field.name) for field in msgspec.structs.fields(record)}
    step, value = fields.pop("step"), fields.pop("value")
    step_fields = _document(step)
    step_fields.pop("partitionId")
    own = {_camel(name): to_plain(name, given) for name, given in fields.items()}
    return {**place, **own, **step_fields, "value": _document(value)}


def _document(value: Struct) -> dict[str, Any]:
    return {
        _camel(field.name): to_plain(field.name, getattr(value, field.name)) for field in msgspec.structs.fields(value)
    }


def to_plain(name: str, value: Any) -> Any:
    """Keys as texts: programs that know numbers as floating point only would change them."""
    if isinstance(value, Struct):
        return _document(value)
    if isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, tuple | list):
        return [to_plain(name, one) for one in value]
    if isinstance(value, dict):
        return {str(one): to_plain(name, inner) for one, inner in value.items()}
    if name == "key" or name.endswith(("_key", "_keys")):
        return str(value)
    return value


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
