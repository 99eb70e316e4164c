"""Records and values to bytes and back, by encoders and decoders that are generated when they are first needed.

Framing: Avro single-object encoding or, where a schema registry is used, Confluent's; see `framing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Generic, TypeVar

from msgspec import Struct

from engine.core.faults import BadRequest, BrokenInvariant
from engine.core.record import OWN_FIELDS, STEP_FIELDS, Record, Step

from .decoder import FieldsDecoder, fields_decoder, record_decoder
from .encoder import fields_encoder, record_encoder
from .evolution import OPERATIONS, Released, current_texts, hexadecimal, releases
from .framing import (
    CONFLUENT_PREFIX_SIZE,
    PREFIX_SIZE,
    SchemaIds,
    confluent_prefix,
    is_confluent,
    prefix_of,
    refusal,
)
from .schema import Field, RecordType, SchemaError, differences, fingerprint, parse
from .wire import Undecodable

#: The fields before the step's: where the record stands in the log and in its step.
NUMBER_FIELDS = ("position", "index")
METADATA_FIELDS = (*NUMBER_FIELDS, *STEP_FIELDS, *OWN_FIELDS)

RecordEncoder = Callable[[Record, bytes, bytes], bytes]
ValueEncoder = Callable[[Struct], bytes]
RecordDecoder = Callable[[bytes, "Reader"], Record]
S = TypeVar("S", bound=Struct)


class Layout(Struct, frozen=True):
    """The fields of a record's schema, by the part of the record they belong to."""

    numbers: Sequence[Field]
    step: Sequence[Field]
    own: Sequence[Field]
    value: Sequence[Field]


def layout_of(schema: RecordType) -> Layout:
    """Raises SchemaError if the metadata fields do not come first and in order."""
    metadata = tuple(field.attribute for field in schema.fields[: len(METADATA_FIELDS)])
    if metadata != METADATA_FIELDS:
        raise SchemaError(f"{schema.name}: expected the metadata fields {METADATA_FIELDS} first, got {metadata}")
    step_start = len(NUMBER_FIELDS)
    own_start = step_start + len(STEP_FIELDS)
    value_start = len(METADATA_FIELDS)
    fields = schema.fields
    return Layout(
        fields[:step_start], fields[step_start:own_start], fields[own_start:value_start], fields[value_start:]
    )


class _ValueEncoders(dict[str, ValueEncoder]):
    """Makes what is missing, or raises BadRequest if there is no such family."""

    def __init__(self, make: Callable[[str], ValueEncoder]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value_type: str) -> ValueEncoder:
        self[value_type] = encoder = self._make(value_type)
        return encoder


