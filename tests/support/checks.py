"""What holds for every log, whatever happened: laws 5, 6 and 10."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

from engine.core.record import Record

OUTCOMES = ("COMPLETED", "FAILED", "SKIPPED", "CANCELED")
#: How a partition's part of a batch operation ends, and the whole.
ENDS = ("PARTITION_COMPLETED", "PARTITION_FAILED", "PARTITION_CANCELED")
FINAL = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")


def check_log(records: Sequence[Record], values: Sequence[bytes], partition: int) -> None:
    """Positions are dense, steps whole, sources in order and once each, the chain unbroken, time never goes back."""
    offsets: dict[str, int] = {}
    chain, ordinals, now = b"", Counter[str](), 0
    index = 0
    while index < len(records):
        step = records[index].step
        held = records[index : index + step.step_count]
        assert [r.position for r in held] == list(range(index + 1, index + step.step_count + 1))
        assert [r.index for r in held] == list(range(step.step_count))
        assert all(r.step == step for r in held)
        assert step.previous_hash == chain, f"the chain is broken before position {index + 1}"
        assert step.source_ordinal == ordinals[step.source_input] + 1
        assert step.source_offset > offsets.get(step.source_input, -1), "a command has two outcomes"
        assert step.timestamp >= now
        ordinals[step.source_input] += 1
        offsets[step.source_input] = step.source_offset
        now = step.timestamp
        hashed = sha256(chain)
        hashed.update(partition.to_bytes(4, "big") + held[0].command_hash)
        hashed.update(b"".join(values[index : index + step.step_count]))
        chain = hashed.digest()
        index += step.step_count


def check_numbers(logs: Mapping[int, Sequence[Record]]) -> None:
    """Every item has at most one outcome, every part's numbers add up, every final total is the sum of the parts."""
    outcomes: dict[tuple[int, int], Counter[str]] = {}
    found: Counter[tuple[int, int]] = Counter()
    given_up = {
        (record.value.source_partition_id, record.key)
        for records in logs.values()
        for record in records
        if record.intent == "PARTITION_GIVEN_UP"
    }
    for partition, records in logs.items():
        for record in records:
            if record.record_type == "EVENT":
                _count(partition, record, outcomes, found)
    for records in logs.values():
        for record in records:
            if record.record_type == "EVENT" and record.value_type == "BATCH_OPERATION_LIFECYCLE_MANAGEMENT":
                _check_final(record, outcomes, found, is_known=not any(key == record.key for _, key in given_up))


def _count(
    partition: int,
    record: Record,
    outcomes: dict[tuple[int, int], Counter[str]],
    found: Counter[tuple[int, int]],
) -> None:
    value = record.value
    if record.value_type == "BATCH_OPERATION_CHUNK":
        found[partition, record.key] += len(value.items)
    elif record.value_type == "BATCH_OPERATION_ITEM" and record.intent in OUTCOMES:
        outcomes.setdefault((partition, value.batch_operation_key), Counter())[record.intent] += 1
    elif record.value_type == "BATCH_OPERATION_PARTITION_LIFECYCLE" and record.intent in ENDS:
        part = (value.source_partition_id, record.key)
        counted = outcomes.get(part, Counter())
        told = {name: getattr(value, name.lower()) for name in OUTCOMES}
        if part[0] == partition:
            assert told == {name: counted[name] for name in OUTCOMES}, f"{told} is told, {counted} happened"
            assert value.total == found[part] == sum(told.values()), f"{value} does not add up"


def _check_final(
    record: Record,
    outcomes: Mapping[tuple[int, int], Counter[str]],
    found: Counter[tuple[int, int]],
    *,
    is_known: bool,
) -> None:
    """Where a part was given up, what happened is at least what is told."""
    if record.intent not in FINAL:
        return
    value = record.value
    total = sum(count for (_, key), count in found.items() if key == record.key)
    assert value.total == total if is_known else value.total <= total, f"expected a total of {total}, got {value}"
    for name in OUTCOMES:
        counted = sum(counts[name] for (_, key), counts in outcomes.items() if key == record.key)
        told = getattr(value, name.lower())
        assert told == counted if is_known else told <= counted, f"expected {counted} {name}, got {value}"
