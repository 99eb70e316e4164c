"""Avro's scalars as bytes and back, with bounded caches for the values that come again and again.

A cache never changes a result: it is cleared when it is full, and what it holds was checked when it came in. Encoding
is a lookup whose miss encodes (`LONGS[number]`), so that the generated code is one expression. Decoding looks up a
slice of the bytes: varints and length-prefixed strings are prefix-free, so a slice that is known is a complete value.
Source: Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

import struct

from engine.core.faults import BadRequest, RetoldError

LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1

#: Entries of one cache: some megabytes when full.
CACHE_ENTRIES_MAX = 1 << 14
#: Longest string in bytes that is cached: its length is then one byte.
CACHED_STRING_SIZE_MAX = 63


class Undecodable(RetoldError):
    """The bytes are not a record of this log."""


class Numbers(dict[int, bytes]):
    """Number -> its zigzag varint; a number beyond the range raises BadRequest."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def __missing__(self, number: int) -> bytes:
        if not isinstance(number, int) or not self.low <= number <= self.high:
            raise BadRequest(
                f"expected a whole number from {self.low} to {self.high}, got {number!r:.80}; use one in that range"
            )
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[number] = encoded = varint(number << 1 ^ number >> 63)
        return encoded


class Strings(dict[str, bytes]):
    """Text -> its length-prefixed UTF-8; text with lone surrogates raises BadRequest."""

    def __missing__(self, text: str) -> bytes:
        if not isinstance(text, str):
            raise BadRequest(f"expected text, got {text!r:.80}; pass a str")
        try:
            encoded = text.encode()
        except UnicodeEncodeError as error:
            raise BadRequest(
                f"expected Unicode text, got a lone surrogate at character {error.start}; remove it"
            ) from None
        size = len(encoded)
        encoded = LONGS[size] + encoded
        if size <= CACHED_STRING_SIZE_MAX:
            if len(self) >= CACHE_ENTRIES_MAX:
                self.clear()
            self[text] = encoded
        return encoded


class Varints(dict[int, bytes]):
    """The part of an unsigned varint above its lowest seven bits: neighbours share it."""

    def __missing__(self, number: int) -> bytes:
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[number] = encoded = varint(number)
        return encoded


#: A byte of a varint that is not its last, by its seven bits.
_CONTINUED = tuple(bytes((low | 128,)) for low in range(128))
_LAST = tuple(bytes((low,)) for low in range(128))
_UPPER = Varints()


