"""Every family's records survive the codec, and its bytes are those of fastavro."""

from __future__ import annotations

import random

import pytest
from codec_values import (
    CODEC,
    VALUE_TYPES,
    example,
    judge_decode,
    judge_encode,
    record_as_builtins,
    records,
    steps,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.faults import BadRequest, BrokenInvariant
from engine.core.record import Record, Step
from engine.records import FAMILIES
from engine.records.deployment import Deployment, Resource
from engine.records.process_instance import ProcessInstance
from engine.records.variable import Variable
from engine.shell.codec import Reader, wire
from engine.shell.codec.framing import PREFIX_SIZE, prefix_of


@pytest.mark.parametrize("value_type", VALUE_TYPES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_bytes_are_those_of_fastavro_and_come_back(value_type: str, data: st.DataObject) -> None:
    record = data.draw(records(value_type))
    encoded = CODEC.encode(record)
    text = CODEC.schema_texts[value_type]
    expected = record_as_builtins(record)

    assert encoded[:PREFIX_SIZE] == prefix_of(CODEC.fingerprints[value_type])
    assert encoded[PREFIX_SIZE:] == judge_encode(text, expected)
    assert judge_decode(text, encoded) == expected
    assert CODEC.decode(encoded) == record
    assert CODEC.decode(encoded) == record, "from the caches"


@pytest.mark.parametrize("value_type", VALUE_TYPES)
def test_defaults_come_back(value_type: str) -> None:
    record = Record(step=Step(), intent="", value_type=value_type, value=FAMILIES[value_type]())
    assert CODEC.decode(CODEC.encode(record)) == record


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_steps_and_readers_give_what_single_records_give(data: st.DataObject) -> None:
    """A reader that sees steps end, begin and come back decodes as one that starts anew."""
    known = data.draw(st.lists(steps(), min_size=1, max_size=3))
    reader = Reader(CODEC)
    for _ in range(data.draw(st.integers(1, 5))):
        step = data.draw(st.sampled_from(known))
        batch = [
            replace(data.draw(records(data.draw(st.sampled_from(VALUE_TYPES)))), step=step)
            for _ in range(data.draw(st.integers(1, 3)))
        ]
        encoded = CODEC.encode_step(batch)
        assert encoded == [CODEC.encode(record) for record in batch]
        assert [reader.decode(each) for each in encoded] == batch
        assert [Reader(CODEC).decode(each) for each in encoded] == batch


def test_a_reader_decodes_the_same_step_once() -> None:
    reader = Reader(CODEC)
    first, second = (reader.decode(CODEC.encode(replace(example(), index=index))) for index in (0, 1))
    assert first.step is second.step


def test_equal_steps_need_not_be_one_object() -> None:
    record = example()
    other = replace(record, step=replace(record.step))
    assert CODEC.encode_step([record, other]) == [CODEC.encode(record)] * 2


def test_no_records_are_no_bytes() -> None:
    assert CODEC.encode_step([]) == []


def test_records_of_two_steps_are_refused() -> None:
    record = example()
    other = replace(record, step=replace(record.step, timestamp=1))
    with pytest.raises(BrokenInvariant, match="one step"):
        CODEC.encode_step([record, other])


@pytest.mark.parametrize(
    "value",
    [
        ProcessInstance(process_instance_key=1 << 63),
        ProcessInstance(process_instance_key=-(1 << 63) - 1),
        ProcessInstance(bpmn_version=1 << 31),
        ProcessInstance(bpmn_version=-(1 << 31) - 1),
        ProcessInstance(element_id="\ud800"),
        ProcessInstance(tags=("good", "\udfff")),
    ],
    ids=["long above", "long below", "int above", "int below", "surrogate", "surrogate in an array"],
)
def test_what_no_record_can_hold_is_a_bad_request(value: ProcessInstance) -> None:
    record = replace(example(), value=value)
    for encode in (CODEC.encode, lambda record: CODEC.encode_step([record])):
        with pytest.raises(BadRequest, match="expected"):
            encode(record)


def test_an_unknown_family_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="NO_SUCH"):
        CODEC.encode(replace(example(), value_type="NO_SUCH"))


def test_large_values_come_back() -> None:
    variable = replace(example("VARIABLE"), value=Variable(name="large", value="ü" * 1_900_000))
    assert CODEC.decode(CODEC.encode(variable)) == variable
    resources = tuple(Resource(resource_name=f"{number}.bpmn", resource=bytes(1000)) for number in range(3000))
    deployment = replace(example("DEPLOYMENT"), value=Deployment(resources=resources))
    assert CODEC.decode(CODEC.encode(deployment)) == deployment


def test_caches_are_bounded_and_change_no_result() -> None:
    """More distinct keys and texts than the caches hold, most of them twice, in a random order."""
    numbers = [*range(wire.CACHE_ENTRIES_MAX + 500), *range(wire.CACHE_ENTRIES_MAX)]
    random.Random(7).shuffle(numbers)
    reader = Reader(CODEC)
    for number in numbers:
        value = ProcessInstance(process_instance_key=(1 << 51) + number, element_id=f"Activity_{number}")
        record = replace(example(), position=number, value=value)
        assert reader.decode(CODEC.encode(record)) == record
    for cache in (wire.LONGS, wire.INTS, wire.STRINGS, wire.KNOWN_STRINGS, wire.KNOWN_LONGS, wire._UPPER):
        assert len(cache) <= wire.CACHE_ENTRIES_MAX
