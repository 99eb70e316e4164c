"""What the log's server and its clients say to each other: MessagePack arrays behind a length of 4 bytes.

A request carries a number that its answer repeats. `Moved` is pushed, and `Welcome` is the first thing said.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from engine.core.faults import (
    AppendUnknown,
    BadRequest,
    Fenced,
    LogFull,
    RetoldError,
    Unavailable,
)

#: No frame is larger, in bytes: a larger append must be split.
FRAME_SIZE_MAX = 64 << 20

_LENGTH = struct.Struct("<I")


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Batch bodies for one place."""

    topic: str
    partition: int
    bodies: list[bytes]


class AppendRequest(msgspec.Struct, frozen=True, array_like=True, tag="append"):
    """Answered by the first offset of each part. `writer`: partition and epoch of the writer that appends, if one."""

    number: int
    writer: tuple[int, int] | None
    parts: list[Part]


class WriterRequest(msgspec.Struct, frozen=True, array_like=True, tag="writer"):
    """Answered by the epoch of the new writer of the partition."""

    number: int
    partition: int


class FollowRequest(msgspec.Struct, frozen=True, array_like=True, tag="follow"):
    """Answered by the end of the place; from then on each new end is pushed."""

    number: int
    topic: str
    partition: int


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="welcome"):
    """The partition count of the log."""

    partition_count: int


class Moved(msgspec.Struct, frozen=True, array_like=True, tag="moved"):
    """New ends: topic, partition, end."""

    ends: list[tuple[str, int, int]]


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """The request was done."""

    number: int
    results: list[int]


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag="refusal"):
    """The request was refused: the name of the fault and its text."""

    number: int
    fault: str
    text: str


Request = AppendRequest | WriterRequest | FollowRequest
Reply = Welcome | Moved | Answer | Refusal

FAULTS: dict[str, type[RetoldError]] = {
    fault.__name__: fault for fault in (AppendUnknown, BadRequest, Fenced, LogFull, Unavailable)
}

_encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def encode_frame(said: Request | Reply) -> bytes:
    """The bytes of one frame. Raises BadRequest when it is too large."""
    content = _encode(said)
    if len(content) > FRAME_SIZE_MAX:
        raise BadRequest(
            f"expected an append of at most {FRAME_SIZE_MAX} bytes, got {len(content)}; nothing was appended; split it"
        )
    return _LENGTH.pack(len(content)) + content


class FrameBuffer:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._received = bytearray()

    def add(self, received: bytes) -> Iterator[bytes]:
        """The frames that are complete now. Raises BadRequest when one is too large."""
        self._received += received
        position = 0
        while len(self._received) >= position + _LENGTH.size:
            size: int = _LENGTH.unpack_from(self._received, position)[0]
            if size > FRAME_SIZE_MAX:
                raise BadRequest(f"expected a frame of at most {FRAME_SIZE_MAX} bytes, got {size}")
            start = position + _LENGTH.size
            if len(self._received) < start + size:
                break
            yield bytes(memoryview(self._received)[start : start + size])
            position = start + size
        del self._received[:position]
