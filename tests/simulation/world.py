"""What all simulated processes share: the loop, random streams, time, and a diary of what was done to them."""

from __future__ import annotations

import asyncio
import random
import traceback

from tests.simulation.loop import Node, SimulationLoop

#: 2026-01-01T00:00:00Z in milliseconds: when every simulation begins.
BEGIN_MS = 1_767_225_600_000
#: Seconds that a message between two processes takes, most of the time.
LATENCY_SECONDS = 0.002
#: Lines of the diary that a report shows.
DIARY_LENGTH = 400


def stream(seed: int, purpose: str) -> random.Random:
    """What a seed draws for one purpose."""
    return random.Random(f"{seed}/{purpose}")


class World:
    """One simulation. Each purpose draws from a stream of its own, so that one more draw does not shift the others."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.loop = SimulationLoop(self.stream("turns"))
        #: The part of the world that is never killed: supervisor of all, clients, faults.
        self.node = self.loop.node("world")
        #: Milliseconds by which the clock of a role is wrong.
        self.clock_offsets: dict[str, int] = {}
        self.diary: list[str] = []
        #: What must not happen, and did.
        self.failures: list[str] = []
        #: Faults that strike at random while a call is made: name -> its share of the calls.
        self.rates: dict[str, float] = {}
        #: Faults that are on for a while.
        self.conditions: set[str] = set()
        self.span_count = 0
        #: For ids of spans.
        self.random_bits = self.stream("spans").getrandbits
        self._network = self.stream("network")
        self._chances = self.stream("chances")

    def stream(self, purpose: str) -> random.Random:
        return stream(self.seed, purpose)

    def note(self, text: str) -> None:
        """Write down what was done to the installation."""
        self.diary.append(f"{self.loop.time():10.4f} {text}")

    def keep_traceback(self, error: BaseException) -> None:
        """For the report."""
        self.diary += traceback.format_exception(error)

    def fences(self, node: Node) -> None:
        """A process becomes the writer of its partition; one that was fenced waits until it is told that it may.

        Once it may have overlooked it, for its log was away too.
        """
        if node.times_fenced > 1:
            self.failures.append(f"{node.name} was fenced {node.times_fenced} times, and fences without being told to")

    def strikes(self, fault: str) -> bool:
        """Whether a fault that strikes calls at random strikes this one."""
        rate = self.rates.get(fault)
        if rate is None or self._chances.random() >= rate:
            return False
        self.note(fault)
        return True

    def latency(self) -> float:
        """Seconds until a message arrives."""
        seconds = self._network.random() * LATENCY_SECONDS
        if "slow network" in self.rates and self._network.random() < self.rates["slow network"]:
            seconds += self._network.random() * 3
        return seconds

    def uniform(self, low: float, high: float) -> float:
        """A number for a fault that struck."""
        return self._chances.uniform(low, high)

    def chance(self, share: float = 0.5) -> bool:
        """A coin for a fault that struck."""
        return self._chances.random() < share


class SimulatedClock:
    """The Clock port of one process: `now` may be wrong and jump, `monotonic` never goes back."""

    def __init__(self, world: World, role: str) -> None:
        self._world = world
        self._role = role

    def now(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        offset = self._world.clock_offsets.get(self._role, 0)
        return BEGIN_MS + int(self._world.loop.time() * 1000) + offset

    def monotonic(self) -> float:
        """Seconds since the simulation began."""
        return self._world.loop.time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)


__all__ = ["BEGIN_MS", "Node", "SimulatedClock", "World", "stream"]
