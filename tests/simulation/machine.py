"""One machine of a simulated installation: who starts its processes, supervisor and operator.

The real Supervisor starts every role through its process-start port. The operator is who starts the supervisor again
after it ended: it was killed, the machine stopped, or a start failed (as on a full disk).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.core.faults import RetoldError
from engine.roles.group_membership import GroupMembership
from engine.roles.host import first_of
from engine.roles.membership import Member, Membership, Overview, SoleMember
from engine.roles.protocol import GATEWAY, LOG
from engine.roles.supervisor import Supervisor
from tests.simulation.group import SimulatedGroup
from tests.simulation.loop import Node
from tests.simulation.processes import SimulatedProcess
from tests.support.roles import roles

if TYPE_CHECKING:
    from tests.simulation.installation import Installation

#: Seconds until somebody notices that the supervisor is gone.
OPERATOR_SECONDS = 1.0
#: Seconds for which children may outlive a supervisor that was killed.
ORPHAN_SECONDS_MAX = 0.5
#: Disks of one machine, at most.
DISKS_MAX = 1_000


class Machine:
    """See the module's docstring."""

    def __init__(self, installation: Installation, number: int) -> None:
        self.number = number
        self.name = f"machine-{number}"
        self.overview = Overview()
        #: The newest process of each role.
        self.processes: dict[str, SimulatedProcess] = {}
        #: The disk on which a role is started next.
        self.disks = dict.fromkeys(roles(installation.settings.partitions), number * DISKS_MAX)
        self.is_ready = asyncio.Event()
        self.supervisor: Node | None = None
        self._installation = installation
        self._world = installation.world
        self._stop = asyncio.Event()
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._operator: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on it runs."""
        self._operator = self._world.node.create_task(self._operate())

    async def start(self, role: str) -> SimulatedProcess:
        """The process-start port."""
        await asyncio.sleep(self._world.latency() * 10)
        process = SimulatedProcess(self._installation, self, role, self._installation.next_name(role))
        self.processes[role] = process
        return process

    def stop_in_order(self) -> None:
        """What SIGTERM does; the operator then starts everything again."""
        if self.supervisor is not None:
            self.supervisor.call_soon(self._stop.set)

    def kill_supervisor(self) -> None:
        if self.supervisor is not None:
            self.supervisor.kill()

    def switch_off(self) -> None:
        """Every process ends at once, and nobody starts one until it is switched on."""
        self._may_run.clear()
        for process in self.processes.values():
            process.kill()
        self.kill_supervisor()

    def switch_on(self) -> None:
        self._may_run.set()

    def nodes(self) -> list[Node]:
        """Of everything that runs here."""
        running = [process.node for process in self.processes.values()]
        return [node for node in [self.supervisor, *running] if node is not None and node.alive]

    async def _operate(self) -> None:
        while True:
            await self._may_run.wait()
            node = self.supervisor = self._world.loop.node(f"supervisor of {self.name}")
            ended = asyncio.Event()
            node.at_death.append(ended.set)
            supervising = node.create_task(self._supervise(node))
            await asyncio.wait([supervising, asyncio.ensure_future(ended.wait())], return_when=asyncio.FIRST_COMPLETED)
            node.kill()
            self.is_ready.clear()
            for process in self.processes.values():
                self._world.node.call_later(self._world.uniform(0, ORPHAN_SECONDS_MAX), process.kill)
            await asyncio.sleep(OPERATOR_SECONDS + ORPHAN_SECONDS_MAX)
            self._world.note(f"the operator starts the supervisor of {self.name}")

    async def _supervise(self, node: Node) -> None:
        """What `retold run` does with its supervisor."""
        self._stop = asyncio.Event()
        fixed = [GATEWAY] if self._installation.drawn.is_kafka else [LOG, GATEWAY]
        supervisor = Supervisor(self.name, fixed, self._membership(node), self.start, self._tell)
        try:
            await first_of(supervisor.run(self.is_ready.set), self._stop.wait())
        except RetoldError as error:
            self._world.note(f"the supervisor of {self.name} ends: {error.message}")
        finally:
            await supervisor.stop()

    def _membership(self, node: Node) -> Membership:
        installation = self._installation
        count = installation.settings.partitions
        identity = Member(name=self.name, roles=installation.settings.roles)
        if len(installation.machines) == 1:
            return SoleMember(identity, count)
        group = SimulatedGroup(self._world, node, installation.coordinator, installation.next_name(self.name))
        held = [partition for (partition, disk) in installation.disks if disk // DISKS_MAX == self.number]
        return GroupMembership(group, identity, count, held=held, exports_all=False)

    def _tell(self, overview: Overview) -> None:
        self.overview = overview
