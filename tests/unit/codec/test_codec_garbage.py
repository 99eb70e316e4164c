"""Whatever the bytes are: a record, or Undecodable with a reason. Nothing else, and no memory to speak of."""

from __future__ import annotations

import tracemalloc

import pytest
from codec_values import CODEC, VALUE_TYPES, example, records
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.faults import BadRequest
from engine.core.record import Record
from engine.records import FAMILIES
from engine.records.batch_operation_chunk import BatchItem, BatchOperationChunk
from engine.records.batch_operation_lifecycle_management import BatchOperationLifecycleManagement
from engine.records.clock import Clock
from engine.records.process_instance import ProcessInstance
from engine.shell.codec import Reader, Undecodable
from engine.shell.codec.framing import MARKER, PREFIX_SIZE, prefix_of
from engine.shell.codec.wire import varint


def zigzag(number: int) -> bytes:
    return varint(number << 1 ^ number >> 63)


def decoded(data: bytes) -> Record | None:
    """The record; None if undecodable. A record that was read can be written, and is then read the same."""
    try:
        record = Reader(CODEC).decode(data)
    except Undecodable:
        return None
    assert CODEC.decode(CODEC.encode(record)) == record
    return record


def before_tags() -> bytes:
    """A good PROCESS_INSTANCE up to its tags, which are the first difference of these two."""
    without, with_tags = (CODEC.encode(replace(example(), value=ProcessInstance(tags=tags))) for tags in ((), ("a",)))
    first = next(place for place, pair in enumerate(zip(without, with_tags, strict=False)) if pair[0] != pair[1])
    return without[:first]


def after_tags() -> bytes:
    return CODEC.encode(replace(example(), value=ProcessInstance()))[len(before_tags()) + 1 :]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    decoded(data)
    decoded(MARKER + data)


@pytest.mark.parametrize("value_type", VALUE_TYPES)
@settings(max_examples=40, deadline=None)
@given(
    body=st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(b"\x00\x01\x02\x80\xff"), max_size=90).map(bytes))
)
def test_random_bodies(value_type: str, body: bytes) -> None:
    decoded(prefix_of(CODEC.fingerprints[value_type]) + body)


@pytest.mark.parametrize("value_type", VALUE_TYPES)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_truncation_and_every_addition_is_refused(value_type: str, data: st.DataObject) -> None:
    encoded = CODEC.encode(data.draw(records(value_type)))
    for size in range(len(encoded)):
        assert decoded(encoded[:size]) is None
    assert decoded(encoded + b"\x00") is None


@pytest.mark.parametrize("value_type", VALUE_TYPES)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_flipped_bits(value_type: str, data: st.DataObject) -> None:
    encoded = CODEC.encode(data.draw(records(value_type)))
    for place in range(len(encoded)):
        flipped = bytearray(encoded)
        flipped[place] ^= 1 << (place % 8)
        decoded(bytes(flipped))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "got nothing"),
        (b"\xc3", "got C3"),
        (b"{}", "got 7B 7D"),
        (b"\x00\x00\x00\x00\x07rest", "Confluent framing .magic 0, schema id 7."),
        (MARKER + b"1234", "got 6 and the end"),
        (MARKER + b"\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08", "08090a0b0c0d0e0f"),
    ],
)
def test_what_is_not_framed_as_one_of_ours_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(Undecodable, match=reason):
        CODEC.decode(data)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (b"\xff" * 9 + b"\x02", "64 bits"),
        (b"\x80" * 10 + b"\x00", "at most 10 bytes"),
        (b"\xff" * 400_000, "at most 10 bytes"),
    ],
)
def test_numbers_beyond_64_bits_are_refused(number: bytes, reason: str) -> None:
    with pytest.raises(Undecodable, match=reason):
        CODEC.decode(prefix_of(CODEC.fingerprints["PROCESS_INSTANCE"]) + number)


def test_numbers_beyond_32_bits_are_refused_where_an_int_is_expected() -> None:
    with pytest.raises(Undecodable, match="32 bits"):
        CODEC.decode(prefix_of(CODEC.fingerprints["PROCESS_INSTANCE"]) + b"\x02" + zigzag(1 << 31))


@pytest.mark.parametrize("size", [-1, -64, -65, -(1 << 62), 63, 64, 1 << 62, (1 << 63) - 1, 100_000])
def test_sizes_of_strings_are_checked(size: int) -> None:
    """Where the size is wrong it is refused, not somewhere behind."""
    with pytest.raises(Undecodable, match=f"(of {size} bytes|got {size})"):
        CODEC.decode(before_tags() + zigzag(1) + zigzag(size) + b"a" + b"\x00" + after_tags())


