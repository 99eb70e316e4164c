"""The processes of a simulated installation: the real roles, each in a node, with simulated ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from litestar import Litestar
from msgspec import structs

from engine.core.faults import RetoldError
from engine.roles.duty import Duty
from engine.roles.exporter import run_exporter
from engine.roles.gateway import run_gateway
from engine.roles.membership import Overview
from engine.roles.partition import run_partition
from engine.roles.protocol import (
    END,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_STOPPED,
    EXPORTER,
    GATEWAY,
    LOG,
    exit_code_of,
    line_of,
    partition_of_role,
    problem_of,
)
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from exporters.opensearch import OpensearchExporter
from exporters.opensearch.indices import Shape
from gateway.settings import GatewaySettings
from tests.simulation.authorization import SimulatedHasher
from tests.simulation.kafka import KafkaData
from tests.simulation.kafka_clients import SimulatedClients
from tests.simulation.log import LogServer, SimulatedLog
from tests.simulation.loop import Killed, Node
from tests.simulation.opensearch import SimulatedNode
from tests.simulation.shadow import PREFIX, ShadowSearch
from tests.simulation.snapshots import SimulatedSnapshots
from tests.simulation.storage import SimulatedExporter, SimulatedSearch
from tests.simulation.store import SimulatedStore
from tests.simulation.telemetry import SimulatedTelemetry
from tests.simulation.transport import Server
from tests.simulation.world import SimulatedClock

if TYPE_CHECKING:
    from engine.core.background import Delivery, DeliveryResult
    from engine.core.ports import Log
    from engine.shell.webhook_rules import WebhookSettings
    from exporters.contract import Exporter
    from exporters.search.store import SearchStore
    from tests.simulation.installation import Installation
    from tests.simulation.machine import Machine

#: What simulated brokers are told.
CONNECTION = KafkaConnection(servers="simulated", prefix="simulation")
#: What a process that was killed ends with.
EXIT_KILLED = -9


class SimulatedProcess:
    """One process: the `Process` port for the supervisor, and the `Host` of its role."""

    def __init__(self, installation: Installation, machine: Machine, role: str, name: str) -> None:
        world = installation.world
        self.role = role
        self.machine = machine
        #: Its number.
        self.disk = machine.disks[role]
        self.node: Node = world.loop.node(name)
        self.assembly = installation.assembly
        self.clock = SimulatedClock(world, role)
        self.runner_limits = installation.drawn.runner_limits
        self.pump_limits = installation.drawn.pump_limits
        self.telemetry = SimulatedTelemetry(world, self.clock, is_traced=installation.drawn.is_traced)
        self.gateway_id = name
        self._installation = installation
        self._world = world
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._exit: asyncio.Future[int] = world.loop.create_future()
        self.duty = Duty()
        self.node.at_death.append(lambda: self.end(EXIT_KILLED))
        self.node.create_task(self._main())

    # for the supervisor

    async def read_line(self) -> str:
        """As `Process.read_line`."""
        return await self._lines.get()

    async def wait(self) -> int:
        """As `Process.wait`."""
        return await asyncio.shield(self._exit)

    def tell(self, duty: str) -> None:
        """As `Process.tell`."""
        self.node.call_soon(self._take, duty)

    def terminate(self) -> None:
        """As `Process.terminate`."""
        self.node.call_soon(self.duty.take, END)

    def kill(self) -> None:
        """As `Process.kill`."""
        self.node.kill()

    def end(self, code: int) -> None:
        """The supervisor believes that it has ended; when another machine takes over, it may still live."""
        if not self._exit.done():
            self._lines.put_nowait("")
            self._exit.set_result(code)

    def _take(self, duty: str) -> None:
        self.node.times_fenced = 0
        self.duty.take(duty)

    # what it does

    async def _main(self) -> None:
        code = EXIT_OK
        try:
            await self._run()
        except RetoldError as error:
            self.report(problem_of(error))
            code = exit_code_of(error)
            if code == EXIT_STOPPED:
                self._world.failures.append(f"{self.node.name} stopped: {type(error).__name__}: {error.message}")
        except Killed:
            raise
        except Exception as error:  # noqa: BLE001 - as the interpreter does: a traceback, and the end
            self._world.failures.append(f"{self.node.name} ended with {type(error).__name__}: {error}")
            self._world.keep_traceback(error)
            code = EXIT_FAILED
        self._world.note(f"{self.node.name} ends with code {code}")
        self.end(code)
        self.node.kill()

    def _run(self) -> Coroutine[Any, Any, None]:
        settings = self._installation.settings
        if self.role == LOG:
            return self._run_log()
        if self.role == EXPORTER:
            return run_exporter(self)
        if self.role == GATEWAY:
            return run_gateway(self, settings)
        return run_partition(self, settings, partition_of_role(self.role))

    async def _run_log(self) -> None:
        data = self._installation.data
        data.use_clock(self.clock)
        self._installation.log_server = server = LogServer(self._world, data, self.node)
        self.report()
        while not self.duty.has_ended:
            await self.duty.changed.wait()
        server.stop()

    # as a host

    async def open_log(self) -> Log:
        installation = self._installation
        if isinstance(installation.data, KafkaData):
            clients = SimulatedClients(self._world, self.node, installation.data)
            names = tuple(text.partition("=")[0] for text in installation.settings.kafka.inboxes)
            connection = structs.replace(CONNECTION, inboxes=names)
            return await KafkaLog.open(
                connection,
                partition_count=installation.data.partition_count,
                clock=self.clock,
                name=self.node.name,
                clients=clients,
            )
        log = SimulatedLog(self._world, self.node, self.clock, installation.data, installation.running_log)
        await log.open()
        return log

    def open_store(self, partition: int) -> SimulatedStore:
        return SimulatedStore(self._world, self.node, self._installation.disk(partition, self.disk))

    def snapshots(self, partition: int) -> SimulatedSnapshots | None:
        installation = self._installation
        if installation.settings.snapshots.directory is None:
            return None
        shelf = installation.shelves.setdefault(partition, [])
        disk = installation.disk(partition, self.disk)
        state_format = self.assembly.state_format
        return SimulatedSnapshots(self._world, self.node, self.clock, shelf, disk, partition, state_format)

    def open_search(self) -> SearchStore:
        shadow = self._installation.shadow
        if shadow is not None:
            return ShadowSearch(self._world, self.node, shadow, self.clock)
        return SimulatedSearch(self._world, self.node, self._installation.settings.data, self.clock)

    def open_exporter(self) -> Exporter:
        installation = self._installation
        items = installation.exports_items
        if installation.documents is not None:
            node = SimulatedNode(self._world, self.node, installation.documents)
            return OpensearchExporter(
                node, Shape(prefix=PREFIX), self.clock, name=self.node.name, export_items_on_creation=items
            )
        return SimulatedExporter(self._world, self.node, installation.settings.data, export_items_on_creation=items)

    def hasher(self) -> SimulatedHasher:
        return SimulatedHasher()

    async def tell_url(self, webhooks: WebhookSettings, delivery: Delivery) -> DeliveryResult:
        return await self._installation.receiver.take(webhooks, delivery)

    async def serve(self, app: Litestar, settings: GatewaySettings, started: Callable[[], None]) -> None:
        server = Server(self._world, self.node, app)
        await server.serve(self._installation.transport, started, self.duty.changed)

    def overview(self) -> Overview:
        return self.machine.overview

    def report(self, problem: str = "") -> None:
        self.say(line_of(problem, self.duty.word))

    def say(self, word: str) -> None:
        self.node.check()
        if not self._exit.done():
            self._lines.put_nowait(word)
