"""Encoders as Python source, generated from a schema: one expression a record, every part a lookup.

Encoders trust the Struct (the type checker does that work) but for what a type cannot say: ranges of numbers and lone
surrogates raise BadRequest. Bytes are those of fastavro; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.core.record import Record

from .schema import Array, Field, RecordType, Scalar, Type
from .wire import COUNTERS, INTS, LONGS, STRINGS, write_counter, write_double

#: What the generated source refers to.
NAMES: dict[str, object] = {
    "INTS": INTS,
    "LONGS": LONGS,
    "STRINGS": STRINGS,
    "FALSE": b"\x00",
    "TRUE": b"\x01",
    "EMPTY": b"\x00",
    "JOIN": b"".join,
    "write_counter": write_counter,
    "write_double": write_double,
}


class Source:
    """The source of an encoder while it grows: a function for every array, above the function that uses it."""

    def __init__(self) -> None:
        self.functions: list[str] = []

    def parts(self, fields: Sequence[Field], value: str) -> list[str]:
        """Expressions whose bytes, joined, are these fields of the Struct that the variable `value` holds."""
        return [part for field in fields for part in self._parts_of(field.type, f"{value}.{field.attribute}")]

    def _parts_of(self, kind: Type, access: str) -> list[str]:
        if isinstance(kind, RecordType):
            return self.parts(kind.fields, access)
        if isinstance(kind, Array):
            return [f"({self._array(kind)}(items) if (items := {access}) else EMPTY)"]
        return self._scalar(kind, access)

    def _scalar(self, kind: Scalar, access: str) -> list[str]:
        match kind.name:
            case "string":
                return [f"STRINGS[{access}]"]
            case "long" if access.rpartition(".")[2] in COUNTERS:
                return [f"write_counter({access})"]
            case "long":
                return [f"LONGS[{access}]"]
            case "int":
                return [f"INTS[{access}]"]
            case "boolean":
                return [f"TRUE if {access} else FALSE"]
            case "double":
                return [f"write_double({access})"]
        return [f"LONGS[len(content := {access})]", "content"]

    def _array(self, kind: Array) -> str:
        parts = ", ".join(self._parts_of(kind.items, "item"))
        name = f"write_array_{len(self.functions)}"
        self.functions.append(
            f"def {name}(items):\n"
            f"    parts = [LONGS[len(items)]]\n"
            f"    for item in items:\n"
            f"        parts += ({parts},)\n"
            f"    parts.append(EMPTY)\n"
            f"    return JOIN(parts)\n"
        )
        return name

    def function(self, head: str, parts: Sequence[str], **names: object) -> Callable[..., bytes]:
        """Compile `head`, a function that gives the parts joined."""
        body = "".join(f"        {part},\n" for part in parts)
        source = "\n".join([*self.functions, f"def {head}:\n    return JOIN((\n{body}    ))\n"])
        namespace: dict[str, Any] = {**NAMES, **names}
        exec(compile(source, f"<encoder {head}>", "exec"), namespace)
        function: Callable[..., bytes] = namespace[head.partition("(")[0]]
        return function


def fields_encoder(fields: Sequence[Field], prefix: bytes = b"") -> Callable[[Any], bytes]:
    """A function from a Struct with these fields to `prefix` and their bytes."""
    source = Source()
    first = ["PREFIX"] if prefix else []
    return source.function("encode_fields(value)", [*first, *source.parts(fields, "value")], PREFIX=prefix)


def record_encoder(
    numbers: Sequence[Field], own: Sequence[Field], prefix: bytes
) -> Callable[[Record, bytes, bytes], bytes]:
    """A function from a Record and the bytes of its step and of its value to the record's bytes."""
    source = Source()
    parts = ["PREFIX", *source.parts(numbers, "record"), "step", *source.parts(own, "record"), "value"]
    return source.function("encode_record(record, step, value)", parts, PREFIX=prefix)
