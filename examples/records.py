"""Retold's records with fastavro alone: commands to bytes, and bytes to records.

Everything comes from the schema files. A record begins with the marker C3 01 and the fingerprint of its schema, as
Avro's single-object encoding says; its body follows. An engine that uses a schema registry writes magic 0 and the id of
the schema instead; then SCHEMA_REGISTRY_URL in the environment says where to ask for it. It reads both.
"""

from __future__ import annotations

import io
import json
import os
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

MARKER = b"\xc3\x01"
PREFIX_SIZE = 10
#: Magic 0 and the id of a schema registry.
REGISTRY_PREFIX_SIZE = 5
FOLDER = Path(__file__).parents[1] / "schemas"

#: Bits of a key below the partition where the thing with that key lives.
KEY_BITS = 51


def _read() -> dict[str, tuple[bytes, Any]]:
    """Family, such as JOB -> what its records begin with, and its schema."""
    found = {}
    for file in FOLDER.glob("*.avsc"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        number = fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")
        found[file.stem.upper()] = (MARKER + bytes.fromhex(number), fastavro.parse_schema(schema))
    return found


SCHEMAS = _read()
FAMILIES = {prefix: family for family, (prefix, _) in SCHEMAS.items()}
FAMILIES_BY_NAME = {schema["name"]: family for family, (_, schema) in SCHEMAS.items()}


def encode_command(family: str, intent: str, **fields: Any) -> bytes:
    """A command. Fields that are not given have the defaults of the schema, which mean "not known"."""
    prefix, schema = SCHEMAS[family]
    # fastavro takes the default of a field of bytes as the text that stands in the schema, and cannot write it.
    empty = {field["name"]: b"" for field in schema["fields"] if field["type"] == "bytes"}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, {**empty, "intent": intent, **fields})
    return prefix + body.getvalue()


def decode(data: bytes) -> tuple[str, dict[str, Any]]:
    """Family and fields of a record."""
    if data[:1] == b"\x00":
        family, schema = _registered(int.from_bytes(data[1:REGISTRY_PREFIX_SIZE], "big"))
        body = data[REGISTRY_PREFIX_SIZE:]
    else:
        family = FAMILIES[data[:PREFIX_SIZE]]
        schema, body = SCHEMAS[family][1], data[PREFIX_SIZE:]
    record = fastavro.schemaless_reader(io.BytesIO(body), schema, None)
    assert isinstance(record, dict)
    return family, record


@cache
def _registered(number: int) -> tuple[str, Any]:
    """Family and schema with an id of the registry."""
    url = f"{os.environ['SCHEMA_REGISTRY_URL']}/schemas/ids/{number}"
    with urllib.request.urlopen(url) as answer:
        schema: Any = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    return FAMILIES_BY_NAME[schema["name"]], schema


def kafka_partition_of(key: int) -> int:
    """Kafka's number of the partition where the thing with this key lives; Retold counts from 1."""
    return (key >> KEY_BITS) - 1


def describe(family: str, record: dict[str, Any]) -> str:
    """One line."""
    place = f"{record['partitionId']}/{record['position']} {record['recordType']} {family} {record['intent']}"
    if record["recordType"] == "REJECTION":
        return f"{place}: {record['rejectionCode']}: {record['rejectionReason']}"
    return f"{place} {record['key']}"


class Steps:
    """Puts whole steps together: a step is what one command caused, and happens whole or not at all."""

    def __init__(self) -> None:
        self._begun: dict[int, list[tuple[str, dict[str, Any]]]] = {}
        self._positions: dict[int, int] = {}

    def add(self, family: str, record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """The step that this record is the last of; empty while it is not whole.

        The first record may be in the middle of a step, which is left out. A position that was seen is passed over.
        """
        partition, position = record["partitionId"], record["position"]
        if position <= self._positions.get(partition, 0):
            return []
        self._positions[partition] = position
        step = self._begun.setdefault(partition, [])
        if record["index"] != len(step):
            return []
        step.append((family, record))
        if len(step) < record["stepCount"]:
            return []
        return self._begun.pop(partition)
