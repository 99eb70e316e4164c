"""A simulated installation: the data that outlives processes, and the machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.assembly import Assembly
from engine.config import Settings
from engine.core.faults import Unavailable
from engine.core.ports import COMMANDS, INTERNAL, Append
from engine.roles.protocol import LOG
from tests.simulation.draw import Drawn
from tests.simulation.failing import plant_bugs
from tests.simulation.group import Coordinator
from tests.simulation.kafka import KafkaData
from tests.simulation.log import LogData, LogServer
from tests.simulation.machine import Machine
from tests.simulation.opensearch import OpensearchData
from tests.simulation.processes import SimulatedProcess
from tests.simulation.receiver import Receiver
from tests.simulation.shadow import Shadow
from tests.simulation.snapshots import Copy
from tests.simulation.store import Disk
from tests.simulation.transport import Transport
from tests.simulation.world import SimulatedClock, World

#: One for all simulations of this process: it does not change.
#: Pages come in more than one part where chunks are small.
ASSEMBLY = plant_bugs(Assembly(part_items=2))


class Installation:
    """See the module's docstring."""

    def __init__(self, world: World, drawn: Drawn, folder: Path) -> None:
        self.world = world
        self.drawn = drawn
        self.settings: Settings = drawn.settings.model_copy(update={"data": folder})
        self.assembly = ASSEMBLY
        self.data = _log_data(world, drawn)
        self.documents = OpensearchData() if drawn.is_opensearch else None
        self.shadow = self._shadow(folder.with_name("shadow")) if self.documents is not None else None
        self.transport = Transport(world)
        self.receiver = Receiver(world)
        self.log_server: LogServer | None = None
        #: Processes that were taken for dead and may still live.
        self.zombies: list[SimulatedProcess] = []
        #: (partition, number of a disk) -> what is on it.
        self.disks: dict[tuple[int, int], Disk] = {}
        #: The snapshots of each partition, which all machines share.
        self.shelves: dict[int, list[Copy]] = {}
        self.coordinator = Coordinator(world)
        self._count = 0
        self.machines = [Machine(self, number) for number in range(1, drawn.machines + 1)]

    def begin(self) -> None:
        """From now on it runs."""
        self.coordinator.begin()
        for machine in self.machines:
            machine.begin()

    @property
    def is_ready(self) -> bool:
        """Whether every machine works."""
        return all(machine.is_ready.is_set() for machine in self.machines)

    async def wait_ready(self) -> None:
        """Until every machine has worked."""
        for machine in self.machines:
            await machine.is_ready.wait()

    def processes(self) -> list[SimulatedProcess]:
        """The newest process of each role of each machine."""
        return [process for machine in self.machines for _, process in sorted(machine.processes.items())]

    def owner(self, partition: int) -> Machine | None:
        """The machine that owns a partition, as all of them were told."""
        owners = {
            member.name for machine in self.machines for member in machine.overview.members if partition in member.owned
        }
        return next((machine for machine in self.machines if {machine.name} == owners), None)

    def next_name(self, role: str) -> str:
        """A name that nothing had before."""
        self._count += 1
        return f"{role}#{self._count}"

    # what the processes get

    def running_log(self) -> LogServer | None:
        server = self.log_server
        return server if server is not None and server.node.alive else None

    def _shadow(self, folder: Path) -> Shadow:
        assert self.documents is not None
        return Shadow(self.data, self.documents, folder, self.assembly.codec, items=self.exports_items)

    @property
    def exports_items(self) -> bool:
        """Whether pending items are searchable."""
        return self.settings.exporter.batch_operation.export_items_on_creation

    def append(self, appends: Sequence[Append]) -> None:
        """As somebody does who produces past the gateway. Raises LogFull or Unavailable."""
        if isinstance(self.data, KafkaData):
            self.data.land_from_outside(appends)
            return
        server = self.running_log()
        if server is None:
            raise Unavailable("expected a log server, got none")
        server.append(appends, None)

    def disk(self, partition: int, number: int) -> Disk:
        return self.disks.setdefault((partition, number), Disk())


def _log_data(world: World, drawn: Drawn) -> LogData:
    """The log: of embedded processes, or of brokers."""
    settings, clock = drawn.settings, SimulatedClock(world, LOG)
    if not drawn.is_kafka:
        return LogData(settings.partitions, clock)
    inputs = (COMMANDS, *settings.kafka.inbox_claims(), INTERNAL)
    return KafkaData(settings.partitions, clock, world, settings.kafka.transaction_timeout.total_seconds(), inputs)
