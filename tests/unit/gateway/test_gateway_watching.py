"""Waiting for a batch operation: long polls, server-sent events, progress and the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from engine.core.faults import Unavailable
from engine.core.record import first_key
from exporters.search.store import SearchResult
from exporters.search.values import date_text
from gateway import watching
from gateway.batch_progress import failures_of, log_of, overlaps_of, progress_of
from tests.unit.gateway.fakes import FakeSearch, World, world

KEY = first_key(1) + 7
PATH = f"/v2/batch-operations/{KEY}"
Scenario = Callable[[World], Awaitable[None]]


class Moving(FakeSearch):
    """Shows a batch operation in one state after the other, one a look; the last for ever. "": it is not there."""

    def __init__(self, *states: str) -> None:
        super().__init__()
        self.states = list(states)
        self.looks = 0

    async def get(self, entity: str, key: int) -> dict[str, Any] | None:
        self.looks += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == "away":
            raise Unavailable("secondary storage is away")
        created = "2026-01-01T00:00:00.000Z"
        return {"batchOperationKey": str(key), "state": state, "creationDate": created} if state else None

    async def search(self, entity: str, request: Mapping[str, Any], *_: Any) -> SearchResult:
        return SearchResult(items=[], total=2 if "creationDate" in request["filter"] else 5)

    async def report(self, name: str, key: int) -> list[dict[str, Any]]:
        return [part()]


def run(scenario: Scenario, *states: str) -> None:
    async def with_world() -> None:
        async with asyncio.timeout(20), world(search=Moving(*states)) as it:
            await scenario(it)

    asyncio.run(with_world())


def part(partition: int = 1, **more: Any) -> dict[str, Any]:
    counts = {"total": 0, "completed": 0, "failed": 0, "skipped": 0, "canceled": 0}
    times = {"initializationDate": None, "runningDate": None, "runningDone": 0, "outcomeDate": None}
    others = {"incidents": 0, "failures": [], "log": [], "yieldingSince": None, "yieldPause": 0, "silent": []}
    return {"partitionId": partition, **counts, **times, **others, **more}


async def state_of(it: World, **query: str) -> str:
    answer = await it.client.get(PATH, params=query)
    assert answer.status_code == 200
    return str(answer.json()["state"])


# long polls


def test_without_waiting_it_is_shown_as_it_is() -> None:
    async def scenario(it: World) -> None:
        answer = (await it.client.get(PATH)).json()
        assert (answer["batchOperationKey"], answer["state"]) == (str(KEY), "CREATED")
        assert answer["childBatchOperationKeys"] == []

    run(scenario, "CREATED", "ACTIVE")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("ACTIVE", "ACTIVE", "SUSPENDED"), "SUSPENDED"),  # a change
        (("COMPLETED",), "COMPLETED"),  # it has ended: there will be none
        (("", "", "CREATED"), "CREATED"),  # created just now, and not shown yet
        (("ACTIVE", "away", "COMPLETED"), "COMPLETED"),  # a look that fails
    ],
)
def test_the_answer_comes_with_a_change(states: Sequence[str], expected: str) -> None:
    async def scenario(it: World) -> None:
        assert await state_of(it, wait="15") == expected

    run(scenario, *states)


def test_the_answer_comes_when_the_time_is_over() -> None:
    async def scenario(it: World) -> None:
        assert await state_of(it, wait="0.01") == "ACTIVE"
        assert await state_of(it, wait="0") == "ACTIVE"

    run(scenario, "ACTIVE")
    unknown: list[int] = []

    async def not_there(it: World) -> None:
        unknown.append((await it.client.get(PATH, params={"wait": "0.01"})).status_code)

    run(not_there, "")
    assert unknown == [404]


@pytest.mark.parametrize("wait", ["soon", "-1", "601", "nan", ""])
def test_a_wait_that_is_none_is_refused(wait: str) -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.get(PATH, params={"wait": wait})
        assert (answer.status_code, answer.json()["problems"][0][:22]) == (400, "wait: expected seconds")

    run(scenario, "ACTIVE")


def test_the_gateway_does_not_wait_when_it_ends() -> None:
    async def scenario(it: World) -> None:
        asking = asyncio.create_task(state_of(it, wait="600"))
        while not isinstance(it.search, Moving) or not it.search.looks:
            await asyncio.sleep(0)
        it.app.state["drain"]()
        assert await asking == "ACTIVE"

    run(scenario, "ACTIVE")


def test_too_many_who_watch_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(it: World) -> None:
        monkeypatch.setattr(watching, "WATCHERS_MAX", 2)
        asking = [asyncio.create_task(it.client.get(PATH, params={"wait": "0.2"})) for _ in range(4)]
        assert sorted(answer.status_code for answer in await asyncio.gather(*asking)) == [200, 200, 503, 503]
        monkeypatch.setattr(watching, "WATCHED_MAX", 1)
        paths = [f"/v2/batch-operations/{KEY + number}" for number in range(3)]
        asking = [asyncio.create_task(it.client.get(path, params={"wait": "0.2"})) for path in paths]
        assert sorted(answer.status_code for answer in await asyncio.gather(*asking)) == [200, 503, 503]
        assert await state_of(it, wait="0.01") == "ACTIVE"  # nobody watches any more

    run(scenario, "ACTIVE")


# server-sent events


def test_every_change_is_an_event() -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.get(f"{PATH}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [event for event in answer.text.split("\n\n") if event]
        assert all(event.startswith("event: batch-operation\ndata: ") for event in events)
        assert [json.loads(event.partition("data: ")[2])["state"] for event in events] == [
            "CREATED",
            "ACTIVE",
            "FAILED",
        ]

    run(scenario, "CREATED", "CREATED", "ACTIVE", "ACTIVE", "FAILED")


def test_the_stream_ends_when_it_is_deleted() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"{PATH}/events")).text.endswith("event: deleted\ndata: {}\n\n")

    run(scenario, "SUSPENDED", "SUSPENDED", "")


def test_there_is_no_stream_of_nothing() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"{PATH}/events")).status_code == 404

    run(scenario, "")


# progress


def test_progress_and_log_are_served() -> None:
    async def scenario(it: World) -> None:
        progress = (await it.client.get(f"{PATH}/progress")).json()
        assert (progress["batchOperationKey"], progress["partitions"][0]["pending"]) == (str(KEY), 0)
        assert progress["queue"] == {"position": 2, "length": 5}
        assert (await it.client.get(f"{PATH}/log")).json() == {"items": []}

    run(scenario, "ACTIVE")


def test_who_does_not_want_to_run_has_no_place_in_the_queue() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"{PATH}/progress")).json()["queue"] is None

    run(scenario, "SUSPENDED")


def test_speed_and_end_are_those_of_the_log() -> None:
    """100 items a second here, 20 there; 300 and 100 are left: 400 at 120 a second, and 5 s of the slower one."""
    begin = 1_767_225_600_000
    here = part(1, total=1_401, completed=1_101, runningDate=begin, runningDone=100, outcomeDate=begin + 10_000)
    there = part(2, total=301, completed=201, runningDate=begin, runningDone=0, outcomeDate=begin + 10_000)
    batch = {"batchOperationKey": str(KEY), "state": "ACTIVE"}
    progress = progress_of(batch, [here, there])
    assert (progress["pending"], progress["itemsPerSecond"]) == (400, 120.0)
    assert [one["itemsPerSecond"] for one in progress["partitions"]] == [100.0, 20.0]
    now = begin + 10_000
    assert progress["end"] == {"earliest": date_text(now + 3_333), "latest": date_text(now + 5_000)}
    assert progress_of({**batch, "state": "SUSPENDED"}, [here, there])["end"] is None
    assert progress_of(batch, [here, part(2, total=5)])["end"] is None  # nothing tells how fast that is


@pytest.mark.parametrize(("done", "speed"), [(1, 0.0), (2, 0.5), (3, 1.0)])
def test_the_first_item_comes_at_once_and_is_no_pace(done: int, speed: float) -> None:
    """One a second: the third is done 2 s after the first."""
    begin = 1_767_225_600_000
    one = part(1, total=9, completed=4 + done, runningDate=begin, runningDone=4, outcomeDate=begin + 2_000)
    progress = progress_of({"batchOperationKey": str(KEY), "state": "ACTIVE"}, [one])
    assert progress["itemsPerSecond"] == speed
    assert (progress["end"] is None) == (not speed)


def test_failures_of_a_kind_are_one_over_all_partitions() -> None:
    def failed(code: str, count: int, *keys: str) -> dict[str, Any]:
        return {"errorCode": code, "kind": "no #", "count": count, "message": f"no {keys[0]}", "itemKeys": list(keys)}

    parts = [part(1, failures=[failed("A", 1, "1"), failed("B", 2, "2", "3")]), part(2, failures=[failed("A", 3, "4")])]
    assert failures_of(parts) == [
        {"errorCode": "A", "message": "no 1", "count": 4, "partitionIds": [1, 2], "itemKeys": ["1", "4"]},
        {"errorCode": "B", "message": "no 2", "count": 2, "partitionIds": [1], "itemKeys": ["2", "3"]},
    ]


def test_the_log_is_in_the_order_of_time() -> None:
    def entry(event: str, timestamp: int, **more: Any) -> dict[str, Any]:
        return {"event": event, "timestamp": timestamp, "position": 1, **more}

    paused = entry("PAUSED", 4, until=5)
    parts = [part(1, log=[entry("CREATED", 1), entry("SUSPENDED", 3, reason="r")])]
    parts += [part(2, log=[entry("CREATED", 2), paused])]
    assert log_of(parts) == [
        {"partitionId": 1, "event": "CREATED", "timestamp": date_text(1), "position": 1},
        {"partitionId": 2, "event": "CREATED", "timestamp": date_text(2), "position": 1},
        {"partitionId": 1, "event": "SUSPENDED", "timestamp": date_text(3), "position": 1, "reason": "r"},
        {"partitionId": 2, "event": "PAUSED", "timestamp": date_text(4), "position": 1, "until": date_text(5)},
    ]


def test_others_with_items_of_the_same_instances() -> None:
    def item(batch: str, instance: str, state: str) -> dict[str, Any]:
        kind = "CANCEL_PROCESS_INSTANCE"
        names = ("batchOperationKey", "operationType", "processInstanceKey", "state")
        return dict(zip(names, (batch, kind, instance, state), strict=True))

    found = overlaps_of([item("1", "7", "ACTIVE"), item("2", "7", "FAILED"), item("2", "8", "ACTIVE")])
    assert [(one["batchOperationKey"], one["itemsCount"], one["activeCount"]) for one in found] == [
        ("2", 2, 1),
        ("1", 1, 1),
    ]
    assert found[0]["processInstanceKeys"] == ["7", "8"]
