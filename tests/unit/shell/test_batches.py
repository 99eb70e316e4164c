"""The bytes of the embedded log."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.ports import Message
from engine.shell.embedded.batches import (
    BATCH_SIZE_MAX,
    KEY,
    Batch,
    Damaged,
    count_messages,
    decode_batch,
    decode_headers,
    decode_values,
    encode_bodies,
    encode_value,
    verify,
)

MESSAGES = st.lists(
    st.builds(
        Message,
        value=st.binary(max_size=30),
        headers=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    ),
    min_size=1,
    max_size=10,
)


def open_batch(key: bytes, value: bytes) -> Batch:
    batch = decode_batch(key, value)
    verify(batch)
    return batch


@given(messages=MESSAGES, base=st.integers(0, 2**63), timestamp=st.integers(0, 2**63))
def test_a_batch_gives_back_its_messages(messages: list[Message], base: int, timestamp: int) -> None:
    (body,) = encode_bodies(messages)
    assert count_messages(body) == len(messages)
    key = KEY.pack(base)
    batch = open_batch(key, encode_value(key, timestamp, body))
    assert (batch.base, batch.timestamp, batch.end) == (base, timestamp, base + len(messages))
    values, ends = decode_values(batch)
    starts = [0, *ends]
    assert [values[start:end] for start, end in zip(starts, ends, strict=False)] == [one.value for one in messages]
    assert decode_headers(batch) == {index: one.headers for index, one in enumerate(messages) if one.headers}


def test_every_flipped_bit_is_noticed() -> None:
    key = KEY.pack(7)
    (body,) = encode_bodies([Message(value=b"first", headers={"a": "b"}), Message(value=b"second")])
    written = key + encode_value(key, 1234, body)
    for position in range(len(written) * 8):
        flipped = bytearray(written)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(Damaged):
            open_batch(bytes(flipped[:8]), bytes(flipped[8:]))


def test_every_cut_is_noticed() -> None:
    key = KEY.pack(7)
    value = encode_value(key, 1234, encode_bodies([Message(value=b"value")])[0])
    for size in range(len(value)):
        with pytest.raises(Damaged):
            open_batch(key, value[:size])


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.sampled_from([0, 1, BATCH_SIZE_MAX // 2, BATCH_SIZE_MAX, BATCH_SIZE_MAX + 1]), min_size=1))
def test_a_large_append_is_cut_between_messages(sizes: list[int]) -> None:
    bodies = encode_bodies([Message(value=bytes(size)) for size in sizes])
    assert sum(count_messages(body) for body in bodies) == len(sizes)
    assert all(len(body) < BATCH_SIZE_MAX + 1000 or count_messages(body) == 1 for body in bodies)


@pytest.mark.parametrize("body", [b"", b"short", bytes(12), b"\xff" * 12])
def test_other_bytes_are_no_body(body: bytes) -> None:
    with pytest.raises(Damaged, match="expected a body"):
        count_messages(body)
