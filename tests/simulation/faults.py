"""What the world does to an installation: one table. Each seed draws from it which faults are on, and how often.

A fault strikes calls (`rate`: the share of calls; the port asks `world.strikes(name)`), or it strikes the installation
(`every`: seconds between two strikes on average; `strike` does it). A new fault is one entry and one small function.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct

from engine.core.ports import EVENTS
from engine.roles.protocol import EXPORTER, LOG, partition_of_role
from exporters.sqlite.database import FILE_NAME
from tests.simulation.installation import Installation
from tests.simulation.kafka import BROKERS_AWAY, KafkaData
from tests.simulation.machine import DISKS_MAX, Machine
from tests.simulation.processes import EXIT_KILLED, SimulatedProcess
from tests.simulation.rest import stored_positions
from tests.simulation.store import Disk
from tests.simulation.world import World, stream

#: Seconds for which a process is paused, at most.
PAUSE_SECONDS_MAX = 90.0
#: Seconds for which something is full or away, at most.
CONDITION_SECONDS_MAX = 15.0
#: Seconds for which a process that was taken for dead lives after it woke up, at most.
ZOMBIE_SECONDS_MAX = 6.0
#: Seconds within which partitions must have found their commands in restored topics.
FIND_SECONDS_MAX = 60.0
#: Seconds for which brokers take long to fence a member that was left out.
FENCE_SECONDS = 5.0
#: Milliseconds by which a clock jumps, at most.
JUMP_MS_MAX = 3_600_000


class Scene(Struct, frozen=True):
    """What a strike gets."""

    world: World
    installation: Installation
    chosen: random.Random

    def process(self, *, partition: bool = False) -> SimulatedProcess | None:
        """A living process; with `partition`, a processor of one. None if there is none just now."""
        found = [
            process
            for process in self.installation.processes()
            if process.node.alive and (partition_of_role(process.role) or not partition)
        ]
        return self.chosen.choice(found) if found else None

    def machine(self) -> Machine:
        """Any machine."""
        return self.chosen.choice(self.installation.machines)


Strike = Callable[[Scene], Coroutine[Any, Any, None]]


class Fault(Struct, frozen=True, kw_only=True):
    """One fault. `share`: of the seeds that have it. `rate` and `every`: lowest and highest that a seed draws."""

    name: str
    about: str
    share: float = 0.3
    rate: tuple[float, float] | None = None
    every: tuple[float, float] = (1.0, 8.0)
    strike: Strike | None = None


async def _kill(scene: Scene) -> None:
    process = scene.process()
    if process is not None:
        steps = scene.chosen.choice([1, 5, 50, 500])
        process.node.steps_left = scene.chosen.randint(1, steps)
        process.node.at_limit = lambda: _kill_now(scene, process, "at an await")


def _kill_now(scene: Scene, process: SimulatedProcess, how: str) -> None:
    scene.world.note(f"{process.node.name} is killed {how}")
    process.kill()


async def _kill_at_call(scene: Scene) -> None:
    process = scene.process()
    if process is not None:
        process.node.calls_left = scene.chosen.randint(1, scene.chosen.choice([2, 20, 200]))


async def _kill_supervisor(scene: Scene) -> None:
    machine = scene.machine()
    scene.world.note(f"the supervisor of {machine.name} is killed")
    machine.kill_supervisor()


async def _stop_in_order(scene: Scene) -> None:
    machine = scene.machine()
    scene.world.note(f"{machine.name} is stopped in order")
    machine.stop_in_order()


async def _stop_machine(scene: Scene) -> None:
    """Power fails: every process dies at once, and what was not synced is gone. The log was synced."""
    machine = scene.machine()
    scene.world.note(f"{machine.name} stops")
    machine.switch_off()
    _lose_disks(scene, machine)
    machine.switch_on()


def _lose_disks(scene: Scene, machine: Machine) -> None:
    for place in scene.installation.disks:
        if place[1] // DISKS_MAX == machine.number:
            scene.installation.disks[place] = Disk()


async def _restore_topics(scene: Scene) -> None:
    """All machines are off; the topics come back from a copy; the states are deleted, or not."""
    data, machines = scene.installation.data, scene.installation.machines
    if not isinstance(data, KafkaData):
        return
    scene.world.note("all machines are switched off")
    for machine in machines:
        machine.switch_off()
    for zombie in scene.installation.zombies:
        zombie.kill()
    data.is_restoring = True
    try:
        await asyncio.sleep(scene.chosen.uniform(0, 3))
    finally:
        data.restore(scene.chosen)
        scene.world.note("the topics are restored from a copy")
        data.is_restoring = False
        for machine in machines:
            if scene.chosen.random() < 0.5:
                _lose_disks(scene, machine)
            machine.switch_on()


async def _pause_machine(scene: Scene) -> None:
    """It sleeps with all that it believes to own, and wakes up when others have it."""
    machine = scene.machine()
    nodes = machine.nodes()
    seconds = scene.chosen.uniform(0, scene.chosen.choice([5, 20, PAUSE_SECONDS_MAX]))
    scene.world.note(f"{machine.name} sleeps for {seconds:.1f} s")
    for node in nodes:
        node.pause()
    try:
        await asyncio.sleep(seconds)
    finally:
        scene.world.note(f"{machine.name} wakes up")
        for node in nodes:
            node.resume()


async def _rebalance(scene: Scene) -> None:
    scene.world.note("the members must join again")
    scene.installation.coordinator.rebalance()


async def _expire(scene: Scene) -> None:
    """The oldest events go, as far as a good snapshot and secondary storage have them; that snapshot is kept."""
    data, exported = scene.installation.data, stored_positions(scene.installation)
    if not isinstance(data, KafkaData) or "projection lost" in scene.world.conditions:
        return  # what is lost is not made again yet, whatever the positions say
    for partition, shelf in sorted(scene.installation.shelves.items()):
        for copy in shelf:
            position = copy.snapshot.position
            if not copy.is_damaged and not copy.is_foreign and 0 < position <= exported.get(partition, 0):
                scene.world.note(f"the events of partition {partition} expire up to position {position - 1}")
                data.expire((EVENTS, partition), position - 1)
                copy.is_kept = True
                break


async def _leave_out(scene: Scene) -> None:
    """While a group of steps is on its way to the log, the group goes on without a member, which joins again.

    It goes on writing until it hears of that, and who comes after it takes a while to fence it.
    """
    data = scene.installation.data
    if isinstance(data, KafkaData):
        await data.transaction_begins()
        data.fences_slowly_until = scene.world.loop.time() + FENCE_SECONDS
        scene.installation.coordinator.leave_out(scene.chosen)


async def _lose_state(scene: Scene) -> None:
    process = scene.process(partition=True)
    if process is not None:
        _kill_now(scene, process, "and its state is deleted")
        scene.installation.disks.pop((partition_of_role(process.role), process.disk), None)


async def _lose_projection(scene: Scene) -> None:
    if isinstance(scene.installation.data, KafkaData) and scene.installation.data.beginnings:
        return  # nothing could make it again
    found = [process for process in scene.installation.processes() if process.role == EXPORTER]
    if not found or any(process.node.paused for process in found):
        return
    process = found[0]
    scene.world.conditions.add("projection lost")
    documents = scene.installation.documents
    if documents is not None:
        if documents.indices:
            lost = scene.chosen.choice(sorted(documents.indices))
            scene.world.note(f"the index {lost} is deleted")
            del documents.indices[lost]
        return
    _kill_now(scene, process, "and its file is deleted")
    await asyncio.sleep(0)
    for path in scene.installation.settings.data.glob(f"{FILE_NAME}*"):
        path.unlink()


async def _pause(scene: Scene) -> None:
    process = scene.process()
    if process is not None:
        await _sleep_through(scene, process)


async def _sleep_through(scene: Scene, process: SimulatedProcess) -> None:
    seconds = scene.chosen.uniform(0, scene.chosen.choice([1, 10, PAUSE_SECONDS_MAX]))
    scene.world.note(f"{process.node.name} sleeps for {seconds:.1f} s")
    process.node.pause()
    try:
        await asyncio.sleep(seconds)
    finally:
        process.node.resume()


async def _take_over(scene: Scene) -> None:
    """A process sleeps and is taken for dead; another machine takes over, and then it wakes up."""
    process = scene.process()
    if process is None or process.role == LOG:
        return
    scene.world.note(f"{process.node.name} is taken for dead")
    process.machine.disks[process.role] += 1
    scene.installation.zombies.append(process)
    process.node.pause()
    process.end(EXIT_KILLED)
    try:
        await asyncio.sleep(scene.chosen.uniform(0, scene.chosen.choice([1, 5, 20])))
    finally:
        scene.world.note(f"{process.node.name} wakes up")
        process.node.resume()
        scene.world.node.call_later(scene.chosen.uniform(0, ZOMBIE_SECONDS_MAX), process.kill)


async def _jump(scene: Scene) -> None:
    process = scene.process()
    if process is not None:
        jump = scene.chosen.randint(-1, 1) * scene.chosen.randint(0, scene.chosen.choice([100, 10_000, JUMP_MS_MAX]))
        scene.world.note(f"the clock of {process.role} jumps by {jump} ms")
        offsets = scene.world.clock_offsets
        offsets[process.role] = offsets.get(process.role, 0) + jump


def _condition(name: str) -> Strike:
    async def hold(scene: Scene) -> None:
        scene.world.note(f"{name}: begins")
        scene.world.conditions.add(name)
        try:
            await asyncio.sleep(scene.chosen.uniform(0, CONDITION_SECONDS_MAX))
        finally:
            scene.world.note(f"{name}: ends")
            scene.world.conditions.discard(name)

    return hold


FAULTS = (
    Fault(name="slow network", about="a message takes seconds", rate=(0.001, 0.05)),
    Fault(name="slow read", about="a read of the log takes long", rate=(0.01, 0.2)),
    Fault(
        name="slow brokers", about="a fence, or the answer to a long poll, takes seconds", share=0.5, rate=(0.1, 0.8)
    ),
    Fault(name="short page", about="a read gives one record, so that inputs overtake each other", rate=(0.1, 1.0)),
    Fault(name="read fails", about="a read of the log is Unavailable", rate=(0.001, 0.02)),
    Fault(
        name="connection lost",
        about="an append is AppendUnknown: it was done, is not done, or is done late",
        share=0.6,
        rate=(0.005, 0.1),
    ),
    Fault(name="duplicate append", about="what a client or the shell appends is there twice", rate=(0.01, 0.2)),
    Fault(name="answer lost", about="a client does not get its answer", rate=(0.01, 0.2)),
    Fault(name="snapshot fails", about="the directory of snapshots is away, or full", rate=(0.05, 0.5)),
    Fault(name="snapshot damaged", about="a snapshot is not what it says when it is restored", rate=(0.1, 0.6)),
    Fault(name="snapshot of another log", about="its chain is not that of the log", rate=(0.5, 1.0)),
    Fault(name="export fails", about="the exporter is Unavailable", rate=(0.01, 0.3)),
    Fault(name="export slow", about="an export takes seconds", rate=(0.01, 0.2)),
    Fault(name="statement fails", about="the disk fails within an export", rate=(0.001, 0.02)),
    Fault(name="position not written", about="an exporter fails behind its documents", rate=(0.05, 0.5)),
    Fault(name="query fails", about="a query is Unavailable", rate=(0.01, 0.4)),
    Fault(name="query slow", about="a query takes seconds", rate=(0.01, 0.2)),
    Fault(name="receiver fails", about="a receiver of webhooks refuses, or its answer is lost", rate=(0.05, 0.5)),
    Fault(name="receiver slow", about="a receiver of webhooks takes seconds", rate=(0.05, 0.3)),
    Fault(name="kill", about="kill -9 at an await", share=0.6, every=(0.5, 5.0), strike=_kill),
    Fault(
        name="kill at a call", about="kill -9 within a call of the state or the file", share=0.4, strike=_kill_at_call
    ),
    Fault(name="kill supervisor", about="kill -9 of the supervisor", share=0.15, strike=_kill_supervisor),
    Fault(name="stop in order", about="SIGTERM, and a new start", share=0.15, strike=_stop_in_order),
    Fault(name="machine stops", about="power fails; the state is lost", share=0.15, strike=_stop_machine),
    Fault(name="machine pauses", about="a machine sleeps, and wakes up late", share=0.2, strike=_pause_machine),
    Fault(name="rebalance", about="the members share out anew, at any time", share=0.3, strike=_rebalance),
    Fault(
        name="left out",
        about="while an owner appends, a member is taken for dead and joins again",
        share=0.25,
        every=(0.3, 2.0),
        strike=_leave_out,
    ),
    Fault(
        name="topics restored",
        about="all is off meanwhile; offsets, gaps and stamps are others",
        share=0.25,
        every=(4.0, 12.0),
        strike=_restore_topics,
    ),
    Fault(name="events expire", about="the log begins later, behind some snapshots", share=0.5, strike=_expire),
    Fault(name="state lost", about="the state of a partition is deleted", share=0.25, strike=_lose_state),
    Fault(name="projection lost", about="the file of the projection is deleted", share=0.1, strike=_lose_projection),
    Fault(name="pause", about="a process sleeps and wakes up late", strike=_pause),
    Fault(name="take-over", about="a process sleeps, another one takes over, it wakes up", strike=_take_over),
    Fault(name="clock jump", about="a clock is set, forward or back", strike=_jump),
    Fault(name="log full", about="the log takes nothing for a while", share=0.15, strike=_condition("log full")),
    Fault(name="brokers away", about="no broker answers for a while", share=0.2, strike=_condition(BROKERS_AWAY)),
    Fault(name="markers late", about="a commit's markers are written seconds later", rate=(0.01, 0.2)),
    Fault(name="store full", about="the states take nothing for a while", share=0.15, strike=_condition("store full")),
    Fault(name="exporter down", about="nothing is exported for a while", share=0.2, strike=_condition("exporter down")),
    Fault(name="search down", about="no query is answered for a while", share=0.2, strike=_condition("search down")),
)


def draw_faults(seed: int) -> list[Fault]:
    """Those that a seed has. Each draws from a stream of its own, so that a new one does not shift the others."""
    return [fault for fault in FAULTS if stream(seed, f"share of {fault.name}").random() < fault.share]


class Faults:
    """The faults of one seed."""

    def __init__(self, world: World, installation: Installation) -> None:
        self.drawn = draw_faults(world.seed)
        self._world = world
        self._installation = installation
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """From now on they strike."""
        for fault in self.drawn:
            chosen = self._world.stream(f"fault {fault.name}")
            if fault.rate is not None:
                self._world.rates[fault.name] = chosen.uniform(*fault.rate)
            elif fault.strike is not None:
                scene = Scene(self._world, self._installation, chosen)
                self._tasks.append(asyncio.create_task(_strike_again_and_again(fault, fault.strike, scene)))

    async def stop(self) -> None:
        """From now on nothing strikes any more, whoever sleeps wakes up, and restored topics are known again.

        Clocks are right again, but for that of a log that is ahead: set right, it would let machine time stand still.
        """
        self._world.note("the faults stop")
        self._world.rates.clear()
        ahead = max(self._world.clock_offsets.get(LOG, 0), 0)
        self._world.clock_offsets.clear()
        self._world.clock_offsets[LOG] = ahead
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled():
                task.result()
        for process in self._installation.processes():
            process.node.steps_left = process.node.calls_left = 1 << 60
        data, until = self._installation.data, self._world.loop.time() + FIND_SECONDS_MAX
        while isinstance(data, KafkaData) and data.misplaced and self._world.loop.time() < until:
            await data.moved(1.0)


async def _strike_again_and_again(fault: Fault, strike: Strike, scene: Scene) -> None:
    pause = scene.chosen.uniform(*fault.every)
    while True:
        await asyncio.sleep(scene.chosen.expovariate(1 / pause))
        await strike(scene)
