"""The whole installation, measured from outside: `python -m benchmarks.installation`.

Starts `retold run` on a directory of its own (2 partitions, embedded, durable), then measures over HTTP and from
commands already on the log.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from engine.app import find_free_port
from engine.assembly import Assembly
from engine.core.ports import COMMANDS, EVENTS, Append, Log, Message
from engine.core.record import command
from engine.records import ProcessInstanceCreation
from engine.shell.embedded.client import EmbeddedLog
from exporters.search.store import TOTAL_MAX

from .models import ONE_TASK
from .processor import Seconds, seconds_by_role
from .table import print_table

INSTANCES = 10_000
MESSAGES_AT_ONCE = 100_000


class Installation:
    """A running engine and a client of it."""

    def __init__(self, directory: Path, partitions: int = 2, environment: Mapping[str, str] | None = None) -> None:
        self.data = directory / "data"
        self.port = find_free_port("127.0.0.1")
        arguments = ["run", "--data", str(self.data), "--port", str(self.port), "--partitions", str(partitions)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "ready" not in line:
            raise RuntimeError(f"expected the engine to become ready, got: {line}")
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/v2", timeout=60)

    async def open_log(self) -> Log:
        """The log that it runs on."""
        return await EmbeddedLog.open(self.data)

    async def close(self) -> None:
        await self.client.aclose()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    async def post(self, path: str, body: object) -> dict[str, object]:
        answer = await self.client.post(path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    async def total(self, path: str, body: dict[str, object]) -> int:
        found = await self.post(path, {**body, "page": {"limit": 0}})
        page = found["page"]
        assert isinstance(page, dict)
        return int(page["totalItems"])

    def processor_seconds(self) -> Seconds:
        """Processor time of its processes so far, by role."""
        return seconds_by_role(self.process.pid)


class Connection:
    """One kept-alive HTTP connection that does nothing but start instances: the client must not be what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def create(self, body: bytes) -> None:
        head = b"POST /v2/process-instances HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        self._writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        text = await self._reader.readexactly(length)
        if not answer.startswith(b"http/1.1 200"):
            raise RuntimeError(f"expected 200, got {text.decode()}")

    def close(self) -> None:
        self._writer.close()


async def deploy(it: Installation) -> None:
    answer = await it.client.post("/deployments", files={"resources": ("one-task.bpmn", ONE_TASK)})
    answer.raise_for_status()


async def start_over_http(it: Installation, count: int, in_flight: int) -> float:
    """Instances per second, over as many connections as requests in flight."""
    left = iter(range(count))

    async def worker() -> None:
        connection = await Connection.open(it.port)
        for number in left:
            await connection.create(b'{"processDefinitionId":"one-task","variables":{"number":%d}}' % number)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return count / (time.perf_counter() - started)


async def start_from_log(it: Installation, count: int, partitions: Sequence[int] = ()) -> tuple[float, int]:
    """Instances per second, from CREATE commands already on the log to their outcomes, and records in their steps.

    The exporter is running. Without `partitions` all of them share the work.
    """
    codec = Assembly().codec
    log = await it.open_log()
    value = ProcessInstanceCreation(bpmn_process_id="one-task", variables='{"number":1}')
    places = partitions or range(1, log.partition_count + 1)
    share = count // len(places)
    ends = {partition: await log.end(EVENTS, partition) for partition in places}
    messages = [Message(value=codec.encode(command("PROCESS_INSTANCE_CREATION", "CREATE", value)))] * share
    started = time.perf_counter()
    for partition in ends:
        await append_commands(log, partition, messages)

    async def outcomes(partition: int) -> int:
        records, seen, offset = 0, 0, ends[partition]
        while seen < share:
            await log.wait({(EVENTS, partition): offset})
            page = await log.read(EVENTS, partition, offset, size_max=8 << 20)
            offset = page.next_offset
            records += len(page.entries)
            seen += sum(entry.value[2:10] == CREATION for entry in page.entries)
        return records

    records = sum(await asyncio.gather(*(outcomes(partition) for partition in ends)))
    rate = share * len(ends) / (time.perf_counter() - started)
    await log.close()
    return rate, records