@pytest.mark.parametrize("number", [1 << bits for bits in range(63)])
def test_a_long_that_ends_a_record_is_known_the_second_time(number: int) -> None:
    """Varints of every length with nothing behind them; another value in between, for the last one is kept."""
    for due in (number, 0, number):
        record = replace(example("CLOCK"), value=Clock(due=due))
        assert CODEC.decode(CODEC.encode(record)) == record


def test_text_that_is_not_utf8_is_refused() -> None:
    for text in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xc3" * 70):
        body = zigzag(1) + zigzag(len(text)) + text + b"\x00" + after_tags()
        with pytest.raises(Undecodable, match="UTF-8"):
            CODEC.decode(before_tags() + body)


def test_booleans_are_0_or_1() -> None:
    false, true = (
        CODEC.encode(replace(example("BATCH_OPERATION_CHUNK"), value=BatchOperationChunk(last=last)))
        for last in (False, True)
    )
    (place,) = (index for index, (no, yes) in enumerate(zip(false, true, strict=True)) if no != yes)
    assert (false[place], true[place]) == (0, 1)
    with pytest.raises(Undecodable, match="boolean"):
        CODEC.decode(true[:place] + b"\x02" + true[place + 1 :])


@pytest.mark.parametrize("bits", [0x7FF8_0000_0000_0000, 0xFFF0_0000_0000_0001, 0x7FFF_FFFF_FFFF_FFFF])
def test_what_is_no_number_is_refused(bits: int) -> None:
    """It would equal nothing, not even itself, and every limit would let it pass."""
    one, two = (CODEC.encode(paced(rate)) for rate in (1.0, -1.0))
    place = next(index for index, (a, b) in enumerate(zip(one, two, strict=True)) if a != b) - 7
    with pytest.raises(Undecodable, match="got NaN"):
        CODEC.decode(one[:place] + bits.to_bytes(8, "little") + one[place + 8 :])
    with pytest.raises(BadRequest, match="got NaN"):
        CODEC.encode(paced(float("nan")))


def paced(rate: float) -> Record:
    value = BatchOperationLifecycleManagement(batch_operation_key=1, rate=rate)
    return replace(example("BATCH_OPERATION_LIFECYCLE_MANAGEMENT"), value=value)


@pytest.mark.parametrize("count", [1 << 20, 1 << 40, (1 << 63) - 1, -(1 << 20), -(1 << 63)])
@pytest.mark.parametrize("filling", [0, 100_000])
def test_bombs_are_refused_before_they_take_memory(count: int, filling: int) -> None:
    data = before_tags() + zigzag(count) + bytes(filling)
    with pytest.raises(Undecodable):
        CODEC.decode(data)  # the decoder is made now, which takes memory of its own
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable):
            CODEC.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data) + 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [2, 1 << 30])
def test_counts_of_records_are_checked_against_their_least_size(count: int) -> None:
    """Two items of three numbers each need six bytes: five are refused before one is read."""
    value = BatchOperationChunk(items=(BatchItem(item_key=1),))
    encoded = CODEC.encode(replace(example("BATCH_OPERATION_CHUNK"), value=value))
    items = b"\x02\x02\x01\x01\x00"
    head = encoded[: encoded.rindex(items)]
    with pytest.raises(Undecodable, match=f"got {count}"):
        CODEC.decode(head + zigzag(count) + b"\x02" * 5)


def test_blocks_of_other_producers_are_read() -> None:
    """Several blocks, with a count alone or with a negative count and the block's size in bytes."""
    blocks = zigzag(1) + b"\x02a" + zigzag(-2) + zigzag(4) + b"\x02b\x02c" + zigzag(1) + b"\x02d" + b"\x00"
    record = CODEC.decode(before_tags() + blocks + after_tags())
    assert record.value == ProcessInstance(tags=("a", "b", "c", "d"))


@pytest.mark.parametrize("size", [3, 5, -1, 1 << 62])
def test_a_block_of_another_size_than_it_says_is_refused(size: int) -> None:
    blocks = zigzag(-2) + zigzag(size) + b"\x02b\x02c" + b"\x00"
    assert decoded(before_tags() + blocks + after_tags()) is None


def test_a_refused_record_leaves_a_reader_as_good_as_before() -> None:
    reader = Reader(CODEC)
    records_of_all = [example(value_type) for value_type in FAMILIES]
    for record in records_of_all:
        encoded = CODEC.encode(replace(record, step=replace(record.step, timestamp=record.key)))
        for size in (PREFIX_SIZE + 1, len(encoded) // 2, len(encoded) - 1):
            with pytest.raises(Undecodable):
                reader.decode(encoded[:size])
        assert reader.decode(CODEC.encode(record)) == record
