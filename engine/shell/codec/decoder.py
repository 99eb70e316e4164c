"""Decoders as Python source, generated from a schema and the Struct that receives its values.

The source reads field after field with the place in a local variable, the common short forms in line, the rest in
`wire`. Bytes are never trusted: the end of the data raises IndexError, which the codec turns into Undecodable; whatever
else is wrong raises Undecodable where it is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from engine.core.record import Record, Step

from . import wire
from .schema import Array, Field, RecordType, Scalar, item_struct, size_min

#: Values of a family that are kept, and bytes of one.
KNOWN_VALUES_MAX = 32
KNOWN_VALUE_SIZE_MAX = 1024

#: What the generated source refers to.
NAMES: dict[str, object] = {
    "ZIGZAG": wire.ZIGZAG,
    "KNOWN_STRINGS": wire.KNOWN_STRINGS,
    "known_long": wire.KNOWN_LONGS.get,
    "read_long": wire.read_long,
    "read_int": wire.read_int,
    "read_string": wire.read_string,
    "read_bytes": wire.read_bytes,
    "read_boolean": wire.read_boolean,
    "read_double": wire.read_double,
    "read_block": wire.read_block,
    "Undecodable": wire.Undecodable,
    "KNOWN_VALUES_MAX": KNOWN_VALUES_MAX,
    "KNOWN_VALUE_SIZE_MAX": KNOWN_VALUE_SIZE_MAX,
    "Record": Record,
    "Step": Step,
}

#: A number of one or two bytes; {read} reads a longer one.
READ_NUMBER = """\
byte = data[place]
if byte < 128:
    {{target}} = ZIGZAG[byte]
    place += 1
elif (second := data[place + 1]) < 128:
    byte = byte & 127 | second << 7
    {{target}} = byte >> 1 ^ -(byte & 1)
    place += 2
else:
    {{target}}, place = {read}(data, place)
"""

READ_COUNTER = READ_NUMBER.format(read="read_long")

#: Source that reads a scalar at `place` into {target} and moves `place` behind it.
READS = {
    "long": """\
byte = data[place]
if byte < 128:
    {target} = ZIGZAG[byte]
    place += 1
elif ({target} := known_long(data[place : place + 8])) is not None:
    place += 8
else:
    {target}, place = read_long(data, place)
""",
    "int": READ_NUMBER.format(read="read_int"),
    "string": """\
byte = data[place]
if not byte:
    {target} = ""
    place += 1
elif byte < 128:
    stop = place + 1 + (byte >> 1)
    {target} = KNOWN_STRINGS[data[place:stop]]
    place = stop
else:
    {target}, place = read_string(data, place)
""",
    "bytes": """\
if data[place]:
    {target}, place = read_bytes(data, place)
else:
    {target} = b""
    place += 1
""",
    "boolean": "{target}, place = read_boolean(data, place)\n",
    "double": "{target}, place = read_double(data, place)\n",
}

READ_ARRAY = """\
def {name}(data, place):
    found = []
    while True:
        count, place, end = read_block(data, place, {size_min})
        if not count:
            return tuple(found), place
        for _ in range(count):
{read_item}
            found.append({item})
        if end >= 0 and end != place:
            raise Undecodable(f"expected the end of a block at byte {{end}}, got it at byte {{place}}")
"""

READ_RECORD = """\
def decode_record(data, reader):
    place = {start}
{read_numbers}
    step_bytes, step = reader.last_step
    if data.startswith(step_bytes, place):
        place += len(step_bytes)
    else:
        step, stop = read_step(data, place)
        reader.last_step = (data[place:stop], step)
        place = stop
{read_own}
    rest = data[place:]
    value = KNOWN_VALUES.get(rest)
    if value is None:
{read_value}
        if place != len(data):
            raise Undecodable(f"expected the end of the record at byte {{place}}, got {{len(data) - place}} bytes more")
        value = {value}
        if len(rest) <= KNOWN_VALUE_SIZE_MAX:
            if len(KNOWN_VALUES) >= KNOWN_VALUES_MAX:
                KNOWN_VALUES.clear()
            KNOWN_VALUES[rest] = value
    return Record({numbers}, step=step, {own}, value_type=VALUE_TYPE, value=value)
