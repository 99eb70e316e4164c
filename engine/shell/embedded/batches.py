"""The bytes of the embedded log: one LMDB value is one batch, the messages of one append in order.

    key    base offset                          8 bytes, big-endian
    value  checksum of the key and this header  4 bytes   } written by the server
           timestamp, ms since 1970 (UTC)       8 bytes   }
           count of messages                    4 bytes     } the body: written by the client
           size of the headers                  4 bytes     }
           checksum of all that follows         4 bytes     }
           headers                              MessagePack {index: {name: value}}, empty without headers
           length of each value                 4 bytes each
           the values

All but the key are little-endian; checksums are CRC-32. So the server touches 24 bytes of a batch, however many
messages it has, and a reader that wants only messages with headers skips all other batches by their header.
Must not do I/O.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import msgspec

from engine.core.ports import Message

#: Version of this layout, stored in the log.
FORMAT = 1

#: Messages of one append are cut into batches of about this many bytes of values, all in one transaction.
BATCH_SIZE_MAX = 1 << 20

#: ... and of at most this many messages.
BATCH_COUNT_MAX = 1 << 16

KEY = struct.Struct(">Q")
_HEADER = struct.Struct("<IQIII")
_SERVER_PART = struct.Struct("<IQ")
_CLIENT_PART = struct.Struct("<III")
_STAMP = struct.Struct("<Q")

_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(dict[int, dict[str, str]]).decode


class Damaged(Exception):
    """These bytes are not what was written."""


class Batch(msgspec.Struct, frozen=True):
    """A batch whose header was verified; `payload` is what the second checksum covers."""

    base: int
    timestamp: int
    count: int
    headers_size: int
    checksum: int
    payload: memoryview

    @property
    def end(self) -> int:
        """The offset after its last message."""
        return self.base + self.count


def encode_bodies(messages: Sequence[Message]) -> list[bytes]:
    """The bodies of the batches that hold these messages, usually one."""
    return [_encode_body(part) for part in _cut(messages)]


def count_messages(body: bytes) -> int:
    """How many messages a body holds. Raises Damaged for what cannot be a body."""
    if len(body) < _CLIENT_PART.size:
        raise Damaged(f"expected a body of at least {_CLIENT_PART.size} bytes, got {len(body)}")
    count: int = _CLIENT_PART.unpack_from(body)[0]
    if not 1 <= count <= BATCH_COUNT_MAX:
        raise Damaged(f"expected a body of 1 to {BATCH_COUNT_MAX} messages, got {count}")
    return count


def encode_value(key: bytes, timestamp: int, body: bytes) -> bytes:
    """The LMDB value of a body at this key."""
    checksum = zlib.crc32(body[: _CLIENT_PART.size], zlib.crc32(key + _STAMP.pack(timestamp)))
    return _SERVER_PART.pack(checksum, timestamp) + body


def decode_batch(key: bytes | memoryview, value: bytes | memoryview) -> Batch:
    """Open a batch and verify its header. Raises Damaged."""
    if len(key) != KEY.size or len(value) < _HEADER.size:
        raise Damaged(f"expected a key of 8 and a value of at least 24 bytes, got {len(key)} and {len(value)}")
    checksum, timestamp, count, headers_size, payload_checksum = _HEADER.unpack_from(value)
    if zlib.crc32(value[4 : _HEADER.size], zlib.crc32(key)) != checksum:
        raise Damaged("the checksum of a batch's header does not match")
    return Batch(
        KEY.unpack(key)[0], timestamp, count, headers_size, payload_checksum, memoryview(value)[_HEADER.size :]
    )


def verify(batch: Batch) -> None:
    """Verify the whole batch. Raises Damaged."""
    if zlib.crc32(batch.payload) != batch.checksum:
        raise Damaged("the checksum of a batch does not match")
    lengths_end = batch.headers_size + 4 * batch.count
    if len(batch.payload) < lengths_end or len(batch.payload) != lengths_end + sum(_lengths(batch)):
        raise Damaged("the lengths of a batch's values do not add up")


def decode_values(batch: Batch) -> tuple[bytes, Sequence[int]]:
    """All values side by side, and where each ends. The batch must have been verified."""
    values = bytes(batch.payload[batch.headers_size + 4 * batch.count :])
    return values, list(accumulate(_lengths(batch)))


def decode_headers(batch: Batch) -> Mapping[int, Mapping[str, str]]:
    """The headers of those messages that have any, by index in the batch. The batch must have been verified."""
    return _decode_headers(batch.payload[: batch.headers_size]) if batch.headers_size else {}


def _lengths(batch: Batch) -> tuple[int, ...]:
    return struct.unpack_from(f"<{batch.count}I", batch.payload, batch.headers_size)


def _encode_body(messages: Sequence[Message]) -> bytes:
    headed = {index: message.headers for index, message in enumerate(messages) if message.headers}
    headers = _encode_headers(headed) if headed else b""
    values = [message.value for message in messages]
    lengths = struct.pack(f"<{len(values)}I", *map(len, values))
    payload = b"".join((headers, lengths, *values))
    return _CLIENT_PART.pack(len(values), len(headers), zlib.crc32(payload)) + payload


def _cut(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    first = size = 0
    for index, message in enumerate(messages):
        if index > first and (size + len(message.value) > BATCH_SIZE_MAX or index - first == BATCH_COUNT_MAX):
            yield messages[first:index]
            first, size = index, 0
        size += len(message.value)
    yield messages[first:]
