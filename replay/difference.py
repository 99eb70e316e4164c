"""The first difference between what the log says and what this build decides, field by field.

Its JSON form is in the README of this folder. Must not know how anything is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

import msgspec
from msgspec import Struct

from engine.core.record import NONE, Record

from .report import shown

#: Fields that a difference lists.
FIELDS_MAX = 50

ABSENT = "nothing"


class FieldDifference(Struct, frozen=True, kw_only=True, rename="camel"):
    """One field, by its path, such as `value.items[3].item_key`; what the log says and what came."""

    field: str
    expected: str
    got: str


class CommandPlace(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the command lies, and what it is: value type, intent and key, or `unreadable`."""

    topic: str
    offset: int
    command: str


class Difference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What differs first on a partition. `position`: of the record, or where one was expected; -1: unknown."""

    text: str
    position: int = NONE
    command: CommandPlace | None = None
    fields: Sequence[FieldDifference] = ()


class Differs(Exception):
    """Ends the comparison of a partition: everything behind the first difference would differ as well."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.text)
        self.difference = difference


class Written(Struct, frozen=True):
    """A record with the headers that it has on the log."""

    record: Record
    headers: Mapping[str, str]


def first_difference(expected: Sequence[Written], got: Sequence[Written]) -> tuple[int, Sequence[FieldDifference]]:
    """Index in the step and the fields of the first record that differs; both are the records of one step.

    What the records share (such as how many they are) is named only where nothing else differs.
    """
    for index, (wanted, came) in enumerate(zip_longest(expected, got)):
        fields = list(_own_differences(wanted, came))
        if fields:
            return index, [*fields, *_count_difference(expected, got)][:FIELDS_MAX]
    fields = list(_differences("", msgspec.structs.asdict(expected[0].record.step), _step_of(got[0])))
    return 0, fields[:FIELDS_MAX]


def describe(record: Record | None) -> str:
    """What a record is, in a few words."""
    if record is None:
        return ABSENT
    key = "" if record.key == NONE else f" {record.key}"
    refusal = f" rejected as {record.rejection_code}" if record.rejection_code else ""
    return f"{record.value_type} {record.intent}{key}{refusal}"


def _own_differences(wanted: Written | None, came: Written | None) -> Iterator[FieldDifference]:
    """Of one record without what it shares with the others of its step."""
    if wanted is None or came is None or _kind(wanted) != _kind(came):
        expected, got = (describe(one.record if one else None) for one in (wanted, came))
        yield FieldDifference(field="record", expected=expected, got=got)
        return
    yield from _differences("", _own(wanted.record), _own(came.record))
    yield from _differences("headers", dict(wanted.headers), dict(came.headers))


def _count_difference(expected: Sequence[Written], got: Sequence[Written]) -> Iterator[FieldDifference]:
    if len(expected) != len(got):
        yield FieldDifference(field="step_count", expected=str(len(expected)), got=str(len(got)))


def _kind(written: Written) -> tuple[str, str, str]:
    record = written.record
    return record.record_type, record.value_type, record.intent


def _own(record: Record) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__ if name != "step"}


def _step_of(written: Written) -> dict[str, object]:
    return msgspec.structs.asdict(written.record.step)


def _differences(path: str, expected: object, got: object) -> Iterator[FieldDifference]:
    """Walks Structs, mappings and tuples down to the values that differ."""
    if type(expected) is type(got):
        if isinstance(expected, Struct):
            expected, got = msgspec.structs.asdict(expected), msgspec.structs.asdict(got)  # type: ignore[arg-type]
        if isinstance(expected, dict) and isinstance(got, dict):
            for name in [*expected, *(name for name in got if name not in expected)]:
                below = f"{path}.{name}" if path else str(name)
                yield from _differences(below, expected.get(name, _NOTHING), got.get(name, _NOTHING))
            return
        if isinstance(expected, tuple) and isinstance(got, tuple):
            for index, (one, other) in enumerate(zip_longest(expected, got, fillvalue=_NOTHING)):
                yield from _differences(f"{path}[{index}]", one, other)
            return
    if expected != got:
        yield FieldDifference(field=path, expected=_text(expected), got=_text(got))


class _Nothing:
    """Stands for a field or an element that is not there."""


_NOTHING = _Nothing()


def _text(value: object) -> str:
    return ABSENT if value is _NOTHING else shown(value)