class Codec:
    """Encodes and decodes the records of all families. Build it once a process; see `Reader` for streams.

    `families`: value type -> Struct of the values; exactly the schema files in the folder, else SchemaError. `ids`:
    those of a schema registry: records are written in Confluent's framing then, and both framings are read.
    """

    def __init__(
        self,
        families: Mapping[str, type[Struct]],
        schemas: Traversable | None = None,
        *,
        ids: SchemaIds | None = None,
    ) -> None:
        folder = schemas or files("schemas")
        texts = {name.upper(): text for name, text in current_texts(folder).items() if not name.startswith(OPERATIONS)}
        if not texts or set(texts) != set(families):
            raise SchemaError(
                f"expected one schema file a family, got files without a family: {sorted(set(texts) - set(families))}, "
                f"families without a file: {sorted(set(families) - set(texts))}"
            )
        self._structs = dict(families)
        parsed = {value_type: parse(texts[value_type]) for value_type in families}
        self._layouts = {value_type: layout_of(schema) for value_type, schema in parsed.items()}
        self._check(self._layouts)
        self.schema_texts: Mapping[str, str] = MappingProxyType({name: texts[name] for name in families})
        self.fingerprints: Mapping[str, int] = MappingProxyType(
            {value_type: fingerprint(schema) for value_type, schema in parsed.items()}
        )
        self._value_types = {prefix_of(number): value_type for value_type, number in self.fingerprints.items()}
        self._ids = self._framing = ids
        self._confluent = ids.prefixes() if ids is not None else {}
        self._releases = {past.version: past for past in releases(folder)}
        self._released = self._find_released()
        step = next(iter(self._layouts.values())).step
        self._encode_step = fields_encoder(step)
        self._decode_step: FieldsDecoder = fields_decoder(step, Step)
        self._encoders: dict[str, RecordEncoder] = {}
        #: by value type, what gives the last part of a record's bytes; made when it is first asked for
        self.value_encoders: Mapping[str, ValueEncoder] = _ValueEncoders(self._make_encoder)
        self._decoders: dict[bytes, RecordDecoder] = {}
        self._reader = Reader(self)

    def encode(self, record: Record) -> bytes:
        """The record's bytes. Raises BadRequest if a number does not fit or a text is not Unicode."""
        value = self.value_encoders[record.value_type](record.value)
        return self._encoders[record.value_type](record, self._encode_step(record.step), value)

    def encode_step(self, records: Sequence[Record], values: Sequence[bytes] | None = None) -> list[bytes]:
        """The bytes of records that share one step, in order. Raises as `encode`, BrokenInvariant if they do not.

        `values`: what `value_encoders` gave for each record, if they were asked before.
        """
        if not records:
            return []
        if values is None:
            values = [self.value_encoders[record.value_type](record.value) for record in records]
        step = records[0].step
        step_bytes = self._encode_step(step)
        encoders = self._encoders
        encoded = []
        for record, value in zip(records, values, strict=True):
            if record.step is not step and record.step != step:
                raise BrokenInvariant(f"expected records of one step, got {record.step} after {step}")
            encoded.append(encoders[record.value_type](record, step_bytes, value))
        return encoded

    def decode(self, data: bytes) -> Record:
        """The record of these bytes. Raises Undecodable, and nothing else, if they are not one."""
        return self._reader.decode(data)

    def value_fields(self, value_type: str) -> Sequence[Field]:
        """The fields of a family's value, as its schema has them."""
        return self._layouts[value_type].value

    def _check(self, layouts: Mapping[str, Layout]) -> None:
        """Raises SchemaError if metadata differ between families, or a Struct from its schema."""
        problems = []
        first = next(iter(layouts.values()))
        for value_type, layout in layouts.items():
            problems += differences(layout.value, self._structs[value_type])
            if (layout.numbers, layout.step, layout.own) != (first.numbers, first.step, first.own):
                problems.append(f"{value_type}: expected the same metadata fields as in the others; copy them from one")
        problems += differences(first.step, Step)
        if problems:
            raise SchemaError("\n".join(problems))

    def as_written(self, version: str, data: bytes) -> Codec:
        """A codec that encodes as a record was: with the schemas of a release, in the framing of its bytes `data`.

        It decodes as this one. What a later schema has added is left out; without such a release the schemas are ours.
        """
        past = self._releases.get(version)
        framing = self._ids if is_confluent(data) else None
        if past is None and framing is self._framing:
            return self
        other = copy(self)
        other._framing = framing
        texts = {name.upper(): released.text for name, released in past.schemas.items()} if past else {}
        schemas = {name: parse(text) for name, text in texts.items() if name in self._layouts}
        other._layouts = self._layouts | {name: layout_of(schema) for name, schema in schemas.items()}
        other.fingerprints = {**self.fingerprints, **{name: fingerprint(schema) for name, schema in schemas.items()}}
        other._encoders, other.value_encoders = {}, _ValueEncoders(other._make_encoder)
        return other

    def _find_released(self) -> dict[bytes, tuple[str, Released]]:
        """Schemas that older builds wrote with, by the prefix of their records; parsed when one is met."""
        return {
            prefix_of(int(released.fingerprint, 16)): (name.upper(), released)
            for past in self._releases.values()
            for name, released in past.schemas.items()
            if name.upper() in self._structs
        }

    def _make_encoder(self, value_type: str) -> ValueEncoder:
        layout = self._layouts.get(value_type)
        if layout is None:
            raise BadRequest(f"expected one of the families {', '.join(self._layouts)}, got {value_type!r}")
        prefix = self._prefix_of(value_type)
        self._encoders[value_type] = record_encoder(layout.numbers, layout.own, prefix)
        return fields_encoder(layout.value)

    def _prefix_of(self, value_type: str) -> bytes:
        number = self.fingerprints[value_type]
        if self._framing is None:
            return prefix_of(number)
        written = self._framing.written.get(hexadecimal(number))
        if written is None:
            raise BadRequest(
                f"expected an id of the schema registry for {value_type} {hexadecimal(number)}, got none; start the "
                "engine, which registers it"
            )
        return confluent_prefix(written)

    def _make_decoder(self, data: bytes) -> RecordDecoder:
        framed = data[: CONFLUENT_PREFIX_SIZE if is_confluent(data) else PREFIX_SIZE]
        prefix = self._confluent.get(framed, framed)
        if prefix in self._value_types:
            value_type = self._value_types[prefix]
            layout = self._layouts[value_type]
        elif prefix in self._released:
            value_type, released = self._released[prefix]
            layout = layout_of(parse(released.text))
        else:
            raise refusal(data, "a known schema", ids_known=self._ids is not None)
        struct = self._structs[value_type]
        self._decoders[framed] = decoder = record_decoder(
            layout.numbers, layout.own, layout.value, struct, value_type, self._decode_step, len(framed)
        )
        return decoder


