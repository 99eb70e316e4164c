"""What happens to real machines while clients work: one table, as `tests/simulation/faults.py` for simulated ones.

Strikes come one after the other, in an order that the seed draws, and each is over when it returns: who was ended runs
again, who was stopped goes on. A new strike is one entry and one small function.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

from msgspec import Struct

from engine.roles.protocol import EXPORTER, partition_of_role
from tests.integration.installation import SUPERVISOR, Installation
from tests.integration.kafka_machines import asleep
from tests.simulation.real.machines import Machines

#: Seconds between two strikes, at most.
CALM_SECONDS_MAX = 2.0
#: Seconds for which a machine is away, at most: longer than the others need to take it for dead.
AWAY_SECONDS_MAX = 9.0
#: Seconds for which a process sleeps, at most.
SLEEP_SECONDS_MAX = 5.0
#: More are not added.
MACHINES_MAX = 3


class Strike(Struct, frozen=True, kw_only=True):
    """One kind. `fits`: whether it can happen to these machines now."""

    name: str
    do: Callable[[Machines, Random], Awaitable[None]]
    fits: Callable[[Machines], bool] = lambda _: True


async def strike_all(machines: Machines, chosen: Random, count: int) -> None:
    """So many strikes: each kind once in a random order, and so on. Each is over before the next one."""
    while count:
        fitting = [strike for strike in STRIKES if strike.fits(machines)]
        for strike in chosen.sample(fitting, min(count, len(fitting))):
            await asyncio.sleep(chosen.uniform(0, CALM_SECONDS_MAX))
            await strike.do(machines, chosen)
            count -= 1


def _kill_of(is_meant: Callable[[str], bool]) -> Callable[[Machines, Random], Awaitable[None]]:
    async def kill(machines: Machines, chosen: Random) -> None:
        found = _process(machines, chosen, is_meant)
        if found is None:
            return
        machine, role, pid = found
        machines.note(f"{role} of {machines.name(machine)} is killed")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    return kill


async def _kill_twice(machines: Machines, chosen: Random) -> None:
    """A partition's process, and the next one while it recovers."""
    found = _process(machines, chosen, _is_partition)
    if found is None:
        return
    machine, role, killed = found
    for _ in range(2):
        machines.note(f"{role} of {machines.name(machine)} is killed")
        with suppress(ProcessLookupError):
            os.kill(killed, signal.SIGKILL)
        while (pid := machine.pids().get(role)) in (None, killed):
            if not any(map(_is_partition, machine.pids())):
                return  # it lost its share
            await asyncio.sleep(0.02)
        killed = pid or killed
        await asyncio.sleep(chosen.uniform(0, 1))


async def _pause(machines: Machines, chosen: Random) -> None:
    found = _process(machines, chosen, lambda _: True)
    if found is not None:
        machine, role, pid = found
        seconds = chosen.uniform(0, SLEEP_SECONDS_MAX)
        machines.note(f"{role} of {machines.name(machine)} sleeps for {seconds:.1f} s")
        with _stopped(pid):
            await asyncio.sleep(seconds)


async def _pause_machine(machines: Machines, chosen: Random) -> None:
    machine = chosen.choice(machines.running)
    seconds = chosen.uniform(0, AWAY_SECONDS_MAX)
    machines.note(f"{machines.name(machine)} sleeps for {seconds:.1f} s")
    with asleep(machine):
        await asyncio.sleep(seconds)
    machines.note(f"{machines.name(machine)} wakes up")


async def _kill_machine(machines: Machines, chosen: Random) -> None:
    machine = chosen.choice(machines.running)
    machines.note(f"{machines.name(machine)} is killed")
    await _away(machines, machine, lambda: machine.kill(SUPERVISOR), chosen)


async def _stop_machine(machines: Machines, chosen: Random) -> None:
    machine = chosen.choice(machines.running)
    machines.note(f"{machines.name(machine)} is stopped in order")
    await _away(machines, machine, machine.stop, chosen)


async def _away(machines: Machines, machine: Installation, end: Callable[[], None], chosen: Random) -> None:
    machines.running.remove(machine)
    await asyncio.to_thread(end)
    await asyncio.sleep(chosen.uniform(0, AWAY_SECONDS_MAX))
    machines.note(f"{machines.name(machine)} is started again")
    await asyncio.to_thread(machines.start, machine)
    machines.note(f"{machines.name(machine)} is ready")


async def _add_machine(machines: Machines, _chosen: Random) -> None:
    machines.note("a machine is added")
    await asyncio.to_thread(machines.add)
    machines.note(f"{machines.name(machines.running[-1])} is ready")


def _can_add(machines: Machines) -> bool:
    return machines.place.machines > 1 and len(machines.all) < MACHINES_MAX


def _is_partition(role: str) -> bool:
    return partition_of_role(role) > 0


def _process(
    machines: Machines, chosen: Random, is_meant: Callable[[str], bool]
) -> tuple[Installation, str, int] | None:
    """Any process whose role is meant."""
    found = [
        (machine, role, pid)
        for machine in machines.running
        for role, pid in sorted(machine.pids().items())
        if is_meant(role)
    ]
    return chosen.choice(found) if found else None


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """It may be gone before the end."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


STRIKES = (
    Strike(name="kill a partition", do=_kill_of(_is_partition)),
    Strike(name="kill a partition while it recovers", do=_kill_twice),
    Strike(name="kill an exporter", do=_kill_of(lambda role: role == EXPORTER)),
    Strike(name="kill any process", do=_kill_of(lambda _: True)),
    Strike(name="pause a process", do=_pause),
    Strike(name="pause a machine", do=_pause_machine),
    Strike(name="kill a machine", do=_kill_machine),
    Strike(name="stop a machine in order", do=_stop_machine),
    Strike(name="add a machine", do=_add_machine, fits=_can_add),
)
