"""What the embedded log does on this machine: `python -m benchmarks.log`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from engine.core.ports import EVENTS, Append, Message
from engine.shell.embedded import server
from engine.shell.embedded.client import EmbeddedLog

VALUE_SIZE = 250


def make_append(topic: str, count: int, headed: bool = False) -> Append:
    """An append of small messages, the first one with headers if asked."""
    messages = [Message(value=bytes([index % 256]) * VALUE_SIZE) for index in range(count)]
    if headed:
        messages[0] = Message(value=messages[0].value, headers={"gateway": "g1", "request": "17"})
    return Append(topic=topic, partition=1, messages=messages)


async def measure_latency(log: EmbeddedLog, count: int) -> tuple[float, float]:
    """p50 and p99 of one append after another, in ms."""
    append = [make_append("commands", 1)]
    taken = []
    for _ in range(count):
        start = perf_counter()
        await log.append(append)
        taken.append((perf_counter() - start) * 1000)
    hundredths = quantiles(taken, n=100)
    return hundredths[49], hundredths[98]


async def measure_append_rate(log: EmbeddedLog, batch: int, in_flight: int, count: int) -> float:
    """Messages per second with this many appends of this many messages under way."""
    append = [make_append(EVENTS, batch, headed=True)]
    left = iter(range(count // batch))

    async def append_all() -> None:
        for _ in left:
            await log.append(append)

    start = perf_counter()
    await asyncio.gather(*(append_all() for _ in range(in_flight)))
    return count // batch * batch / (perf_counter() - start)


async def measure_read_rate(log: EmbeddedLog, headed_only: bool) -> float:
    """Messages passed per second, from the first to the last."""
    end = await log.end(EVENTS, 1)
    offset = 0
    start = perf_counter()
    while offset < end:
        offset = (await log.read(EVENTS, 1, offset, headed_only=headed_only)).next_offset
    return end / (perf_counter() - start)


async def measure(data_directory: Path) -> list[tuple[str, str]]:
    """All figures, as name and text."""
    log = await EmbeddedLog.open(data_directory)
    p50, p99 = await measure_latency(log, 1000)
    rows = [("append of 1, one at a time", f"p50 {p50:.2f} ms, p99 {p99:.2f} ms")]
    for batch, in_flight, count in ((1, 64, 10_000), (6, 64, 60_000), (600, 1, 300_000), (600, 4, 600_000)):
        rate = await measure_append_rate(log, batch, in_flight, count)
        rows.append((f"append of {batch}, {in_flight} under way", f"{rate:,.0f} messages/s"))
    for name, headed_only in (("read", False), ("read, headed only", True)):
        rows.append((name, f"{await measure_read_rate(log, headed_only):,.0f} messages/s"))
    await log.close()
    return rows


def main() -> None:
    """Start a server on a temporary directory, measure, print a table."""
    with tempfile.TemporaryDirectory() as directory:
        arguments = ["--data", directory, "--partitions", "1"]
        with subprocess.Popen([sys.executable, "-m", server.__name__, *arguments]) as process:
            try:
                rows = asyncio.run(measure(Path(directory)))
            finally:
                process.terminate()
    print(f"embedded log, durable, messages of {VALUE_SIZE} bytes")
    for name, figure in rows:
        print(f"  {name:<32}{figure}")


if __name__ == "__main__":
    main()
