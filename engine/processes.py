"""The processes of an installation: the log, one for each partition, the exporter and the gateway.

Each is `python -m engine.processes ROLE`, started by the supervisor: it reads its settings from the first line of
standard input, says on standard output whenever it begins to work (`READY`) or cannot (`PROBLEM text`), and ends when
standard input does, so that no child outlives a parent that was killed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from engine.config import Settings
from engine.core.faults import Fenced, LogFull, RetoldError, StoreFull, Unavailable

if TYPE_CHECKING:
    from engine.shell.background import BackgroundDriver
    from engine.shell.runner import Runner

#: Exit codes that the supervisor understands.
EXIT_OK = 0
EXIT_FAILED = 1
#: A person must look: starting again would end the same way.
EXIT_STOPPED = 3

#: First words of what a process says.
READY = "READY"
PROBLEM = "PROBLEM"
PROBLEM_LENGTH_MAX = 2_000

#: Seconds before a partition tries again: doubled from the first to the second.
RETRY_DELAY_MIN, RETRY_DELAY_MAX = 0.05, 5.0

LOG = "log"
EXPORTER = "exporter"
GATEWAY = "gateway"
PARTITION = "partition"


def roles(partitions: int) -> list[str]:
    """All processes of an installation, in the order in which they start."""
    return [LOG, EXPORTER, *(f"{PARTITION}-{number}" for number in range(1, partitions + 1)), GATEWAY]


def report(problem: str = "") -> None:
    """Tell the supervisor what keeps this process from working; nothing when it works."""
    text = " ".join(problem.split())[:PROBLEM_LENGTH_MAX]
    sys.stdout.write(f"{PROBLEM} {text}\n" if text else f"{READY}\n")
    sys.stdout.flush()


async def first_of(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run all of them until one ends, then cancel the others. Raises what that one raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


def run_log(settings: Settings) -> None:
    from engine.shell.embedded.server import serve

    serve(settings.data, settings.partitions, map_size=settings.log.map_size, listening=report)


async def run_partition(settings: Settings, number: int, stop: asyncio.Event) -> None:
    """Recover and run until told to stop; what may pass is tried again with a capped back-off."""
    from engine.assembly import Assembly
    from engine.shell.background import BackgroundDriver, BackgroundLimits
    from engine.shell.clock import SystemClock
    from engine.shell.embedded.client import EmbeddedLog
    from engine.shell.lmdb_store import LmdbStore
    from engine.shell.runner import Runner
    from exporters.sqlite.search import SqliteSearch

    clock, assembly = SystemClock(), Assembly()
    log = await EmbeddedLog.open(settings.data, clock=clock)
    store = LmdbStore(settings.data / "state" / str(number), settings.state.map_size)
    search = SqliteSearch(settings.data, clock)
    state, machine = assembly.machine(store, number, log.partition_count)
    machine_settings = settings.machine()
    runner = Runner(
        log=log,
        codec=assembly.codec,
        state=state,
        machine=machine,
        clock=clock,
        prepare=lambda machine: assembly.prepare(machine_settings, machine),
    )
    batch = settings.batch_operation
    driver = BackgroundDriver(
        log=log,
        codec=assembly.codec,
        machine=machine,
        search=search,
        background=assembly.initializer(),
        clock=clock,
        limits=BackgroundLimits(
            interval=max(batch.scheduler_interval.total_seconds(), 0.01),
            watermark_timeout=batch.watermark_timeout.total_seconds(),
        ),
    )
    runner.observers.append(driver)
    try:
        await _run_partition(runner, driver, stop)
    finally:
        await search.close()
        await log.close()
        store.close()


class Standing:
    """What a partition last said of itself; observes its runner, for only a commit shows that a full disk is over."""

    def __init__(self, runner: Runner) -> None:
        self.problem = ""
        self.is_full = False
        self._runner = runner
        self._position = 0

    def fails(self, error: RetoldError, position: int) -> None:
        """Say what is wrong, once for each problem."""
        self._position, self.is_full = position, isinstance(error, LogFull | StoreFull)
        problem = f"is complete up to position {position} and tries to go on: {error.message}"
        if problem != self.problem:
            _complain(f"partition {self._runner.partition} {problem}")
            report(problem)
        self.problem = problem

    def works(self) -> None:
        self.problem, self.is_full = "", False
        report()

    def committed(self) -> None:
        if self.is_full and self._runner.machine.head.position > self._position:
            self.works()


async def _run_partition(runner: Runner, driver: BackgroundDriver, stop: asyncio.Event) -> None:
    delay, worked = RETRY_DELAY_MIN, False
    standing = Standing(runner)
    runner.observers.append(standing)
    while not stop.is_set():
        try:
            await first_of(runner.recover(), stop.wait())
            if stop.is_set():
                return
            worked = True
            if not standing.is_full:
                standing.works()
                delay = RETRY_DELAY_MIN
            await first_of(runner.run(stop), driver.run())
        except (Unavailable, Fenced, LogFull, StoreFull) as error:
            if not worked and isinstance(error, LogFull | StoreFull):
                raise
            if not standing.problem:
                delay = RETRY_DELAY_MIN
            standing.fails(error, runner.drop())
            await first_of(asyncio.sleep(delay), stop.wait())
            delay = min(delay * 2, RETRY_DELAY_MAX)


async def run_exporter(settings: Settings, stop: asyncio.Event) -> None:
    from engine.assembly import Assembly
    from engine.shell.clock import SystemClock
    from engine.shell.embedded.client import EmbeddedLog
    from exporters.pump import Pump
    from exporters.sqlite.exporter import SqliteExporter

    clock = SystemClock()
    log = await EmbeddedLog.open(settings.data, clock=clock)
    items = settings.exporter.batch_operation.export_items_on_creation
    exporter = SqliteExporter(settings.data, export_items_on_creation=items)
    pump = Pump(log, exporter, Assembly().codec, clock, changed=lambda: report(pump.problem))
    try:
        await first_of(pump.run(), stop.wait())
    finally:
        await log.close()


async def run_gateway(settings: Settings, listener: socket.socket) -> None:
    from engine.assembly import Assembly, build_name
    from engine.core.ports import EVENTS
    from engine.shell.clock import SystemClock
    from engine.shell.embedded.client import EmbeddedLog
    from engine.supervisor import read_parts
    from exporters.sqlite.search import SqliteSearch
    from gateway.app import create_app
    from gateway.operations import OperationDescription
    from gateway.readiness import Part
    from gateway.serve import create_server
    from gateway.settings import GatewaySettings

    clock, assembly = SystemClock(), Assembly()
    log = await EmbeddedLog.open(settings.data, clock=clock)
    search = SqliteSearch(settings.data, clock)

    def encoder(name: str) -> Callable[[Any], bytes]:
        return lambda parameters: assembly.operation_codecs.encode(name, parameters)

    operations = [
        OperationDescription(
            name=operation.name,
            path=operation.path,
            summary=operation.help,
            parameters=operation.parameters,
            check=operation.check,
            encode=encoder(operation.name),
        )
        for operation in assembly.operations.values()
    ]

    async def readiness() -> Sequence[Part]:
        problems = read_parts(settings.data)
        try:
            await log.end(EVENTS, 1)
        except Unavailable as error:
            problems[LOG] = error.message
        return [
            Part(name=name, problem=problem, partition=int(name.rpartition("-")[2]) if PARTITION in name else 0)
            for name, problem in problems.items()
            if name != GATEWAY
        ]

    gateway_settings = GatewaySettings(
        host=settings.host,
        port=settings.port,
        version=build_name(),
        in_flight_max=settings.gateway.in_flight_max,
        request_timeout_ms=int(settings.gateway.request_timeout.total_seconds() * 1000),
        long_poll_ms=int(settings.gateway.long_polling_timeout.total_seconds() * 1000),
        body_size_max=settings.gateway.body_size_max,
    )
    app = create_app(
        gateway_settings,
        log=log,
        search=search,
        codec=assembly.codec,
        readiness=readiness,
        clock=clock,
        operations=operations,
    )
    server = create_server(app, gateway_settings)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        report()
    await serving
    await search.close()
    await log.close()


def main() -> int:
    """Run one role until SIGTERM; see the module's docstring."""
    role, *descriptors = sys.argv[1:]
    line = sys.stdin.readline()
    if not line:
        return EXIT_FAILED
    settings = Settings.model_validate_json(line)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    calm_collector()
    try:
        _give_way(role)
        _run(role, settings, descriptors)
    except RetoldError as error:
        _complain(f"{role}: {error.message}")
        report(f"has stopped, nothing is lost: {error.message}")
        return EXIT_FAILED if isinstance(error, Unavailable) else EXIT_STOPPED
    return EXIT_OK


