"""The generator beyond the families: every type that schemas may use, values with a schema of their own, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from codec_values import as_builtins, judge_decode, judge_encode, structs
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from engine.core.faults import BadRequest
from engine.shell.codec import SchemaError, Undecodable, ValueCodec
from engine.shell.codec.framing import PREFIX_SIZE, prefix_of
from engine.shell.codec.schema import parse


class Point(Struct, frozen=True, kw_only=True):
    x: float = 0.0
    labels: tuple[str, ...] = ()


class Shape(Struct, frozen=True, kw_only=True):
    center: Point = Point()
    points: tuple[Point, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    visible: tuple[bool, ...] = ()
    digest: bytes = b""
    contents: tuple[bytes, ...] = ()
    weights: tuple[float, ...] = ()
    size: int = 0


class Nothing(Struct, frozen=True, kw_only=True):
    pass


def text_of(name: str, fields: list[tuple[str, Any, Any]]) -> str:
    declared = [{"name": field, "type": kind, "default": default} for field, kind, default in fields]
    return json.dumps({"type": "record", "name": name, "namespace": "test", "fields": declared})


POINT = json.loads(text_of("Point", [("x", "double", 0.0), ("labels", {"type": "array", "items": "string"}, [])]))
SHAPE_FIELDS = [
    ("center", POINT, {}),
    ("points", {"type": "array", "items": "Point"}, []),
    ("rows", {"type": "array", "items": {"type": "array", "items": "int"}}, []),
    ("visible", {"type": "array", "items": "boolean"}, []),
    ("digest", "bytes", ""),
    ("contents", {"type": "array", "items": "bytes"}, []),
    ("weights", {"type": "array", "items": "double"}, []),
    ("size", {"type": "long"}, 0),
]
SHAPE = text_of("Shape", SHAPE_FIELDS)
SHAPES = ValueCodec(SHAPE, Shape)
SCHEMA = parse(SHAPE)


@settings(max_examples=100, deadline=None)
@given(structs(SCHEMA.fields, Shape))
def test_all_types_are_written_as_fastavro_does_and_come_back(shape: Shape) -> None:
    encoded = SHAPES.encode(shape)
    expected = as_builtins(SCHEMA, shape)
    assert encoded == prefix_of(SHAPES.fingerprint) + judge_encode(SHAPE, expected)
    assert judge_decode(SHAPE, encoded) == expected
    assert SHAPES.decode(encoded) == shape
    for size in range(0, len(encoded), 7):
        with pytest.raises(Undecodable):
            SHAPES.decode(encoded[:size])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_garbage_is_undecodable_or_a_value(body: bytes) -> None:
    try:
        shape = SHAPES.decode(prefix_of(SHAPES.fingerprint) + body)
    except Undecodable:
        return
    assert isinstance(shape, Shape)


def test_a_value_without_fields_is_its_fingerprint_alone() -> None:
    codec = ValueCodec(text_of("Nothing", []), Nothing)
    encoded = codec.encode(Nothing())
    assert len(encoded) == PREFIX_SIZE
    assert codec.decode(encoded) == Nothing()
    with pytest.raises(Undecodable, match="1 bytes more"):
        codec.decode(encoded + b"\x00")


def test_another_schema_is_named() -> None:
    with pytest.raises(Undecodable, match=r"test\.Shape"):
        SHAPES.decode(ValueCodec(text_of("Nothing", []), Nothing).encode(Nothing()))


def test_values_of_an_older_schema_take_the_defaults() -> None:
    older = text_of("Shape", SHAPE_FIELDS[:2])
    body = judge_encode(older, {"center": {"x": 2.0, "labels": ["a"]}, "points": []})
    data = prefix_of(ValueCodec(older, _older_struct()).fingerprint) + body
    assert ValueCodec(SHAPE, Shape, [older]).decode(data) == Shape(center=Point(x=2.0, labels=("a",)))


def _older_struct() -> type[Struct]:
    class Older(Struct, frozen=True, kw_only=True):
        center: Point = Point()
        points: tuple[Point, ...] = ()

    return Older


def test_what_does_not_fit_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="9223372036854775808"):
        SHAPES.encode(Shape(size=1 << 63))
    with pytest.raises(BadRequest, match="2147483648"):
        SHAPES.encode(Shape(rows=((1, 1 << 31),)))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([("size", "long", 0)], "expected the fields"),
        ([*SHAPE_FIELDS[:4], ("digest", "string", ""), *SHAPE_FIELDS[5:]], "digest: expected str for string"),
        ([*SHAPE_FIELDS[:-1], ("size", "boolean", False)], "size: expected bool for boolean"),
        ([*SHAPE_FIELDS[:-1], ("size", {"type": "array", "items": "long"}, [])], r"size: expected tuple\["),
        ([*SHAPE_FIELDS[:-1], ("size", POINT | {"name": "Other"}, {})], "size: expected a Struct"),
    ],
)
def test_a_struct_that_is_no_mirror_is_refused(fields: list[tuple[str, Any, Any]], reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        ValueCodec(text_of("Shape", fields), Shape)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "expected the JSON text"),
        ('"long"', "expected an Avro record"),
        ("[]", "expected a scalar, an array or a record"),
        ('{"type": "record", "fields": []}', "expected the attribute 'name'"),
        ('{"type": "record", "name": "A"}', "expected the attribute 'fields'"),
        (text_of("A", [("a", "float", 0)]), "got 'float'"),
        (text_of("A", [("a", ["null", "long"], None)]), "expected a scalar, an array or a record"),
        (text_of("A", [("a", {"type": "long", "logicalType": "timestamp-millis"}, 0)]), "logicalType"),
        (text_of("A", [("a", {"type": "enum", "name": "E", "symbols": ["X"]}, "X")]), "got 'enum'"),
        (text_of("A", [("a", {"type": "array", "items": "A"}, [])]), "got 'A'"),
        (text_of("A", [("a", {"type": "array", "items": json.loads(text_of("B", []))}, [])]), "at least one byte"),
        (text_of("A", [("a=1", "long", 0)]), "camelCase"),
    ],
)
def test_schemas_beyond_what_the_codec_serves_are_refused(text: str, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        parse(text)
