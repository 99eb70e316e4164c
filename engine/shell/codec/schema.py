"""Avro schemas as values: parsing, canonical form, fingerprint, and comparison with the Struct that mirrors one.

Covers what the project's schemas use: records of long, int, boolean, string, bytes, double, arrays and records. The
rest is refused by name when a schema is read. Source: Avro 1.12 specification, "Schema Declaration", "Parsing
Canonical Form for Schemas" and "Schema Fingerprints".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

#: Avro name of a scalar type -> type of its values here
SCALARS: dict[str, type] = {"long": int, "int": int, "boolean": bool, "string": str, "bytes": bytes, "double": float}

#: Fewest bytes that a value of a scalar type takes.
SCALAR_SIZES_MIN = {"long": 1, "int": 1, "boolean": 1, "string": 1, "bytes": 1, "double": 8}


#: Field names become part of generated source.
_NAME = re.compile("[a-z][A-Za-z0-9]*")


class SchemaError(ValueError):
    """A schema is not one that the codec can serve."""


class Scalar(Struct, frozen=True):
    """A primitive type, by its Avro name."""

    name: str


class Array(Struct, frozen=True):
    items: Type


class RecordType(Struct, frozen=True):
    """A record; `name` is the full name."""

    name: str
    doc: str
    fields: tuple[Field, ...]


class Field(Struct, frozen=True):
    """A field of a record: `name` in Avro, `attribute` in the Struct; `default` is NODEFAULT if the schema has none."""

    name: str
    attribute: str
    type: Type
    default: object
    doc: str


Type: TypeAlias = Scalar | Array | RecordType


def parse(text: str) -> RecordType:
    """Read the text of a schema file. Raises SchemaError saying what is expected instead."""
    try:
        declared = json.loads(text)
    except ValueError as error:
        raise SchemaError(f"expected the JSON text of an Avro record, got {error}") from None
    try:
        parsed = _parse_type(declared, "", {})
    except KeyError as error:
        raise SchemaError(f"expected the attribute {error} of every record, field and array, got none") from None
    if not isinstance(parsed, RecordType):
        raise SchemaError(f"expected an Avro record, got {declared!r:.80}")
    return parsed


def snake_case(name: str) -> str:
    """`stepCount` -> `step_count`."""
    return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)


def size_min(kind: Type) -> int:
    """The fewest bytes that a value of this type takes."""
    if isinstance(kind, Scalar):
        return SCALAR_SIZES_MIN[kind.name]
    if isinstance(kind, Array):
        return 1
    return sum(size_min(field.type) for field in kind.fields)


def _parse_type(declared: Any, namespace: str, known: dict[str, RecordType]) -> Type:
    if isinstance(declared, str):
        if declared in SCALARS:
            return Scalar(declared)
        named = known.get(_full_name(declared, namespace))
        if named is None:
            raise SchemaError(f"expected one of {', '.join(SCALARS)} or a record declared before, got {declared!r}")
        return named
    kind = declared.get("type") if isinstance(declared, dict) else None
    if kind == "array":
        items = _parse_type(declared["items"], namespace, known)
        if size_min(items) == 0:
            raise SchemaError("expected array items of at least one byte, got an empty record; count them instead")
        return Array(items)
    if kind == "record":
        return _parse_record(declared, namespace, known)
    if isinstance(kind, str) and "logicalType" not in declared:
        return _parse_type(kind, namespace, known)
    raise SchemaError(f"expected a scalar, an array or a record, got {declared!r:.120}")


def _parse_record(declared: dict[str, Any], namespace: str, known: dict[str, RecordType]) -> RecordType:
    full_name = _full_name(declared["name"], declared.get("namespace", namespace))
    inner = full_name.rpartition(".")[0]
    fields = []
    for field in declared["fields"]:
        if not _NAME.fullmatch(field["name"]):
            raise SchemaError(f"{full_name}: expected a field name in camelCase, got {field['name']!r}")
        kind = _parse_type(field["type"], inner, known)
        default = _default(kind, field["default"]) if "default" in field else NODEFAULT
        fields.append(Field(field["name"], snake_case(field["name"]), kind, default, field.get("doc", "")))
    known[full_name] = RecordType(full_name, declared.get("doc", ""), tuple(fields))
    return known[full_name]


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _default(kind: Type, declared: Any) -> object:
    """A default of the schema as the Struct has it: bytes, tuples, and for a record its fields by attribute."""
    if isinstance(kind, Array):
        return tuple(_default(kind.items, item) for item in declared)
    if isinstance(kind, RecordType):
        return {
            field.attribute: _default(field.type, declared[field.name]) if field.name in declared else field.default
            for field in kind.fields
        }
    return declared.encode("latin-1") if kind.name == "bytes" else declared


def canonical_form(schema: RecordType) -> str:
    """Avro's Parsing Canonical Form: what matters to a reader of the bytes, without docs and defaults."""
    return json.dumps(_canonical(schema, set()), separators=(",", ":"), ensure_ascii=False)


