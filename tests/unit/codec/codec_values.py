"""What the codec's tests share: random Structs made from the schemas, and fastavro as the judge."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import fastavro
from hypothesis import strategies as st
from msgspec import Struct

from engine.core.record import Record, Step
from engine.records import FAMILIES
from engine.shell.codec import Codec
from engine.shell.codec.codec import layout_of
from engine.shell.codec.framing import PREFIX_SIZE
from engine.shell.codec.schema import Array, Field, RecordType, Scalar, Type, item_struct, parse

CODEC = Codec(FAMILIES)
SCHEMAS = {value_type: parse(text) for value_type, text in CODEC.schema_texts.items()}
VALUE_TYPES = sorted(FAMILIES)

LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
#: Around the powers of two: varints of every length.
POWERS = st.builds(lambda bits, near: (1 << bits) + near, st.integers(0, 62), st.integers(-1, 1))
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    # keys of the first partitions take eight bytes, the length that has a cache of its own
    "long": st.one_of(
        LONGS, POWERS, st.integers(-70, 70), st.integers(1 << 51, (1 << 51) + 20), st.integers(1 << 55, 1 << 59)
    ),
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "boolean": st.booleans(),
    "string": st.one_of(st.text(max_size=8), st.text(min_size=55, max_size=70)),
    "bytes": st.one_of(st.binary(max_size=8), st.binary(min_size=60, max_size=70)),
    "double": st.floats(allow_nan=False),
}


def values_of(kind: Type, field: Field, struct: type[Struct]) -> st.SearchStrategy[Any]:
    if isinstance(kind, Scalar):
        return SCALARS[kind.name]
    if isinstance(kind, Array):
        return st.lists(values_of(kind.items, field, struct), max_size=3).map(tuple)
    return structs(kind.fields, item_struct(struct, field.attribute))


def structs(fields: tuple[Field, ...], struct: type[Struct]) -> st.SearchStrategy[Any]:
    """Random Structs with any values that the schema allows."""
    return st.builds(struct, **{field.attribute: values_of(field.type, field, struct) for field in fields})


@cache
def steps() -> st.SearchStrategy[Step]:
    layout = layout_of(SCHEMAS[VALUE_TYPES[0]])
    return structs(tuple(layout.step), Step)


@cache
def records(value_type: str) -> st.SearchStrategy[Record]:
    layout = layout_of(SCHEMAS[value_type])
    metadata = {field.attribute: values_of(field.type, field, Record) for field in (*layout.numbers, *layout.own)}
    value = structs(tuple(layout.value), FAMILIES[value_type])
    return st.builds(Record, step=steps(), value_type=st.just(value_type), value=value, **metadata)


def as_builtins(kind: Type, value: Any) -> Any:
    """A value as fastavro has it: records are dicts by Avro name."""
    if isinstance(kind, Array):
        return [as_builtins(kind.items, item) for item in value]
    if isinstance(kind, RecordType):
        return {field.name: as_builtins(field.type, getattr(value, field.attribute)) for field in kind.fields}
    return value


def record_as_builtins(record: Record) -> dict[str, Any]:
    layout = layout_of(SCHEMAS[record.value_type])
    found: dict[str, Any] = {}
    for owner, fields in (
        (record, (*layout.numbers, *layout.own)),
        (record.step, layout.step),
        (record.value, layout.value),
    ):
        found |= {field.name: as_builtins(field.type, getattr(owner, field.attribute)) for field in fields}
    return found


def judge_encode(schema_text: str, value: object) -> bytes:
    """The body that fastavro writes."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, json.loads(schema_text), value)
    return buffer.getvalue()


def judge_decode(schema_text: str, data: bytes) -> Any:
    """What fastavro reads in the body of our bytes."""
    return fastavro.schemaless_reader(io.BytesIO(data[PREFIX_SIZE:]), json.loads(schema_text), None)


def example(value_type: str = "PROCESS_INSTANCE") -> Record:
    """A record with something in most fields."""
    step = Step(partition_id=3, step_count=2, timestamp=1_790_000_000_000, source_input="commands", build="1.0")
    value = FAMILIES[value_type]()
    return Record(
        position=70_000, index=1, step=step, intent="CREATED", key=3 << 51, value_type=value_type, value=value
    )
