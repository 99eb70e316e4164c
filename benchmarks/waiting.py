"""Many who wait, on one partition: `python -m benchmarks.waiting`.

What timers cost while they wait, and what a user's command meets while very many timers are due at once, or a signal
is broadcast to very many. As in `engine`, the runner is in this process, and the log's server in one of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.core.ports import COMMANDS, EVENTS, INTERNAL
from engine.core.record import NONE, Record, Step, command
from engine.core.registry import Fact
from engine.processes import calm_collector
from engine.records import Deployment, ProcessInstanceCreation, Signal, Timer
from engine.records.deployment import Resource
from engine.shell.embedded.client import EmbeddedLog

from .engine import Engine, log_server
from .models import ONE_TASK, WAITS_FOR_SIGNAL, WAITS_FOR_TIME
from .table import Rows, print_table

#: Seconds between two probes, and seconds in which nothing is done, to see what that costs.
PROBE_SECONDS = 0.05
IDLE_SECONDS = 10.0
#: Instances by which the rate of creations is measured.
CREATIONS = 10_000
#: Seconds that a thousand instances need at most until they all wait: then their timers are due.
SECONDS_PER_THOUSAND = 0.6
SIGNAL = "go"
PAGE_SIZE = 8 << 20


class Options(argparse.Namespace):
    waiting: int
    due: int


class Watch:
    """Reads the events as they come: counts those of one kind, and knows when the outcome of a probe was seen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._offset = 0
        self._probes: dict[bytes, float] = {}
        self.latencies: list[float] = []

    async def until(self, family: str, intent: str, count: int) -> None:
        """Until so many events of this kind have come since the last call."""
        wanted = self._engine.assembly.codec.fingerprints[family].to_bytes(8, "little")
        seen = 0
        while seen < count:
            await self._engine.log.wait({(EVENTS, 1): self._offset})
            page = await self._engine.log.read(EVENTS, 1, self._offset, size_max=PAGE_SIZE)
            self._offset = page.next_offset
            now = time.perf_counter()
            for entry in page.entries:
                seen += entry.value[2:10] == wanted and intent.encode() in entry.value
                self._notice(entry.value, now)
            await asyncio.sleep(0)

    async def for_seconds(self, seconds: float) -> None:
        """Read whatever comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until("TIMER", "TRIGGERED", sys.maxsize)

    def _notice(self, value: bytes, now: float) -> None:
        for mark in [mark for mark in self._probes if mark in value]:
            self.latencies.append(now - self._probes.pop(mark))

    async def probe(self) -> None:
        """Start an instance every now and then, as a user would, until cancelled."""
        number = 0
        while True:
            mark = f"probe-{number:06}"
            self._probes[mark.encode()] = time.perf_counter()
            await self._engine.send(COMMANDS, [creation("one-task", f'{{"probe":"{mark}"}}')])
            await asyncio.sleep(PROBE_SECONDS)
            number += 1

    async def probed(self, work: Awaitable[None]) -> str:
        """Do the work, and tell what commands met meanwhile."""
        self.latencies.clear()
        probing = asyncio.create_task(self.probe())
        try:
            await work
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
            self._probes.clear()
        if len(self.latencies) < 2:
            return "too quick to be measured"
        percentiles = statistics.quantiles(self.latencies, n=100)
        return (
            f"p50 {percentiles[49] * 1000:.1f} ms, p99 {percentiles[98] * 1000:.1f} ms ({len(self.latencies)} commands)"
        )


def creation(process_id: str, variables: str = "") -> Record:
    value = ProcessInstanceCreation(bpmn_process_id=process_id, variables=variables)
    return command("PROCESS_INSTANCE_CREATION", "CREATE", value)


async def measure(options: Options, directory: Path) -> Rows:
    log = await EmbeddedLog.open(directory)
    engine = Engine(log, directory)
    calm_collector()
    stop, rows = asyncio.Event(), Rows()
    await engine.runner.recover()
    watch = Watch(engine)
    running = asyncio.create_task(engine.runner.run(stop))
    models = {"one-task": ONE_TASK, "waits-for-time": WAITS_FOR_TIME, "waits-for-signal": WAITS_FOR_SIGNAL}
    resources = tuple(Resource(resource_name=f"{name}.bpmn", resource=model) for name, model in models.items())
    await engine.send(COMMANDS, [command("DEPLOYMENT", "CREATE", Deployment(resources=resources))])
    await watch.until("DEPLOYMENT", "FULLY_DISTRIBUTED", 1)

    rows.note("instances created, nobody waits", await _creation_rate(engine, watch))
    rows.note("a command alone", await watch.probed(watch.for_seconds(IDLE_SECONDS)))
    await _due_at_once(engine, watch, options.due, rows)
    await _signaled_at_once(engine, watch, options.due, rows)
    await _stop(engine, running, stop)

    _let_timers_wait(engine, options.waiting)
    await engine.runner.recover()
    stop = asyncio.Event()
    running = asyncio.create_task(engine.runner.run(stop))
    what = f"{options.waiting:,} timers wait"
    rows.note(f"{what}: instances created", await _creation_rate(engine, watch))
    began = time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    rows.note(f"{what}: of a core, when nothing is done", f"{(time.process_time() - began) / IDLE_SECONDS:.2%}")
    rows.note(f"{what}: a command", await watch.probed(watch.for_seconds(IDLE_SECONDS)))
    await _stop(engine, running, stop)
    await log.close()
    return rows


async def _stop(engine: Engine, running: asyncio.Task[None], stop: asyncio.Event) -> None:
    stop.set()
    await engine.send(INTERNAL, [creation("one-task")])
    await running


async def _creation_rate(engine: Engine, watch: Watch) -> str:
    began = time.perf_counter()
    await engine.send(COMMANDS, [creation("one-task")] * CREATIONS)
    await watch.until("PROCESS_INSTANCE_CREATION", "CREATED", CREATIONS)
    return f"{CREATIONS / (time.perf_counter() - began):,.0f}/s"


async def _due_at_once(engine: Engine, watch: Watch, count: int, rows: Rows) -> None:
    due = datetime.now(UTC) + timedelta(seconds=5 + count / 1000 * SECONDS_PER_THOUSAND)
    create = creation("waits-for-time", f'{{"due":"{due:%Y-%m-%dT%H:%M:%SZ}"}}')
    await _create(engine, watch, create, count, "TIMER")
    left = (due - datetime.now(UTC)).total_seconds()
    if left < 0:
        rows.note(f"{count:,} timers are due at once", f"not measured: they were made {-left:.0f} s too late")
        await watch.until("TIMER", "TRIGGERED", count)
        return
    await asyncio.sleep(left)
    began = time.perf_counter()
    met = await watch.probed(watch.until("TIMER", "TRIGGERED", count))
    rows.note(f"{count:,} timers are due at once", f"{count / (time.perf_counter() - began):,.0f}/s")
    rows.note("a command meanwhile", met)


async def _signaled_at_once(engine: Engine, watch: Watch, count: int, rows: Rows) -> None:
    await _create(engine, watch, creation("waits-for-signal"), count, "SIGNAL_SUBSCRIPTION")

    async def broadcast() -> None:
        await engine.send(COMMANDS, [command("SIGNAL", "BROADCAST", Signal(signal_name=SIGNAL))])
        await watch.until("SIGNAL_SUBSCRIPTION", "DELETED", count)

    began = time.perf_counter()
    met = await watch.probed(broadcast())
    rows.note(f"a signal to {count:,} who wait", f"{count / (time.perf_counter() - began):,.0f}/s")
    rows.note("a command meanwhile", met)


async def _create(engine: Engine, watch: Watch, create: Record, count: int, family: str) -> None:
    """Instances that wait; commands are sent some at a time, for an append is bounded."""
    for begin in range(0, count, CREATIONS):
        await engine.send(COMMANDS, [create] * min(CREATIONS, count - begin))
    await watch.until(family, "CREATED", count)


def _let_timers_wait(engine: Engine, count: int) -> None:
    """Put rows of timers that are due tomorrow into the state: to start their instances would take long."""
    apply = engine.assembly.registry.appliers["TIMER", "CREATED", 1]
    tomorrow = engine.machine.head.timestamp + 24 * 60 * 60 * 1000
    for number in range(count):
        timer = Timer(process_definition_key=number + 1, element_instance_key=NONE, due_date=tomorrow + number)
        apply(Fact(1 << 40 | number, timer, 0, 0, Step()), engine.state)
        if number % CREATIONS == 0:
            engine.state.commit()
    engine.state.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=1_000_000, help="timers that wait until tomorrow")
    parser.add_argument(
        "--due", type=int, default=100_000, help="timers that are due at once, and who wait for a signal"
    )
    options = parser.parse_args(namespace=Options())
    with tempfile.TemporaryDirectory() as name, log_server(Path(name)):
        print_table("Many who wait (1 partition)", asyncio.run(measure(options, Path(name))))


if __name__ == "__main__":
    main()