def calm_collector() -> None:
    """Few, large collections: the hot paths make many short-lived objects and hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)


def _give_way(role: str) -> None:
    """Who works long gives way to who is waited for: the log and the gateway answer between two slices of a batch.

    Without it, the scheduler lets a processor that was just woken by the log run before the log has told the others.
    """
    if role == EXPORTER:
        os.nice(10)
    elif role.startswith(PARTITION):
        os.nice(5)


def _run(role: str, settings: Settings, descriptors: Sequence[str]) -> None:
    if role == LOG:
        run_log(settings)
    elif role == EXPORTER:
        _run_async(lambda stop: run_exporter(settings, stop))
    elif role == GATEWAY:
        listener = socket.socket(fileno=int(descriptors[0]))
        _run_async(lambda _: run_gateway(settings, listener), signals=False)
    else:
        _run_async(lambda stop: run_partition(settings, int(role.rpartition("-")[2]), stop))


def _run_async(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]], *, signals: bool = True) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await main(stop)

    try:
        import uvloop
    except ImportError:
        asyncio.run(run())
    else:
        uvloop.run(run())


def _end_with_parent() -> None:
    """Standard input ends when the supervisor does, however it ended."""
    # Not through sys.stdin: its lock, held here, would break the end of the interpreter.
    while os.read(0, 1024):
        pass
    os._exit(EXIT_FAILED)


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