class Reader:
    """Decodes the records of one stream: records of one step follow each other, so its bytes are decoded once."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._decoders = codec._decoders
        #: The bytes of the last step and the step, which the generated decoders replace.
        self.last_step = (codec._encode_step(Step()), Step())

    def decode(self, data: bytes) -> Record:
        """As `Codec.decode`."""
        decoders = self._decoders
        decoder = decoders.get(data[:PREFIX_SIZE]) or decoders.get(data[:CONFLUENT_PREFIX_SIZE])
        try:
            return (decoder or self._codec._make_decoder(data))(data, self)
        except IndexError:
            raise _truncated(data) from None


class ValueCodec(Generic[S]):
    """Encodes and decodes one Struct by a schema of its own, such as the parameters of an operation.

    `schema_text` must mirror `struct` (else SchemaError); `older`: released texts whose values are still to be read.
    """

    def __init__(self, schema_text: str, struct: type[S], older: Sequence[str] = ()) -> None:
        schema = parse(schema_text)
        problems = differences(schema.fields, struct)
        if problems:
            raise SchemaError("\n".join(problems))
        self.fingerprint = fingerprint(schema)
        self._name = schema.name
        self._encode = fields_encoder(schema.fields, prefix_of(self.fingerprint))
        self._decoders = {
            prefix_of(fingerprint(known)): fields_decoder(known.fields, struct)
            for known in (*map(parse, older), schema)
        }

    def encode(self, value: S) -> bytes:
        """Marker, fingerprint and body. Raises BadRequest if a number does not fit or a text is not Unicode."""
        return self._encode(value)

    def decode(self, data: bytes) -> S:
        """The value of these bytes. Raises Undecodable, and nothing else, if they are not one."""
        decoder = self._decoders.get(data[:PREFIX_SIZE])
        if decoder is None:
            raise refusal(data, self._name)
        try:
            value, stop = decoder(data, PREFIX_SIZE)
        except IndexError:
            raise _truncated(data) from None
        if stop != len(data):
            raise Undecodable(f"expected the end of {self._name} at byte {stop}, got {len(data) - stop} bytes more")
        struct: S = value
        return struct


def _truncated(data: bytes) -> Undecodable:
    return Undecodable(f"expected more of a record, got the end after {len(data)} bytes")
