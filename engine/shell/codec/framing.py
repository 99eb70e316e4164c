"""What a record's bytes begin with, so that its schema is known: two framings, told apart by the first byte.

Avro single-object encoding: marker C3 01, the schema's CRC-64-AVRO in 8 bytes, low byte first. Confluent's: magic 0,
and the id that a schema registry gave the schema in 4 bytes, high byte first. Rule: knows no schema, asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from .evolution import hexadecimal
from .wire import Undecodable

MARKER = b"\xc3\x01"
PREFIX_SIZE = len(MARKER) + 8

CONFLUENT_MAGIC = b"\x00"
CONFLUENT_PREFIX_SIZE = len(CONFLUENT_MAGIC) + 4


class SchemaIds(Struct, frozen=True, kw_only=True):
    """What a schema registry calls the schemas. `known`: id -> fingerprint in 16 hexadecimal digits.

    `written`: fingerprint -> the id that records with it are written with.
    """

    known: Mapping[int, str]
    written: Mapping[str, int]

    def prefixes(self) -> dict[bytes, bytes]:
        """Prefix in Confluent's framing -> prefix of the same schema in single-object encoding."""
        return {confluent_prefix(number): prefix_of(int(name, 16)) for number, name in self.known.items()}


def prefix_of(fingerprint: int) -> bytes:
    """What the bytes start with, in single-object encoding, whose schema has this fingerprint."""
    return MARKER + fingerprint.to_bytes(8, "little")


def confluent_prefix(number: int) -> bytes:
    """What the bytes start with, in Confluent's framing, whose schema has this id."""
    return CONFLUENT_MAGIC + number.to_bytes(4, "big")


def is_confluent(data: bytes) -> bool:
    """Whether these bytes are in Confluent's framing."""
    return data[:1] == CONFLUENT_MAGIC


def refusal(data: bytes, expected: str, *, ids_known: bool = False) -> Undecodable:
    """Why the first bytes of `data` name no schema that `expected` describes; `ids_known`: there is a registry."""
    if is_confluent(data):
        number = int.from_bytes(data[1:CONFLUENT_PREFIX_SIZE], "big")
        if ids_known and len(data) >= CONFLUENT_PREFIX_SIZE:
            return Undecodable(
                f"expected the id of {expected} that the schema registry knew when the engine started, got {number}; "
                "use the id of a version of our subject, or restart the engine if the version is newer"
            )
        return Undecodable(
            f"expected Avro single-object encoding, got Confluent framing (magic 0, schema id {number}); "
            "send the marker C3 01, the schema's CRC-64-AVRO with the low byte first, and the body"
        )
    if data[: len(MARKER)] != MARKER:
        got = data[: len(MARKER)].hex(" ").upper() or "nothing"
        return Undecodable(f"expected Avro single-object encoding, which starts with C3 01, got {got}")
    if len(data) < PREFIX_SIZE:
        return Undecodable(f"expected the {PREFIX_SIZE} bytes of marker and fingerprint, got {len(data)} and the end")
    fingerprint = int.from_bytes(data[len(MARKER) : PREFIX_SIZE], "little")
    return Undecodable(
        f"expected the fingerprint of {expected}, got {hexadecimal(fingerprint)}; use a schema of this log"
    )
