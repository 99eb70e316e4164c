"""Counting again where a partition was given up: what it told last stands for it, and is never more than happened."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.record import Record
from engine.records import BatchOperationPartitionLifecycle
from replay.counters import Counters, compare
from replay.report import COUNTERS, Check
from tests.support.batches import is_over, populate, start
from tests.support.fixture import scenario as scenario
from tests.support.scenario import Scenario

LIMIT_MS = 600_000


def audit(logs: dict[int, list[Record]]) -> list[str]:
    check, found = Check(COUNTERS), {}
    for partition, records in logs.items():
        counters = Counters(partition)
        for record in records:
            if (handler := counters.handlers.get(record.value_type)) is not None:
                handler(record)
        found[partition] = counters.finish()
    compare(check, found)
    return [failure.text for failure in check.report().failures]


def story(*, comes_back: bool) -> dict[int, list[Record]]:
    s = Scenario(2, settings={"slice_size": 1})
    populate(s, 6)
    start(s, rate=0.2)
    s.stopped = {2}
    for _ in range(40):
        s.advance(LIMIT_MS // 20)
    assert is_over(s)
    if comes_back:
        s.stopped.clear()
        s.drain()
    s.check()
    return {number: list(s.records(number)) for number in s.partitions}


@pytest.mark.parametrize("comes_back", [True, False])
def test_what_it_told_last_stands_for_it(comes_back: bool) -> None:
    assert audit(story(comes_back=comes_back)) == []


@pytest.mark.parametrize(("name", "text"), [("completed", "given up with more"), ("total", "given up with more")])
def test_it_cannot_have_told_more_than_happened(name: str, text: str) -> None:
    logs = story(comes_back=True)
    for index, record in enumerate(logs[1]):
        if record.intent == "PARTITION_GIVEN_UP":
            assert isinstance(record.value, BatchOperationPartitionLifecycle)
            told = msgspec.structs.replace(record.value, **{name: 99})
            logs[1][index] = msgspec.structs.replace(record, value=told)
    assert any(text in failure for failure in audit(logs))


def test_its_end_must_fit_what_it_told() -> None:
    logs = story(comes_back=False)
    for index, record in enumerate(logs[1]):
        if record.intent == "PARTITION_GIVEN_UP":
            assert isinstance(record.value, BatchOperationPartitionLifecycle)
            logs[1][index] = msgspec.structs.replace(record, value=msgspec.structs.replace(record.value, total=2))
    assert any("but its end says" in failure for failure in audit(logs))
