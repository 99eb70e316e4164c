"""What the codec costs: microseconds a record to encode and to decode, next to fastavro's schemaless functions.

Run `python -m benchmarks.codec`. Records come in steps of 11, keys and positions grow as on a log; the best of several
rounds is printed, because the rest of the machine only ever makes it slower.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import fastavro
from msgspec import Struct, to_builtins

from engine.core.record import EVENT, Record, Step, first_key
from engine.records import FAMILIES
from engine.records.batch_operation_item import BatchOperationItem
from engine.records.process_instance import ProcessInstance
from engine.records.variable import Variable
from engine.shell.codec import Codec, Reader
from engine.shell.codec.framing import PREFIX_SIZE
from engine.shell.codec.schema import RecordType, parse

STEPS = 400
STEP_SIZE = 11
ROUNDS = 7


def process_instance(key: int, index: int) -> Struct:
    """An element of a one-task process: every element has a few events in a row."""
    element = index // 3
    return ProcessInstance(
        process_instance_key=key,
        process_definition_key=first_key(1) + 7,
        bpmn_process_id="order-process",
        bpmn_version=1,
        element_id=f"Activity_0x1a2b{element}",
        element_type="SERVICE_TASK",
        flow_scope_key=key if element else -1,
        root_process_instance_key=key,
        tenant_id="<default>",
    )


def variable(key: int, index: int) -> Struct:
    """A small variable whose value is never the same."""
    return Variable(
        name=f"name{index}",
        value=f'{{"orderId":"order-{key}-{index}"}}',
        scope_key=key,
        process_instance_key=key,
        process_definition_key=first_key(1) + 7,
        bpmn_process_id="order-process",
        root_process_instance_key=key,
        tenant_id="<default>",
    )


def batch_operation_item(key: int, index: int) -> Struct:
    """An outcome: every item is another instance."""
    return BatchOperationItem(
        batch_operation_key=first_key(1) + 9,
        batch_operation_type="CANCEL_PROCESS_INSTANCE",
        process_instance_key=key + index,
        root_process_instance_key=key + index,
    )


CASES: dict[str, tuple[str, Callable[[int, int], Struct]]] = {
    "PROCESS_INSTANCE": ("ELEMENT_COMPLETED", process_instance),
    "VARIABLE": ("CREATED", variable),
    "BATCH_OPERATION_ITEM": ("COMPLETED", batch_operation_item),
}


def steps_of(value_type: str) -> list[list[Record]]:
    """Steps as a partition writes them."""
    intent, make = CASES[value_type]
    steps = []
    for number in range(STEPS):
        key = first_key(1) + 1000 + STEP_SIZE * number
        step = Step(
            partition_id=1,
            step_count=STEP_SIZE,
            timestamp=1_790_000_000_000 + number,
            source_input="commands",
            source_ordinal=5_000 + number,
            source_offset=5_000 + number,
            source_generation=1,
            previous_hash=number.to_bytes(32, "big"),
            build="0.1.0+abcdef",
            claims="anonymous",
            batch_operation_reference=first_key(1) + 9,
        )
        steps.append(
            [
                Record(
                    position=100_000 + number * STEP_SIZE + index,
                    index=index,
                    step=step,
                    record_type=EVENT,
                    intent=intent,
                    key=key + index // 3,
                    value_type=value_type,
                    value=make(key, index),
                )
                for index in range(STEP_SIZE)
            ]
        )
    return steps


def as_fastavro(record: Record, schema: RecordType) -> dict[str, Any]:
    """The record as the dict that fastavro writes, in the order of the schema."""
    fields = {
        **to_builtins(record, builtin_types=(bytes,)),
        **to_builtins(record.step, builtin_types=(bytes,)),
        **to_builtins(record.value, builtin_types=(bytes,)),
    }
    return {field.name: fields[field.attribute] for field in schema.fields}


def best(run: Callable[[], object]) -> float:
    """Microseconds a record of the fastest round."""
    durations = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        durations.append(time.perf_counter() - start)
    return min(durations) / (STEPS * STEP_SIZE) * 1e6


def measure(codec: Codec, value_type: str) -> Sequence[float]:
    """Size of a record in bytes, then microseconds a record: encode, decode, and fastavro's encode and decode."""
    steps = steps_of(value_type)
    encoded = [data for step in steps for data in codec.encode_step(step)]
    schema = parse(codec.schema_texts[value_type])
    judge = fastavro.parse_schema(json.loads(codec.schema_texts[value_type]))
    dicts = [as_fastavro(record, schema) for step in steps for record in step]

    def encode() -> None:
        for step in steps:
            codec.encode_step(step)

    def decode() -> None:
        reader = Reader(codec)
        for data in encoded:
            reader.decode(data)

    def judge_encode() -> None:
        for record in dicts:
            buffer = io.BytesIO()
            fastavro.schemaless_writer(buffer, judge, record)
            buffer.getvalue()

    def judge_decode() -> None:
        for data in encoded:
            fastavro.schemaless_reader(io.BytesIO(data[PREFIX_SIZE:]), judge, None)

    size = sum(map(len, encoded)) / len(encoded)
    return [size, *(best(run) for run in (encode, decode, judge_encode, judge_decode))]


def main() -> None:
    codec = Codec(FAMILIES)
    print(f"{'family':22}{'bytes':>8}{'encode':>9}{'decode':>9}{'fastavro':>20}   (us a record, steps of {STEP_SIZE})")
    for value_type in CASES:
        size, encode, decode, judge_encode, judge_decode = measure(codec, value_type)
        print(f"{value_type:22}{size:8.0f}{encode:9.2f}{decode:9.2f}{judge_encode:11.2f}{judge_decode:9.2f}")


if __name__ == "__main__":
    main()
