"""The processes of an installation: the log, one for each partition, the exporter and the gateway.

Each is `python -m engine.processes ROLE`, started by the supervisor: it reads its settings from the first line of
standard input, says on standard output whenever it begins to work (`READY`) or cannot (`PROBLEM text`), and ends when
standard input does, so that no child outlives a parent that was killed. What a role does is in `engine/roles`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from engine.config import Settings
from engine.core.faults import RetoldError
from engine.roles.protocol import (
    EXIT_FAILED,
    EXIT_OK,
    EXPORTER,
    GATEWAY,
    LOG,
    PARTITION,
    SUPERVISOR,
    exit_code_of,
    line_of,
    partition_of_role,
    problem_of,
    roles,
)
from engine.telemetry.metrics import STATE_SIZE

if TYPE_CHECKING:  # a process loads only what its own role needs
    from litestar import Litestar

    from engine.core.ports import Log, Store
    from engine.telemetry.process import ProcessTelemetry
    from engine.telemetry.telemetry import Telemetry
    from exporters.contract import Exporter
    from exporters.search.store import SearchStore
    from gateway.settings import GatewaySettings


def report(problem: str = "") -> None:
    """Tell the supervisor what keeps this process from working; nothing when it works."""
    sys.stdout.write(line_of(problem))
    sys.stdout.flush()


class ProcessHost:
    """The ports of a process of its own: `engine.roles.host.Host` over the machine that it runs on."""

    gateway_id = ""

    def __init__(self, settings: Settings, telemetry: Telemetry, listener: socket.socket | None = None) -> None:
        from engine.assembly import Assembly
        from engine.shell.clock import SystemClock
        from engine.shell.runner import RunnerLimits
        from exporters.pump import PumpLimits

        self.assembly = Assembly()
        self.telemetry = telemetry
        self.clock = SystemClock()
        self.runner_limits = RunnerLimits()
        self.pump_limits = PumpLimits()
        self._settings = settings
        self._listener = listener

    async def open_log(self) -> Log:
        from engine.shell.embedded.client import EmbeddedLog

        log = await EmbeddedLog.open(self._settings.data, clock=self.clock)
        self.telemetry.known_end = log.known_end
        return log

    def open_store(self, partition: int) -> Store:
        from engine.shell.lmdb_store import LmdbStore

        store = LmdbStore(self._settings.data / "state" / str(partition), self._settings.state.map_size)
        self.telemetry.registry.watch(STATE_SIZE, lambda: [((partition,), store.size())])
        return store

    def open_search(self) -> SearchStore:
        from exporters.sqlite.search import SqliteSearch

        return SqliteSearch(self._settings.data, self.clock)

    def open_exporter(self) -> Exporter:
        from exporters.sqlite.exporter import SqliteExporter

        items = self._settings.exporter.batch_operation.export_items_on_creation
        return SqliteExporter(self._settings.data, export_items_on_creation=items)

    async def serve(self, app: Litestar, settings: GatewaySettings, started: Callable[[], None]) -> None:
        from gateway.serve import create_server

        assert self._listener is not None
        server = create_server(app, settings)
        serving = asyncio.create_task(server.serve([self._listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            started()
        await serving

    def parts(self) -> Mapping[str, str]:
        from engine.supervisor import read_parts

        return read_parts(self._settings.data)

    def report(self, problem: str = "") -> None:
        report(problem)


def run_log(settings: Settings, telemetry: Telemetry) -> None:
    from engine.shell.embedded.server import serve
    from engine.telemetry.log import LogMeasures

    measures = LogMeasures(telemetry.registry)
    serve(settings.data, settings.partitions, map_size=settings.log.map_size, listening=report, measures=measures)


def start_telemetry(process: str, settings: Settings) -> ProcessTelemetry:
    """The telemetry of this process, as the settings want it."""
    from engine.assembly import build_name
    from engine.telemetry.process import ProcessTelemetry

    processes = [SUPERVISOR, *roles(settings.partitions)]
    wanted = settings.telemetry.wanted()
    return ProcessTelemetry(process, wanted, data=settings.data, processes=processes, build=build_name())


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
        with closing(start_telemetry(role, settings)) as telemetry:
            _run(role, settings, telemetry, socket.socket(fileno=int(descriptors[0])) if descriptors else None)
    except RetoldError as error:
        sys.stderr.write(f"{role}: {error.message}\n")
        sys.stderr.flush()
        report(problem_of(error))
        return exit_code_of(error)
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


def _run(role: str, settings: Settings, telemetry: Telemetry, listener: socket.socket | None) -> None:
    if role == LOG:
        run_log(settings, telemetry)
    elif role == EXPORTER:
        from engine.roles.exporter import run_exporter

        _run_async(lambda stop: run_exporter(ProcessHost(settings, telemetry), stop))
    elif role == GATEWAY:
        from engine.roles.gateway import run_gateway

        _run_async(lambda _: run_gateway(ProcessHost(settings, telemetry, listener), settings), signals=False)
    else:
        from engine.roles.partition import run_partition

        number = partition_of_role(role)
        _run_async(lambda stop: run_partition(ProcessHost(settings, telemetry), settings, number, stop))


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


if __name__ == "__main__":
    sys.exit(main())
