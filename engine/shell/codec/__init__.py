"""The codec: records as Struct on one side, Avro on the other.

Owns the bytes of the log. Everything is derived from the files in `schemas/`; nothing about a family is written here.
Must not know what a record means.
"""

from __future__ import annotations

from .codec import Codec, Reader, ValueCodec
from .framing import SchemaIds, is_confluent
from .schema import SchemaError
from .wire import Undecodable

__all__ = ["Codec", "Reader", "SchemaError", "SchemaIds", "Undecodable", "ValueCodec", "is_confluent"]
