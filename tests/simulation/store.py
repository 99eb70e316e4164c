"""The state of a partition in a simulation: survives its process, not its machine, and dies at any call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.core.faults import StoreFull, Unavailable
from engine.core.ports import Change
from engine.shell.memory_store import MemoryStore
from tests.simulation.loop import Killed, Node
from tests.simulation.world import World


class Disk:
    """What one machine keeps of one partition. Only one living process may have it open."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.owner: Node | None = None


class SimulatedStore:
    """The Store port of one process."""

    def __init__(self, world: World, node: Node, disk: Disk) -> None:
        """Raises Unavailable while another process has it open."""
        if disk.owner is not None and disk.owner.alive:
            raise Unavailable("another process has the state open")
        disk.owner = node
        self._world = world
        self._node = node
        self._disk = disk

    def get(self, table: int, key: bytes) -> bytes | None:
        """As `Store.get`."""
        self._called()
        return self._disk.store.get(table, key)

    def scan(self, table: int, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `Store.scan`."""
        self._called()
        return self._disk.store.scan(table, start, stop)

    def write(self, changes: Iterable[Change]) -> None:
        """As `Store.write`: dies before it or after it."""
        changes = list(changes)
        self._called()
        if "store full" in self._world.conditions:
            raise StoreFull("expected space for the state, got a full disk")
        self._disk.store.write(changes)
        self._called()

    def clear(self) -> None:
        """As `Store.clear`."""
        self._called()
        self._disk.store.clear()

    def copy(self) -> MemoryStore:
        """What was written, as a snapshot has it."""
        self._called()
        return self._disk.store.copy()

    def close(self) -> None:
        """What was written stays."""
        self._called()
        self._disk.owner = None

    def _called(self) -> None:
        node = self._node
        node.check()
        node.calls_left -= 1
        if not node.calls_left:
            self._world.note(f"{node.name} dies at a call of its store")
            node.kill()
            raise Killed