async def append_commands(log: Log, partition: int, messages: Sequence[Message]) -> None:
    """However many: an append has a limit."""
    for start in range(0, len(messages), MESSAGES_AT_ONCE):
        some = messages[start : start + MESSAGES_AT_ONCE]
        await log.append([Append(topic=COMMANDS, partition=partition, messages=some)])


#: How an encoded record of this family begins, behind the marker.
CREATION = Assembly().codec.fingerprints["PROCESS_INSTANCE_CREATION"].to_bytes(8, "little")


async def wait_for(it: Installation, state: str, count: int, timeout: float = 300) -> None:
    deadline = time.perf_counter() + timeout
    while await it.total("/process-instances/search", {"filter": {"state": state}}) < min(count, TOTAL_MAX):
        if time.perf_counter() > deadline:
            raise TimeoutError(f"expected {count} instances {state}")
        await asyncio.sleep(0.05)


async def cancel_by_batch(it: Installation) -> tuple[float, int]:
    """Items per second, from the request to every item visible as COMPLETED in search; and how many."""
    started = time.perf_counter()
    made = await it.post("/process-instances/cancellation", {"filter": {"state": "ACTIVE"}})
    key = made["batchOperationKey"]
    while True:
        answer = await it.client.get(f"/batch-operations/{key}")
        if answer.status_code == 200 and answer.json()["state"] == "COMPLETED":
            total = answer.json()["operationsTotalCount"]
            done = {"batchOperationKey": key, "state": "COMPLETED"}
            if await it.total("/batch-operation-items/search", {"filter": done}) >= min(total, TOTAL_MAX):
                return total / (time.perf_counter() - started), total
        await asyncio.sleep(0.02)


async def commands_one_by_one(
    it: Installation, latencies: list[float], count: int | None = None, *, pause: float = 0
) -> None:
    """Milliseconds from request to reply of one command after the other; without a count until cancelled.

    `pause`: seconds between them.
    """
    connection = await Connection.open(it.port)
    while count is None or len(latencies) < count:
        started = time.perf_counter()
        await connection.create(b'{"processDefinitionId":"one-task"}')
        latencies.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(pause)


def quantiles(values: list[float]) -> str:
    values = sorted(values)
    return f"p50 {statistics.median(values):.2f} ms, p99 {values[int(len(values) * 0.99) - 1]:.2f} ms ({len(values)})"


async def measure(directory: Path) -> list[tuple[str, str]]:
    it = Installation(directory)
    rows: list[tuple[str, str]] = []
    try:
        await deploy(it)
        await start_over_http(it, 500, 16)
        before, at = it.processor_seconds().total, time.perf_counter()
        await asyncio.sleep(10)
        idle = (it.processor_seconds().total - before) / (time.perf_counter() - at)
        rows.append(("whole installation idle", f"{idle:.2%} of a core"))
        idle_latencies: list[float] = []
        await commands_one_by_one(it, idle_latencies, 500)
        rows.append(("one command over HTTP, idle", quantiles(idle_latencies)))
        rows.append(("instances started over HTTP, 16 in flight", f"{await start_over_http(it, 3000, 16):,.0f}/s"))
        rows.append(("instances started over HTTP, 64 in flight", f"{await start_over_http(it, 3000, 64):,.0f}/s"))
        rows.append(("instances started from the log", f"{(await start_from_log(it, INSTANCES))[0]:,.0f}/s"))
        started = 500 + 500 + 6000 + INSTANCES
        await wait_for(it, "ACTIVE", started)
        rate, total = await cancel_by_batch(it)
        rows.append((f"batch cancel of {total:,}, request to visible", f"{rate:,.0f} items/s"))
        await start_from_log(it, INSTANCES)
        await wait_for(it, "ACTIVE", INSTANCES)
        busy: list[float] = []
        user = asyncio.create_task(commands_one_by_one(it, busy))
        rate, total = await cancel_by_batch(it)
        user.cancel()
        rows.append(("one command over HTTP, during a batch", quantiles(busy)))
        rows.append((f"batch cancel of {total:,} with that client", f"{rate:,.0f} items/s"))
    finally:
        await it.close()
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        print_table("The whole installation (2 partitions)", asyncio.run(measure(Path(directory))))


if __name__ == "__main__":
    main()
