"""Commands as people and programs write them: one JSON object a line, checked against the schemas.

    {"valueType": "JOB", "intent": "COMPLETE", "key": "2251799813685261", "value": {"variables": "{}"}}

Names are those of the schemas; keys and other whole numbers may be texts, bytes are base64. All problems of a line are
found at once. Rule: what leaves here is a command that a client may send, on a partition where it can be decided.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.faults import BadRequest
from engine.core.ports import VALUE_SIZE_MAX
from engine.core.record import NONE, Record, Step, command, partition_of, partition_of_name
from engine.records import FAMILIES
from engine.records.intents import INTENTS
from engine.shell.codec import Codec
from engine.shell.codec.schema import Array, Field, RecordType, Scalar, Type, item_struct
from engine.shell.codec.wire import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN
from engine.shell.trace_context import parse

#: What a line may have.
NAMES = ("valueType", "intent", "key", "partition", "value", "idempotencyKey", "operationReference", "traceContext")

#: Families whose commands make something that has no key yet; all others are about a key.
MESSAGES = ("MESSAGE", "MESSAGE_CORRELATION")
#: Families that one partition decides about, whatever the key.
ON_FIRST_PARTITION = ("DEPLOYMENT", "USER", "GROUP", "AUTHORIZATION")
WITHOUT_KEY = (
    *ON_FIRST_PARTITION,
    *("PROCESS_INSTANCE_CREATION", "JOB_BATCH", "BATCH_OPERATION_CREATION"),
    *MESSAGES,
)
#: The command about items that no batch operation is made for.
AT_ONCE = ("BATCH_OPERATION_CREATION", "EXECUTE")
FIRST_PARTITION = 1

Problems = list[str]


class Wish(Struct, frozen=True, kw_only=True):
    """A command of a line, not yet encoded. `partition`: 0 if any will do."""

    place: str
    record: Record
    partition: int


class CommandLines:
    """Reads lines for an installation of so many partitions. `request` gives each command a name of its own.

    `claims`: whose commands they are.
    """

    def __init__(self, codec: Codec, partition_count: int, request: Callable[[], str], claims: str) -> None:
        self._codec = codec
        self._partition_count = partition_count
        self._request = request
        self._claims = claims

    def read(self, place: str, line: bytes) -> tuple[Wish | None, Sequence[str]]:
        """The command of a line, or what is wrong with it. `place` names the line."""
        try:
            document = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return None, [f"expected one JSON object on the line, got: {error}"]
        if not isinstance(document, dict):
            return None, [f"expected one JSON object on the line, got {_shown(document)}"]
        problems: Problems = [
            f"{name}: expected one of {', '.join(NAMES)}, got another name" for name in document if name not in NAMES
        ]
        wish = self._wish(place, document, problems)
        return (None, problems) if problems or wish is None else (wish, [])

    def _wish(self, place: str, document: dict[str, Any], problems: Problems) -> Wish | None:
        value_type = _one_of(document, "valueType", _families(), problems)
        key = _key(document, problems)
        idempotency_key, trace_context = (
            _text(document, name, problems) for name in ("idempotencyKey", "traceContext")
        )
        if trace_context and parse(trace_context) is None:
            problems.append(f"traceContext: expected a W3C traceparent, got {_shown(trace_context)}")
        reference = _number(document.get("operationReference", NONE), "operationReference", NONE, LONG_MAX, problems)
        asked = _number(document.get("partition", 0), "partition", 0, self._partition_count, problems)
        if value_type is None:
            return None
        intent = _one_of(document, "intent", INTENTS[value_type].commands, problems)
        value = self._value(value_type, document.get("value", {}), problems)
        partition = self._partition(value_type, key, asked, problems)
        if problems or value is None or intent is None or key is None:
            return None
        step = Step(
            claims=self._claims,
            request=self._request(),
            idempotency_key=idempotency_key,
            trace_context=trace_context,
            operation_reference=reference,
        )
        record = command(value_type, intent, value, key=key, step=step)
        self._check_size(record, problems)
        if (value_type, intent) == AT_ONCE:
            partition = self._partition_of_items(value, partition, problems)
        partition = partition or self._partition_for(value_type, value, step.idempotency_key)
        return Wish(place=place, record=record, partition=partition)

    def _value(self, value_type: str, document: object, problems: Problems) -> Struct | None:
        return _record(self._codec.value_fields(value_type), FAMILIES[value_type], document, "value", problems)

    def _partition(self, value_type: str, key: int | None, asked: int, problems: Problems) -> int:
        if value_type in WITHOUT_KEY:
            return asked or (FIRST_PARTITION if value_type in ON_FIRST_PARTITION else 0)
        if key is None:
            return 0
        home = partition_of(key)
        if key == NONE:
            problems.append(f"key: expected the key of what {value_type} is about, got none")
        elif not 1 <= home <= self._partition_count:
            problems.append(f"key: expected a key of the partitions 1 to {self._partition_count}, got {key}")
        elif asked not in (0, home):
            problems.append(f"partition: expected {home}, where key {key} lives, or none, got {asked}")
        return home

    def _partition_of_items(self, value: Struct, asked: int, problems: Problems) -> int:
        """The one where all items live, of a list that is done at once; the one asked for if there are none."""
        homes = {partition_of(key) for key in getattr(value, "item_keys", ())}
        if not homes:
            return asked
        if len(homes) > 1 or not 1 <= min(homes) <= self._partition_count:
            expected = f"expected keys of one of the partitions 1 to {self._partition_count}"
            problems.append(f"value.itemKeys: {expected}, got some of {', '.join(map(str, sorted(homes)))}")
        elif asked not in (0, min(homes)):
            problems.append(f"partition: expected {min(homes)}, where the items live, or none, got {asked}")
        return min(homes)

    def _partition_for(self, value_type: str, value: Struct, idempotency_key: str) -> int:
        """What has a name must find the partition that knows it, as the gateway finds it."""
        if value_type in MESSAGES:
            return partition_of_name(getattr(value, "correlation_key", ""), self._partition_count)
        name = getattr(value, "business_id", "") or idempotency_key
        return partition_of_name(name, self._partition_count) if name else 0

    def _check_size(self, record: Record, problems: Problems) -> None:
        try:
            size = len(self._codec.encode(record))
        except BadRequest as error:
            problems.append(error.message)
        else:
            if size > VALUE_SIZE_MAX:
                problems.append(f"expected a command of at most {VALUE_SIZE_MAX} bytes, got {size}; make it smaller")


def _families() -> tuple[str, ...]:
    return tuple(name for name, intents in INTENTS.items() if intents.commands)


def _one_of(document: dict[str, Any], name: str, known: Sequence[str], problems: Problems) -> str | None:
    given = document.get(name)
    if isinstance(given, str) and given in known:
        return given
    problems.append(f"{name}: expected one of {', '.join(known)}, got {_shown(given)}")
    return None


def _key(document: dict[str, Any], problems: Problems) -> int | None:
    """None: something is given that is no key."""
    before = len(problems)
    key = _number(document.get("key", NONE), "key", NONE, LONG_MAX, problems)
    return key if len(problems) == before else None


def _text(document: dict[str, Any], name: str, problems: Problems) -> str:
    given = document.get(name, "")
    if isinstance(given, str):
        return given
    problems.append(f"{name}: expected a text, got {_shown(given)}")
    return ""


def _number(given: object, place: str, low: int, high: int, problems: Problems) -> int:
    number = given
    if isinstance(given, str) and given.removeprefix("-").isdecimal():
        number = int(given)
    if isinstance(number, int) and not isinstance(number, bool) and low <= number <= high:
        return number
    problems.append(f"{place}: expected a whole number from {low} to {high}, got {_shown(given)}")
    return low


def _record(
    fields: Sequence[Field], struct: type[Struct], given: object, place: str, problems: Problems
) -> Struct | None:
    """The Struct of an object with these fields; what is left out has its default."""
    if not isinstance(given, dict):
        problems.append(f"{place}: expected an object, got {_shown(given)}")
        return None
    known = {field.name: field for field in fields}
    problems += [
        f"{place}.{name}: expected one of {', '.join(known)}, got another name" for name in given if name not in known
    ]
    before = len(problems)
    values = {
        known[name].attribute: _value(known[name].type, struct, known[name].attribute, one, f"{place}.{name}", problems)
        for name, one in given.items()
        if name in known
    }
    return struct(**values) if len(problems) == before else None


def _value(kind: Type, struct: type[Struct], attribute: str, given: object, place: str, problems: Problems) -> Any:
    if isinstance(kind, RecordType):
        return _record(kind.fields, item_struct(struct, attribute), given, place, problems)
    if isinstance(kind, Array):
        if not isinstance(given, list):
            problems.append(f"{place}: expected a list, got {_shown(given)}")
            return ()
        items = enumerate(given)
        return tuple(_value(kind.items, struct, attribute, one, f"{place}[{i}]", problems) for i, one in items)
    return _scalar(kind, given, place, problems)


def _scalar(kind: Scalar, given: object, place: str, problems: Problems) -> Any:
    match kind.name, given:
        case "long", _:
            return _number(given, place, LONG_MIN, LONG_MAX, problems)
        case "int", _:
            return _number(given, place, INT_MIN, INT_MAX, problems)
        case "string", dict() | list():
            problems.append(
                f"{place}: expected a text, got {_shown(given)}; write JSON into a text, its quotes escaped"
            )
        case ("string", str()) | ("boolean", bool()):
            return given
        case "double", float() | int() if not isinstance(given, bool):
            return float(given)
        case "bytes", str():
            return _bytes(given, place, problems)
        case _:
            expected = {"string": "a text", "boolean": "true or false", "double": "a number", "bytes": "base64"}
            problems.append(f"{place}: expected {expected[kind.name]}, got {_shown(given)}")
    return None


def _bytes(given: str, place: str, problems: Problems) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error as error:
        problems.append(f"{place}: expected base64, got {_shown(given)}: {error}")
        return b""


def _shown(value: object) -> str:
    text = "nothing" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
