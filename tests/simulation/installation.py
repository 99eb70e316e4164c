"""A simulated installation: the data that outlives processes, and those who start them: supervisor and operator.

The real Supervisor starts every role through its process-start port. The operator is who starts the supervisor again
after it ended: it was killed, the machine stopped, or a start failed (as on a full disk).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from engine.assembly import Assembly
from engine.config import Settings
from engine.core.faults import RetoldError
from engine.roles.host import first_of
from engine.roles.protocol import LOG, roles
from engine.roles.supervisor import Supervisor
from tests.simulation.draw import Drawn
from tests.simulation.failing import plant_bugs
from tests.simulation.log import LogData, LogServer
from tests.simulation.loop import Node
from tests.simulation.processes import SimulatedProcess
from tests.simulation.store import Disk
from tests.simulation.transport import Transport
from tests.simulation.world import SimulatedClock, World

#: One for all simulations of this process: it does not change.
ASSEMBLY = plant_bugs(Assembly())
#: Seconds until somebody notices that the supervisor is gone.
OPERATOR_SECONDS = 1.0
#: Seconds for which children may outlive a supervisor that was killed.
ORPHAN_SECONDS_MAX = 0.5


class Installation:
    """See the module's docstring."""

    def __init__(self, world: World, drawn: Drawn, folder: Path) -> None:
        self.world = world
        self.drawn = drawn
        self.settings: Settings = drawn.settings.model_copy(update={"data": folder})
        self.assembly = ASSEMBLY
        self.data = LogData(self.settings.partitions, SimulatedClock(world, LOG))
        self.transport = Transport(world)
        self.log_server: LogServer | None = None
        self.parts: Mapping[str, str] = {}
        #: The newest process of each role.
        self.processes: dict[str, SimulatedProcess] = {}
        #: Processes that were taken for dead and may still live.
        self.zombies: list[SimulatedProcess] = []
        #: The machine on which a role is started next.
        self.machines = dict.fromkeys(roles(self.settings.partitions), 0)
        self.disks: dict[tuple[int, int], Disk] = {}
        self.is_ready = asyncio.Event()
        self._count = 0
        self._stop = asyncio.Event()
        self._supervisor_node: Node | None = None
        self._operator: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on it runs."""
        self._operator = self.world.node.create_task(self._operate())

    # what the processes get

    def running_log(self) -> LogServer | None:
        server = self.log_server
        return server if server is not None and server.node.alive else None

    def disk(self, partition: int, machine: int) -> Disk:
        return self.disks.setdefault((partition, machine), Disk())

    async def start(self, role: str) -> SimulatedProcess:
        """The process-start port."""
        await asyncio.sleep(self.world.latency() * 10)
        self._count += 1
        process = SimulatedProcess(self, role, f"{role}#{self._count}", self.machines[role])
        self.processes[role] = process
        return process

    # who starts them

    async def _operate(self) -> None:
        while True:
            node = self._supervisor_node = self.world.loop.node("supervisor")
            ended = asyncio.Event()
            node.at_death.append(ended.set)
            supervising = node.create_task(self._supervise())
            await asyncio.wait([supervising, asyncio.ensure_future(ended.wait())], return_when=asyncio.FIRST_COMPLETED)
            node.kill()
            self.is_ready.clear()
            for process in self.processes.values():
                self.world.node.call_later(self.world.uniform(0, ORPHAN_SECONDS_MAX), process.kill)
            await asyncio.sleep(OPERATOR_SECONDS + ORPHAN_SECONDS_MAX)
            self.world.note("the operator starts the supervisor")

    async def _supervise(self) -> None:
        """What `retold run` does with its supervisor."""
        self._stop = asyncio.Event()
        supervisor = Supervisor(self.settings.partitions, self.start, self._tell)
        try:
            await first_of(supervisor.run(self.is_ready.set), self._stop.wait())
        except RetoldError as error:
            self.world.note(f"the supervisor ends: {error.message}")
        finally:
            await supervisor.stop()

    def _tell(self, parts: Mapping[str, str]) -> None:
        self.parts = dict(parts)

    def stop_in_order(self) -> None:
        """What SIGTERM does; the operator then starts everything again."""
        if self._supervisor_node is not None:
            self._supervisor_node.call_soon(self._stop.set)

    def kill_supervisor(self) -> None:
        if self._supervisor_node is not None:
            self._supervisor_node.kill()
