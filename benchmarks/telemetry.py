"""What traces and metrics cost: `python -m benchmarks.telemetry`.

The same work with telemetry in different states, in turn, many rounds in one process, so that all meet the same noise.
Figures are of processor time: the lower quartile of the rounds, which says what the work costs when little disturbs it,
and in brackets the median and the upper quartile. Spans are sent before a figure is taken, to a collector in a process
of its own that reads and forgets them.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.core.ports import COMMANDS
from engine.core.record import Step, command
from engine.processes import calm_collector
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.runner import Group
from engine.telemetry.otlp import SpanSender, resource_of
from engine.telemetry.settings import TelemetrySettings
from engine.telemetry.telemetry import Telemetry

from .engine import Engine, cancel
from .installation import Installation, deploy, start_over_http
from .models import ONE_TASK
from .table import print_table

#: Rounds, and instances in each, of the engine alone and over HTTP. One round of the engine takes about a second, as
#: long as spans wait before they are sent.
ENGINE_ROUNDS, ENGINE_INSTANCES = 10, 2_000
HTTP_ROUNDS, HTTP_STARTS, IN_FLIGHT = 5, 3_000, 16
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-{:016x}-01"

#: Share of the commands that are traced, by mode; None: not even counted. A batch operation is, if any command is.
NOTHING, OFF = "nothing at all", "off: metrics at /metrics alone"
ENGINE_MODES = {NOTHING: None, OFF: 0.0, "on: 1 % of the commands": 0.01, "on: every command": 1.0}
ON = {"RETOLD_TELEMETRY_TRACES": "true", "RETOLD_TELEMETRY_METRICS": "true"}
HTTP_MODES = {
    "off": {},
    "on: 1 % of the requests": ON,
    "on: every request": {**ON, "RETOLD_TELEMETRY_SAMPLE_RATIO": "1"},
}

_COLLECTOR = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def collector() -> Iterator[str]:
    """The URL of a collector."""
    process = subprocess.Popen([sys.executable, "-c", _COLLECTOR], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def log_server() -> Iterator[Path]:
    """A directory with a running log of one partition."""
    with tempfile.TemporaryDirectory() as name:
        arguments = ["--data", name, "--partitions", "1"]
        server = subprocess.Popen([sys.executable, "-m", "engine.shell.embedded.server", *arguments])
        try:
            yield Path(name)
        finally:
            server.terminate()
            server.wait(30)


class Mode:
    """One state of telemetry, and what was measured in it.

    The limit of spans a second counts the processor time of this mode alone, as if nobody else used the machine.
    """

    def __init__(self, name: str, share: float | None, endpoint: str) -> None:
        self.name = name
        self.seconds = 0.0
        #: microseconds of a creation, and of an item of a batch operation
        self.creations: list[float] = []
        self.items: list[float] = []
        self.sender: SpanSender | None = None
        self._share = share
        if share:
            wanted = TelemetrySettings(traces=True, endpoint=endpoint)
            self.sender = SpanSender(wanted, resource_of(wanted, "partition-1", "benchmark"), lambda: self.seconds)
            while self.sender.admit():
                pass  # what may be made at once after a pause is not what it costs in the long run
        self.measures = None if share is None else Telemetry(self.sender).partition(1)

    def context(self, number: int) -> str:
        """The trace context of a command by its number."""
        is_traced = self._share and number % round(1 / self._share) == 0
        return TRACE.format(number + 1) if is_traced else ""

    def flush(self) -> None:
        if self.sender is not None:
            self.sender.flush()


class Switch:
    """The measures of whichever mode it is now."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode

    def group_committed(self, group: Group) -> None:
        if self.mode.measures is not None:
            self.mode.measures.group_committed(group)

    def recovered(self, records: int, seconds: float) -> None:
        """Of no interest here."""


