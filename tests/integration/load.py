"""A load on an installation that remembers every answer, and the comparison of those answers with the log.

Its requests are never repeated: what was acknowledged must have happened once, what was not may have.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, EVENTS, Entry
from engine.core.record import EVENT, Record
from replay.sources import EmbeddedSource, LogSource, OpenLog
from replay.verify import verify
from tests.integration.installation import PATIENCE, Installation
from tests.support.checks import check_log, check_numbers
from tests.support.models import one_task

#: Instances whose job is worked, and instances that only batch operations touch.
WORKED, CANCELED = "worked", "canceled"
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "CANCELED", "FAILED")
#: Every so many jobs a worker fails, so that there is an incident.
FAILURE_EVERY = 5
#: Requests between two batch operations of one client, or two seconds.
BATCH_EVERY = 100
JSON = dict[str, Any]


class Load:
    """Clients that go on until `stop`. `answers` counts what was acknowledged.

    `pause`: seconds between two requests of a client, where a long fault shall not leave more than can soon be audited.
    """

    def __init__(self, engine: Installation, seed: int, pause: float = 0.0) -> None:
        self.created: dict[str, int] = {}
        self.completed: list[int] = []
        self.failed: list[int] = []
        self.resolved: list[int] = []
        self.batches: list[int] = []
        self.refusals: Counter[int] = Counter()
        self.answers = 0
        self._pause = pause
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._moved = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self._client = httpx.AsyncClient(base_url=f"{engine.url}/v2", timeout=PATIENCE)

    async def start(self, creators: int = 6, *, with_batches: bool = True) -> None:
        """Deploy the models, then begin."""
        self._is_stopping = False
        for process in (WORKED, CANCELED):
            files = {"resources": (f"{process}.bpmn", one_task(process, process), "text/xml")}
            (await self._client.post("/deployments", files=files)).raise_for_status()
        clients = [self._create] * creators + [self._work] * 2
        if with_batches:
            clients += [self._resolve, self._cancel_by_batch, self._resolve_by_batch]
        self._tasks = [asyncio.create_task(self._repeat(client)) for client in clients]

    async def reach(self, answers: int) -> None:
        """Wait until so many requests more have been acknowledged."""
        wanted = self.answers + answers
        async with self._moved:
            try:
                await asyncio.wait_for(self._moved.wait_for(lambda: self.answers >= wanted), PATIENCE)
            except TimeoutError:
                got = self.answers + answers - wanted
                text = f"expected {answers} requests more to be acknowledged within {PATIENCE:g} s, got {got}"
                raise AssertionError(f"{text}; refused in all: {dict(self.refusals)}") from None

    async def stop(self) -> None:
        """Begin nothing new; wait for the answers that are missing."""
        self._is_stopping = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            _, waiting = await asyncio.wait(tasks, timeout=2 * PATIENCE)
            assert not waiting, f"expected every client to end within {2 * PATIENCE:g} s, got {waiting}"
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError), result

    async def settle(self) -> None:
        """Let every batch operation come to its end, however the load left it."""
        deadline = time.monotonic() + PATIENCE
        while open_batches := [batch for batch in await self._batches() if batch["state"] not in FINAL_STATES]:
            assert time.monotonic() < deadline, f"expected these to end within {PATIENCE:g} s: {open_batches}"
            for batch in open_batches:
                if batch["state"] == "SUSPENDED":
                    await self._post(f"/batch-operations/{batch['batchOperationKey']}/resumption", {})

    async def close(self) -> None:
        await self.stop()
        await self._client.aclose()

    async def search(self, entity: str, wanted: JSON) -> list[JSON]:
        """Up to 100 documents; none while search cannot answer."""
        answer = await self._post(f"/{entity}/search", {"filter": wanted, "page": {"limit": 100}})
        return list(answer["items"]) if answer else []

    # clients

    async def _repeat(self, client: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self._is_stopping:  # a cancellation may end as the time-out of a wait
            await client()
            await asyncio.sleep(self._pause)

    async def _create(self) -> None:
        process = self._random.choice((WORKED, CANCELED))
        number = next(self._numbers)
        answer = await self._acknowledged(
            "/process-instances", {"processDefinitionId": process, "variables": {"number": number}}
        )
        if answer is not None:
            self.created[answer["processInstanceKey"]] = number

    async def _work(self) -> None:
        request = {"type": WORKED, "timeout": 600_000, "maxJobsToActivate": 5, "requestTimeout": 1_000}
        answer = await self._post("/jobs/activation", request)
        for job in answer["jobs"] if answer else ():
            key = job["jobKey"]
            if int(key) % FAILURE_EVERY == 0:
                if await self._acknowledged(f"/jobs/{key}/failure", {"retries": 0}) is not None:
                    self.failed.append(int(key))
            elif await self._acknowledged(f"/jobs/{key}/completion", {}) is not None:
                self.completed.append(int(key))

    async def _resolve(self) -> None:
        for incident in (await self.search("incidents", {"state": "ACTIVE"}))[:3]:
            key = incident["incidentKey"]
            if await self._acknowledged(f"/incidents/{key}/resolution", {}) is not None:
                self.resolved.append(int(key))

    async def _cancel_by_batch(self) -> None:
        await self._batch("/process-instances/cancellation", {"processDefinitionId": CANCELED})

    async def _resolve_by_batch(self) -> None:
        await self._batch(
            "/process-instances/incident-resolution", {"processDefinitionId": WORKED, "hasIncident": True}
        )

    async def _batch(self, path: str, wanted: JSON) -> None:
        """Create one, and now and then suspend and resume it."""
        answer = await self._acknowledged(path, {"filter": wanted})
        if answer is None:
            return
        key = answer["batchOperationKey"]
        self.batches.append(int(key))
        if self._random.random() < 0.5:
            await self._post(f"/batch-operations/{key}/suspension", {})
            await self._post(f"/batch-operations/{key}/resumption", {})
        with suppress(TimeoutError):
            await asyncio.wait_for(self.reach(BATCH_EVERY), 2)

    async def _batches(self) -> list[JSON]:
        return await self.search("batch-operations", {})

    async def _acknowledged(self, path: str, body: JSON) -> JSON | None:
        answer = await self._post(path, body)
        if answer is not None:
            self.answers += 1
            async with self._moved:
                self._moved.notify_all()
        return answer

    async def _post(self, path: str, body: JSON) -> JSON | None:
        """The answer; None when it was refused or got lost."""
        request = asyncio.ensure_future(self._client.post(path, json=body))
        try:
            response = await asyncio.shield(request)
        except httpx.TransportError:
            return None
        except asyncio.CancelledError:
            with suppress(httpx.TransportError):
                await request
            raise
        if not response.is_success:
            assert response.status_code in (404, 409, 503, 504), (path, response.text)
            self.refusals[response.status_code] += 1
            return None
        return dict(response.json()) if response.content else {}


def check(load: Load, data: Path) -> None:
    """Verify a stopped installation, and compare it with what was acknowledged."""
    report = verify(data)
    assert report.ok, report
    check_answers(load, EmbeddedSource(data))


def check_answers(load: Load, source: LogSource) -> None:
    """Compare a log that nobody writes any more with what was acknowledged."""
    partitions = asyncio.run(read_events(source))
    for partition, (records, values) in partitions.items():
        check_log(records, values, partition)
    check_numbers({partition: records for partition, (records, _) in partitions.items()})
    events = [record for records, _ in partitions.values() for record in records if record.record_type == EVENT]
    happened = Counter((event.value_type, event.intent, event.key) for event in events)
    assert max(count for (_, intent, _), count in happened.items() if intent in ONCE) == 1
    assert_once(happened, "PROCESS_INSTANCE_CREATION", "CREATED", [int(key) for key in load.created])
    assert_once(happened, "PROCESS_INSTANCE", "ELEMENT_ACTIVATING", [int(key) for key in load.created])
    assert_once(happened, "JOB", "COMPLETED", load.completed)
    assert_once(happened, "INCIDENT", "RESOLVED", load.resolved)
    assert_once(happened, "BATCH_OPERATION_CREATION", "CREATED", load.batches, times=len(partitions))
    assert all(happened["JOB", "FAILED", key] for key in load.failed)
    numbers = Counter(event.value.value for event in events if event.value_type == "VARIABLE")  # type: ignore[attr-defined]
    assert set(numbers.values()) == {1}, "a request that was sent once made two instances"
    assert {str(number) for number in load.created.values()} <= numbers.keys()


#: Events that a key has at most once.
ONCE = ("ELEMENT_ACTIVATING", "ELEMENT_COMPLETED", "ELEMENT_TERMINATED", "COMPLETED")


def assert_once(
    happened: Mapping[tuple[str, str, int], int], value_type: str, intent: str, keys: Sequence[int], times: int = 1
) -> None:
    wrong = {key: happened.get((value_type, intent, key), 0) for key in keys}
    wrong = {key: count for key, count in wrong.items() if count != times}
    assert not wrong, f"expected {value_type} {intent} {times} times each, got {wrong}"
    assert len(set(keys)) == len(keys)


async def read_events(source: LogSource) -> dict[int, tuple[list[Record], list[bytes]]]:
    """Partition -> records and their bytes; every command must have an outcome there."""
    codec = Assembly().codec
    found = {}
    async with source.open() as log:
        for partition in range(1, log.partition_count + 1):
            values = [entry.value for entry in await _read_all(log, EVENTS, partition)]
            records = [codec.decode(value) for value in values]
            decided = {record.step.source_offset for record in records if record.step.source_input == COMMANDS}
            commands = {entry.offset for entry in await _read_all(log, COMMANDS, partition)}
            assert decided == commands, "commands without an outcome"
            found[partition] = (records, values)
    return found


async def _read_all(log: OpenLog, topic: str, partition: int) -> list[Entry]:
    entries: list[Entry] = []
    offset = 0
    while (page := await log.read(topic, partition, offset)).entries:
        entries += page.entries
        offset = page.next_offset
    return entries
