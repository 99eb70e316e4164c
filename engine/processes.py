"""The processes of an installation: the log, one for each partition, the exporter and the gateway.

Each is `python -m engine.processes ROLE`, started by the supervisor: it reads its settings from the first line of
standard input and its duty from each later one, says on standard output whenever it begins to work (`READY duty`) or
cannot (`PROBLEM text`), and ends when standard input does, so that no child outlives a parent that was killed. What a
role does is in `engine/roles`.
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
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import Settings
from engine.core.faults import RetoldError
from engine.roles.protocol import (
    END,
    EXIT_FAILED,
    EXIT_OK,
    EXPORTER,
    GATEWAY,
    LOG,
    SUPERVISOR,
    exit_code_of,
    line_of,
    partition_of_role,
    problem_of,
)
from engine.telemetry.metrics import STATE_SIZE

if TYPE_CHECKING:  # a process loads only what its own role needs
    from litestar import Litestar

    from engine.core.background import Delivery, DeliveryResult
    from engine.core.ports import Log, Snapshots, Store
    from engine.roles.duty import Duty
    from engine.roles.membership import Overview
    from engine.shell.passwords import Hasher
    from engine.shell.webhook_rules import WebhookSettings
    from engine.telemetry.process import ProcessTelemetry
    from engine.telemetry.telemetry import Telemetry
    from exporters.contract import Exporter
    from exporters.pump import PumpLimits
    from exporters.search.store import SearchStore
    from gateway.settings import GatewaySettings


#: Who works long gives way to who is waited for: the log and the gateway answer between two slices of a batch. Without
#: it, the scheduler lets a processor that was just woken by the log run before the log has told the others.
PARTITION_NICENESS, EXPORTER_NICENESS = 3, 12


def say(line: str) -> None:
    """Tell the supervisor."""
    sys.stdout.write(line)
    sys.stdout.flush()


def report(problem: str = "") -> None:
    """Tell the supervisor what keeps this process from working; nothing when it works. For those without duties."""
    say(line_of(problem))


class ProcessHost:
    """The ports of a process of its own: `engine.roles.host.Host` over the machine that it runs on."""

    gateway_id = ""

    def __init__(
        self,
        settings: Settings,
        telemetry: Telemetry,
        duty: Duty,
        listener: socket.socket | None = None,
        *,
        niceness: int = 0,
    ) -> None:
        """`niceness`: by how much it gives way to other processes, from when it works for the first time."""
        from engine.assembly import Assembly
        from engine.schema_ids import schema_ids
        from engine.shell.clock import SystemClock
        from engine.shell.runner import RunnerLimits

        self.assembly = Assembly(schema_ids(settings))
        self.telemetry = telemetry
        self.duty = duty
        self.clock = SystemClock()
        self.runner_limits = RunnerLimits()
        self._settings = settings
        self._listener = listener
        self._niceness = niceness

    @property
    def pump_limits(self) -> PumpLimits:
        from exporters.pump import PumpLimits

        if self._settings.opensearch.url:
            from exporters.opensearch import PUMP_LIMITS

            return PUMP_LIMITS
        return PumpLimits()

    async def open_log(self) -> Log:
        log: EmbeddedLog | KafkaLog
        if self._settings.kafka.bootstrap_servers:
            from engine.shell.kafka.log import KafkaLog

            connection, count = self._settings.kafka.connection(), self._settings.partitions
            log = await KafkaLog.open(connection, partition_count=count, clock=self.clock)
        else:
            from engine.shell.embedded.client import EmbeddedLog

            log = await EmbeddedLog.open(self._settings.data, clock=self.clock)
        self.telemetry.known_end = log.known_end
        return log

    def open_store(self, partition: int) -> Store:
        from engine.shell.lmdb_store import LmdbStore

        folder = self._state_folder(partition)
        store = LmdbStore(folder, self._settings.state.map_size, state_format=self.assembly.state_format)
        self.telemetry.registry.watch(STATE_SIZE, lambda: [((partition,), store.size())])
        return store

    def snapshots(self, partition: int) -> Snapshots | None:
        from engine.assembly import build_name
        from engine.shell.snapshots import LmdbSnapshots

        wanted = self._settings.snapshots
        if wanted.directory is None:
            return None
        return LmdbSnapshots(
            wanted.directory,
            partition,
            state=self._state_folder(partition),
            state_format=self.assembly.state_format,
            build=build_name(),
            keep=wanted.keep,
            clock=self.clock,
        )

    def _state_folder(self, partition: int) -> Path:
        return self._settings.data / "state" / str(partition)

    def open_search(self) -> SearchStore:
        from exporters.sqlite.search import SqliteSearch

        if self._settings.opensearch.url:
            from exporters.opensearch.searching.search import OpensearchSearch

            return OpensearchSearch(
                self._settings.opensearch.connection(), keys_max=self._settings.batch_operation.query_in_clause_size
            )
        return SqliteSearch(self._settings.data, self.clock)

    def open_exporter(self) -> Exporter:
        from exporters.sqlite.exporter import SqliteExporter

        items = self._settings.exporter.batch_operation.export_items_on_creation
        if self._settings.opensearch.url:
            from exporters.opensearch import open_exporter

            return open_exporter(self._settings.opensearch.connection(), self.clock, export_items_on_creation=items)
        return SqliteExporter(self._settings.data, export_items_on_creation=items)

    def hasher(self) -> Hasher:
        from engine.shell.passwords import Argon2Hasher

        return Argon2Hasher()

    async def tell_url(self, webhooks: WebhookSettings, delivery: Delivery) -> DeliveryResult:
        from engine.shell.webhook_sender import WebhookSender  # most processes never need it

        return await WebhookSender(webhooks, self.clock)(delivery)

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

    def overview(self) -> Overview:
        from engine.overview import read_overview

        return read_overview(self._settings.data)

    def report(self, problem: str = "") -> None:
        if not problem and self._niceness:
            # Not before: whoever waits for a start waits for this process, too.
            os.nice(self._niceness)
            self._niceness = 0
        say(line_of(problem, self.duty.word))

    def say(self, word: str) -> None:
        say(f"{word}\n")


def run_log(settings: Settings, telemetry: Telemetry) -> None:
    from engine.shell.embedded.server import serve
    from engine.telemetry.log import LogMeasures

    measures = LogMeasures(telemetry.registry)
    serve(settings.data, settings.partitions, map_size=settings.log.map_size, listening=report, measures=measures)


def start_telemetry(process: str, settings: Settings) -> ProcessTelemetry:
    """The telemetry of this process, as the settings want it."""
    from engine.assembly import build_name
    from engine.overview import read_overview
    from engine.telemetry.process import ProcessTelemetry

    def processes() -> Sequence[str]:
        return [SUPERVISOR, *read_overview(settings.data).parts]

    wanted = settings.telemetry.wanted()
    return ProcessTelemetry(process, wanted, data=settings.data, processes=processes, build=build_name())


def main() -> int:
    """Run one role until SIGTERM; see the module's docstring."""
    role, *descriptors = sys.argv[1:]
    lines = Lines(0)
    line = lines.read()
    if not line:
        return EXIT_FAILED
    settings = Settings.model_validate_json(line)
    duties = Duties(lines)
    calm_collector()
    try:
        with closing(start_telemetry(role, settings)) as telemetry:
            _run(role, settings, telemetry, duties, socket.socket(fileno=int(descriptors[0])) if descriptors else None)
    except RetoldError as error:
        sys.stderr.write(f"{role}: {error.message}\n")
        sys.stderr.flush()
        report(problem_of(error))
        return exit_code_of(error)
    return EXIT_OK