def varint(number: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first."""
    if number < 128:
        return _LAST[number]
    return _CONTINUED[number & 127] + _UPPER[number >> 7]


LONGS = Numbers(LONG_MIN, LONG_MAX)
INTS = Numbers(INT_MIN, INT_MAX)
STRINGS = Strings()
_DOUBLE = struct.Struct("<d")


#: Longs that hardly ever come again, so that asking a cache for them only costs.
COUNTERS = frozenset({"position", "timestamp", "source_ordinal", "source_offset"})


def write_counter(number: int) -> bytes:
    """As `LONGS[number]`, without the cache."""
    if not 0 <= number <= LONG_MAX:
        return LONGS[number]
    return varint(number << 1)


def write_double(number: float) -> bytes:
    """What is no number (NaN) raises BadRequest: it equals nothing, not even itself, and every limit lets it pass."""
    if number != number:
        raise BadRequest("expected a number, got NaN; use one")
    return _DOUBLE.pack(number)


class KnownStrings(dict[bytes, str]):
    """Length-prefixed UTF-8 of a string below 64 bytes -> the text; what is not that raises Undecodable."""

    def __missing__(self, encoded: bytes) -> str:
        size = len(encoded) - 1
        if encoded[0] & 1 or encoded[0] >> 1 != size:
            raise Undecodable(f"expected a string of {ZIGZAG[encoded[0]]} bytes, got {size} bytes and the end")
        text = _text(encoded[1:])
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[encoded] = text
        return text


def _text(encoded: bytes) -> str:
    try:
        return encoded.decode()
    except UnicodeDecodeError as error:
        raise Undecodable(f"expected UTF-8 text, got {error.reason} at byte {error.start} of a string") from None


#: Value of a varint of one byte.
ZIGZAG = tuple(byte >> 1 ^ -(byte & 1) for byte in range(128))
KNOWN_STRINGS = KnownStrings()
#: Varint of exactly eight bytes -> its value: the keys of the first partitions.
KNOWN_LONGS: dict[bytes, int] = {}


def read_long(data: bytes, place: int) -> tuple[int, int]:
    """The long at `place`, and the place behind it. The end of the data raises IndexError."""
    unsigned = data[place]
    if unsigned < 128:
        return ZIGZAG[unsigned], place + 1
    byte = data[place + 1]
    unsigned = unsigned & 127 | (byte & 127) << 7
    if byte > 127:
        byte = data[place + 2]
        unsigned |= (byte & 127) << 14
        if byte > 127:
            return _read_longer(data, place, unsigned)
        return unsigned >> 1 ^ -(unsigned & 1), place + 3
    return unsigned >> 1 ^ -(unsigned & 1), place + 2


#: The highest bits of eight bytes, and what they are in a varint of eight bytes (the first is the lowest).
_EIGHT_TOPS = 0x8080808080808080
_EIGHT_GO_ON = 0x0080808080808080


def _read_longer(data: bytes, place: int, unsigned: int) -> tuple[int, int]:
    """The rest of a long whose first three bytes are in `unsigned`."""
    eight = int.from_bytes(data[place : place + 8], "little")
    if eight & _EIGHT_TOPS == _EIGHT_GO_ON:
        return _read_eight(data, place, eight), place + 8
    byte = 128
    shift = 21
    stop = place + 3
    while byte > 127:
        byte = data[stop]
        unsigned |= (byte & 127) << shift
        shift += 7
        stop += 1
        if shift > 70:
            raise Undecodable(f"expected a number of at most 10 bytes at byte {place}, got a longer one")
    if unsigned >> 64:
        raise Undecodable(f"expected a number of 64 bits at byte {place}, got a greater one")
    return unsigned >> 1 ^ -(unsigned & 1), stop


def _read_eight(data: bytes, place: int, eight: int) -> int:
    """A long of eight bytes, which is remembered; `eight`: those bytes. Sevens of bits are put together in pairs."""
    sevens = eight & 0x7F007F007F007F | (eight & 0x7F007F007F007F00) >> 1
    fourteens = sevens & 0x3FFF00003FFF | (sevens & 0x3FFF00003FFF0000) >> 2
    unsigned = fourteens & 0xFFFFFFF | (fourteens & 0xFFFFFFF00000000) >> 4
    number = unsigned >> 1 ^ -(unsigned & 1)
    if len(KNOWN_LONGS) >= CACHE_ENTRIES_MAX:
        KNOWN_LONGS.clear()
    KNOWN_LONGS[data[place : place + 8]] = number
    return number


def read_int(data: bytes, place: int) -> tuple[int, int]:
    number, stop = read_long(data, place)
    if not INT_MIN <= number <= INT_MAX:
        raise Undecodable(f"expected a number of 32 bits at byte {place}, got {number}")
    return number, stop


def read_bytes(data: bytes, place: int) -> tuple[bytes, int]:
    size, start = read_long(data, place)
    stop = start + size
    if size < 0 or stop > len(data):
        raise Undecodable(f"expected a size of at most the {len(data) - start} bytes left at byte {place}, got {size}")
    return data[start:stop], stop


def read_string(data: bytes, place: int) -> tuple[str, int]:
    encoded, stop = read_bytes(data, place)
    return _text(encoded), stop


def read_double(data: bytes, place: int) -> tuple[float, int]:
    if place + 8 > len(data):
        raise Undecodable(f"expected 8 bytes of a double at byte {place}, got the end")
    (number,) = _DOUBLE.unpack_from(data, place)
    if number != number:
        raise Undecodable(f"expected a number at byte {place}, got NaN")
    return number, place + 8


def read_boolean(data: bytes, place: int) -> tuple[bool, int]:
    byte = data[place]
    if byte > 1:
        raise Undecodable(f"expected 0 or 1 for a boolean at byte {place}, got {byte}")
    return byte == 1, place + 1


def read_block(data: bytes, place: int, item_size_min: int) -> tuple[int, int, int]:
    """The head of an array's block: how many items, where they start, and where they stop (-1 if not said).

    The count is checked against the bytes left, so that a short record cannot declare an array that fills the memory.
    """
    count, start = read_long(data, place)
    stop = -1
    if count < 0:
        count = -count
        size, start = read_long(data, start)
        stop = start + size
        if size < 0 or stop > len(data):
            raise Undecodable(f"expected a block within the data at byte {place}, got a size of {size}")
    if count * item_size_min > len(data) - start:
        raise Undecodable(f"expected items within the {len(data) - start} bytes left at byte {place}, got {count}")
    return count, start, stop
