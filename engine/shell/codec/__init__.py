"""The codec: records as Struct on one side, Avro's single-object encoding on the other.

Owns the bytes of the log. Everything is derived from the files in `schemas/`; nothing about a family is written here.
Must not know what a record means.
"""

from __future__ import annotations

from .codec import Codec, Reader, ValueCodec
from .schema import SchemaError
from .wire import Undecodable

__all__ = ["Codec", "Reader", "SchemaError", "Undecodable", "ValueCodec"]