class Lines:
    """The lines of a descriptor, in a thread: not through sys.stdin, whose lock would break the interpreter's end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def read(self) -> str:
        """The next line without its end; empty when there are no more."""
        while b"\n" not in self._rest:
            chunk = os.read(self._descriptor, 1 << 16)
            if not chunk:
                return ""
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


class Duties:
    """Hears the duties of this process, from the first on, and ends it when the supervisor does, however that ended."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._heard: list[str] = []
        self._hear: Callable[[str], object] = self._heard.append
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def go_to(self, hear: Callable[[str], object]) -> None:
        """From now on to `hear`, which is called in another thread."""
        with self._lock:
            for line in self._heard:
                hear(line)
            self._hear = hear

    def _read(self) -> None:
        while line := self._lines.read():
            with self._lock:
                self._hear(line)
        os._exit(EXIT_FAILED)


def calm_collector() -> None:
    """Few, large collections: the hot paths make many short-lived objects and hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)


def _run(
    role: str, settings: Settings, telemetry: ProcessTelemetry, duties: Duties, listener: socket.socket | None
) -> None:
    if role == LOG:
        run_log(settings, telemetry)
    elif role == EXPORTER:
        from engine.roles.exporter import run_exporter

        _run_async(
            duties, lambda duty: run_exporter(ProcessHost(settings, telemetry, duty, niceness=EXPORTER_NICENESS))
        )
    elif role == GATEWAY:
        from engine.roles.gateway import run_gateway

        # its server has handlers of its own for signals
        def run(duty: Duty) -> Coroutine[Any, Any, None]:
            return run_gateway(ProcessHost(settings, telemetry, duty, listener), settings)

        _run_async(duties, run, signals=False)
    else:
        from engine.roles.partition import run_partition

        number = partition_of_role(role)

        def work(duty: Duty) -> Coroutine[Any, Any, None]:
            host = ProcessHost(settings, telemetry, duty, niceness=PARTITION_NICENESS)
            return run_partition(host, settings, number)

        _run_async(duties, work)


def _run_async(duties: Duties, main: Callable[[Duty], Coroutine[Any, Any, None]], *, signals: bool = True) -> None:
    from engine.roles.duty import Duty

    async def run() -> None:
        duty, loop = Duty(), asyncio.get_running_loop()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, duty.take, END)
        duties.go_to(lambda line: loop.call_soon_threadsafe(duty.take, line))
        await main(duty)

    try:
        import uvloop
    except ImportError:
        asyncio.run(run())
    else:
        uvloop.run(run())


if __name__ == "__main__":
    sys.exit(main())
