"""The `partition_message` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PARTITION_MESSAGE"


class PartitionMessage(Struct, frozen=True, kw_only=True):
    """What one partition says to another. SENT: the message is on the receiver's internal topic in the same
    append."""

    receiver_partition: int = 0
    number: int = 0
    message: bytes = b""