"""

READ_FIELDS = """\
def decode_fields(data, place):
{read}
    return {value}, place
"""

#: data, place -> the Struct that starts there, and the place behind it
FieldsDecoder = Callable[[bytes, int], tuple[Any, int]]


class Source:
    """The source of a decoder while it grows: a function for every array, above the function that uses it."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.structs: dict[str, object] = {}

    def read_fields(self, fields: Sequence[Field], struct: type[Struct], scope: str) -> tuple[str, list[str]]:
        """Statements that read the fields into variables, and these variables as keyword arguments."""
        statements, arguments = [], []
        for field in fields:
            read, value = self._read(field, struct, f"{scope}_{field.attribute}")
            statements.append(read)
            arguments.append(f"{field.attribute}={value}")
        return "".join(statements), arguments

    def construct(self, struct: type[Struct], arguments: Sequence[str]) -> str:
        """The call that makes the Struct; what the arguments leave out takes its default."""
        name = f"{struct.__name__}_{len(self.structs)}"
        self.structs[name] = struct
        return f"{name}({', '.join(arguments)})"

    def _read(self, field: Field, struct: type[Struct], target: str) -> tuple[str, str]:
        kind = field.type
        if isinstance(kind, Scalar):
            counter = kind.name == "long" and field.attribute in wire.COUNTERS
            return (READ_COUNTER if counter else READS[kind.name]).format(target=target), target
        if isinstance(kind, RecordType):
            inner = item_struct(struct, field.attribute)
            read, arguments = self.read_fields(kind.fields, inner, target)
            return read, self.construct(inner, arguments)
        name = self._array(kind, field, struct)
        return (
            f"if data[place]:\n    {target}, place = {name}(data, place)\nelse:\n    {target} = ()\n    place += 1\n",
            target,
        )

    def _array(self, kind: Array, field: Field, struct: type[Struct]) -> str:
        items = Field(field.name, field.attribute, kind.items, field.default, field.doc)
        read_item, item = self._read(items, struct, "item")
        name = f"read_array_{len(self.functions)}"
        self.functions.append(
            READ_ARRAY.format(name=name, size_min=size_min(kind.items), read_item=indent(read_item, 3), item=item)
        )
        return name

    def function(self, source: str, **names: object) -> Callable[..., Any]:
        """Compile a source of one function."""
        name = source[4 : source.index("(")]
        namespace: dict[str, Any] = {**NAMES, **self.structs, **names}
        exec(compile("\n".join([*self.functions, source]), f"<{name}>", "exec"), namespace)
        function: Callable[..., Any] = namespace[name]
        return function


def indent(source: str, levels: int) -> str:
    return "".join(f"{'    ' * levels}{line}\n" for line in source.splitlines())


def fields_decoder(fields: Sequence[Field], struct: type[Struct]) -> FieldsDecoder:
    """A function that reads a Struct with these fields."""
    source = Source()
    read, arguments = source.read_fields(fields, struct, "value")
    value = source.construct(struct, arguments)
    return source.function(READ_FIELDS.format(read=indent(read, 1), value=value))


def record_decoder(
    numbers: Sequence[Field],
    own: Sequence[Field],
    value: Sequence[Field],
    struct: type[Struct],
    value_type: str,
    read_step: FieldsDecoder,
    start: int,
) -> Callable[[bytes, Any], Record]:
    """A function from a record's bytes and a reader, which keeps the last step, to the Record.

    The function keeps the last values: the events of a thing's life carry the same one, with few others in between.
    Threads may share the function: bytes are looked up and put in together with what they mean.
    """
    source = Source()
    read_numbers, numbers_arguments = source.read_fields(numbers, Record, "record")
    read_own, own_arguments = source.read_fields(own, Record, "record")
    read_value, value_arguments = source.read_fields(value, struct, "value")
    text = READ_RECORD.format(
        start=start,
        read_numbers=indent(read_numbers, 1),
        read_own=indent(read_own, 1),
        read_value=indent(read_value, 2),
        numbers=", ".join(numbers_arguments),
        own=", ".join(own_arguments),
        value=source.construct(struct, value_arguments),
    )
    return source.function(text, VALUE_TYPE=value_type, read_step=read_step, KNOWN_VALUES={})
