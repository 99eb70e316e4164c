"""Records: what is on the log, decoded.

One Avro record type per family; the metadata fields come first and are the same in all of them, so that any tool sees
every field. Layout (design section 7): position and index, then what is constant over a step side by side (encoded and
decoded once a step), then what is the record's own, then the value.
"""

from __future__ import annotations

from binascii import crc32

import msgspec
from msgspec import Struct

COMMAND = "COMMAND"
EVENT = "EVENT"
REJECTION = "REJECTION"

#: No key, no position, no reference.
NONE = -1

#: The tenant of everything: others are refused by name.
DEFAULT_TENANT = "<default>"

#: Bits of a key below the partition number.
KEY_BITS = 51
#: Keys are positive Avro longs, so the partition has 12 of the 13 bits above them.
PARTITION_MAX = (1 << 12) - 1


def partition_of(key: int) -> int:
    """The partition where the thing with this key lives."""
    return key >> KEY_BITS


def partition_of_name(name: str, partition_count: int) -> int:
    """The partition that knows what has this name: the CRC-32 of its UTF-8 bytes, modulo the partitions."""
    return crc32(name.encode()) % partition_count + 1


def first_key(partition: int) -> int:
    """Keys of a partition are above this number and at most `last_key`."""
    return partition << KEY_BITS


def last_key(partition: int) -> int:
    return ((partition + 1) << KEY_BITS) - 1


class Step(Struct, frozen=True, kw_only=True):
    """What all records of a step share; in a command, what its sender says about it.

    Fields in the order of the schemas, where each is documented.
    """

    partition_id: int = 0
    step_count: int = 0
    timestamp: int = 0
    source_input: str = ""
    source_ordinal: int = 0
    source_offset: int = 0
    source_generation: int = 0
    previous_hash: bytes = b""
    build: str = ""
    claims: str = ""
    trace_context: str = ""
    operation_reference: int = NONE
    batch_operation_reference: int = NONE
    request: str = ""
    idempotency_key: str = ""
    sender_partition: int = 0
    sender_number: int = 0


class Record(Struct, frozen=True, kw_only=True):
    """A command, an event or a rejection. `value_type` is the family's name, such as PROCESS_INSTANCE."""

    position: int = NONE
    index: int = 0
    step: Step
    record_type: str = COMMAND
    intent: str
    version: int = 1
    key: int = NONE
    rejection_code: str = ""
    rejection_reason: str = ""
    command_hash: bytes = b""
    value_type: str
    value: Struct


#: The fields of a record that are its own, in the order of the schemas (between the step's and the value's).
OWN_FIELDS = ("record_type", "intent", "version", "key", "rejection_code", "rejection_reason", "command_hash")
STEP_FIELDS = tuple(field.name for field in msgspec.structs.fields(Step))


def command(value_type: str, intent: str, value: Struct, *, key: int = NONE, step: Step | None = None) -> Record:
    """A command that is to be appended to a partition's commands or internal topic."""
    return Record(step=step or Step(), intent=intent, key=key, value_type=value_type, value=value)