async def measure_engine(directory: Path, modes: Sequence[Mode]) -> None:
    switch = Switch(modes[0])
    log = await EmbeddedLog.open(directory)
    engine = Engine(log, directory, switch)
    calm_collector()
    stop = asyncio.Event()
    await engine.runner.recover()
    running = asyncio.create_task(engine.runner.run(stop))
    resource = Resource(resource_name="one-task.bpmn", resource=ONE_TASK)
    await engine.send(COMMANDS, [command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))])
    offset = await engine.until("FULLY_DISTRIBUTED", "DEPLOYMENT", 1, 0)
    for number in range(ENGINE_ROUNDS):
        for mode in (*modes[number % len(modes) :], *modes[: number % len(modes)]):
            switch.mode = mode
            offset = await measure_mode(engine, mode, offset)
    stop.set()
    await engine.send(COMMANDS, [command("DEPLOYMENT", "CREATE", Deployment())])
    await running
    await log.close()


async def measure_mode(engine: Engine, mode: Mode, offset: int) -> int:
    """Create instances and cancel them by a batch operation; gives the offset behind."""
    plain = command("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one-task"))
    creations = [
        msgspec.structs.replace(plain, step=Step(request=f"gateway/{number}", trace_context=mode.context(number)))
        for number in range(ENGINE_INSTANCES)
    ]
    began = time.process_time()
    await engine.send(COMMANDS, creations)
    offset = await engine.until("CREATED", "PROCESS_INSTANCE_CREATION", ENGINE_INSTANCES, offset)
    mode.flush()
    created = time.process_time()
    offset, _ = await cancel(engine, offset, trace_context=mode.context(0))
    mode.flush()
    canceled = time.process_time()
    mode.seconds += canceled - began
    mode.creations.append((created - began) / ENGINE_INSTANCES * 1e6)
    mode.items.append((canceled - created) / ENGINE_INSTANCES * 1e6)
    return offset


async def measure_http(directory: Path, environment: dict[str, str]) -> float:
    """Microseconds of all processes for one start over HTTP."""
    it = Installation(directory, environment=environment)
    try:
        await deploy(it)
        await start_over_http(it, HTTP_STARTS // 10, IN_FLIGHT)
        before = it.processor_seconds().total
        await start_over_http(it, HTTP_STARTS, IN_FLIGHT)
        return (it.processor_seconds().total - before) / HTTP_STARTS * 1e6
    finally:
        await it.close()


def compare(found: dict[str, list[float]], base: str) -> Iterator[tuple[str, str]]:
    """A row a mode, with the change of its lower quartile from that of `base`."""
    reference = statistics.quantiles(found[base], n=4)[0]
    for mode, values in found.items():
        low, median, high = statistics.quantiles(values, n=4)
        change = "" if mode == base else f"{(low / reference - 1) * 100:+.1f} %"
        yield mode, f"{low:,.0f} ({median:,.0f}, {high:,.0f}) {change:>8}"


def main() -> None:
    with collector() as endpoint:
        modes = [Mode(name, share, endpoint) for name, share in ENGINE_MODES.items()]
        with log_server() as directory:
            asyncio.run(measure_engine(directory, modes))
        for mode in modes:
            if mode.sender is not None:
                mode.sender.close()
        creations = {mode.name: mode.creations for mode in modes}
        print_table("Engine: microseconds of processor time, a creation", list(compare(creations, NOTHING)))
        items = {mode.name: mode.items for mode in modes}
        print_table("Engine: microseconds of processor time, a batch item", list(compare(items, NOTHING)))
        found: dict[str, list[float]] = {name: [] for name in HTTP_MODES}
        for _ in range(HTTP_ROUNDS):
            for name, environment in HTTP_MODES.items():
                with tempfile.TemporaryDirectory() as data:
                    given = {"RETOLD_TELEMETRY_ENDPOINT": endpoint, **environment}
                    found[name].append(asyncio.run(measure_http(Path(data), given)))
        print_table("HTTP: microseconds of all processes, a start", list(compare(found, "off")))


if __name__ == "__main__":
    main()