def _canonical(kind: Type, seen: set[str]) -> object:
    if isinstance(kind, Scalar):
        return kind.name
    if isinstance(kind, Array):
        return {"type": "array", "items": _canonical(kind.items, seen)}
    if kind.name in seen:
        return kind.name
    seen.add(kind.name)
    fields = [{"name": field.name, "type": _canonical(field.type, seen)} for field in kind.fields]
    return {"name": kind.name, "type": "record", "fields": fields}


_CRC_EMPTY = 0xC15D213AA4D7A795


def _crc_table() -> tuple[int, ...]:
    table = []
    for entry in range(256):
        for _ in range(8):
            entry = (entry >> 1) ^ (_CRC_EMPTY if entry & 1 else 0)
        table.append(entry)
    return tuple(table)


_CRC_TABLE = _crc_table()


def fingerprint(schema: RecordType) -> int:
    """CRC-64-AVRO of the canonical form, as an unsigned number."""
    crc = _CRC_EMPTY
    table = _CRC_TABLE
    for byte in canonical_form(schema).encode():
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc


def differences(fields: Iterable[Field], struct: type[Struct]) -> list[str]:
    """Where a Struct cannot carry these fields: names and their order, types. Empty if it can.

    Defaults are no part of the bytes; `default_differences` compares them.
    """
    expected = {field.attribute: field for field in fields}
    actual = {field.name: field for field in msgspec.structs.fields(struct)}
    if list(expected) != list(actual):
        return [f"{struct.__name__}: expected the fields {list(expected)}, got {list(actual)}; write the same in order"]
    found = []
    for attribute, field in expected.items():
        found += _type_differences(field.type, actual[attribute].type, f"{struct.__name__}.{attribute}")
    return found


def default_differences(fields: Iterable[Field], struct: type[Struct]) -> list[str]:
    """Where a Struct whose names and types fit has other defaults than these fields, nested records included."""
    actual = {field.name: field for field in msgspec.structs.fields(struct)}
    found = []
    for field in fields:
        default = _struct_default(actual[field.attribute])
        if (type(default), default) != (type(field.default), field.default):
            place = f"{struct.__name__}.{field.attribute}"
            found.append(f"{place}: expected the default {field.default!r}, got {default!r}; write the schema's")
        kind = field.type
        while isinstance(kind, Array):
            kind = kind.items
        if isinstance(kind, RecordType):
            found += default_differences(kind.fields, item_struct(struct, field.attribute))
    return found


def _type_differences(kind: Type, actual: Any, place: str) -> list[str]:
    if isinstance(kind, RecordType):
        if isinstance(actual, type) and issubclass(actual, Struct):
            return differences(kind.fields, actual)
        return [f"{place}: expected a Struct for the record {kind.name}, got {actual}"]
    if isinstance(kind, Array):
        if get_origin(actual) is tuple and get_args(actual)[1:] == (...,):
            return _type_differences(kind.items, get_args(actual)[0], place)
        return [f"{place}: expected tuple[..., ...] for an array, got {actual}"]
    expected = SCALARS[kind.name]
    return [] if actual is expected else [f"{place}: expected {expected.__name__} for {kind.name}, got {actual}"]


def _struct_default(field: msgspec.structs.FieldInfo) -> object:
    default = field.default
    if default is NODEFAULT and field.default_factory is not NODEFAULT:
        default = field.default_factory()
    return msgspec.structs.asdict(default) if isinstance(default, Struct) else default


def item_struct(struct: type[Struct], attribute: str) -> type[Struct]:
    """The Struct of the records in a field of `struct`: of its items if the field is an array."""
    hint = get_type_hints(struct)[attribute]
    while get_origin(hint) is tuple:
        hint = get_args(hint)[0]
    if not (isinstance(hint, type) and issubclass(hint, Struct)):
        raise SchemaError(f"{struct.__name__}.{attribute}: expected a Struct for a record, got {hint}")
    return hint
