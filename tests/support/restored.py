"""An installation in memory whose topics are copied elsewhere, with commands that nobody has decided yet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import cast

from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Store
from engine.core.record import Record
from engine.records import Deployment, ProcessInstanceCreation, Variable
from engine.records.deployment import Resource
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore

from . import models as m
from .copied_log import CopiedLog, Relocation
from .partitions import digests, records_of, replayed, send, work
from .scenario import BEGIN, make

#: Commands on each partition, and how many more that have no outcome yet.
DECIDED, PENDING = 6, 3


def creation(name: str) -> Record:
    value = ProcessInstanceCreation(bpmn_process_id="one", variables=f'{{"name": "{name}"}}')
    return make("PROCESS_INSTANCE_CREATION", "CREATE", value)


class Installation:
    """Two partitions that have lived, with commands behind that nobody has decided."""

    def __init__(self) -> None:
        self.clock = ManualClock(BEGIN)
        self.log = MemoryLog(2, self.clock)
        self.stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}

    async def live(self) -> None:
        resource = Resource(resource_name="one.bpmn", resource=m.one_task())
        await send(self.log, 1, make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))))
        await work(self.log, self.stores, self.clock)
        for number in self.stores:
            await send(self.log, number, *[creation(f"decided {index}") for index in range(DECIDED)])
        await work(self.log, self.stores, self.clock)
        for number in self.stores:
            await send(self.log, number, *[creation(f"pending {index}") for index in range(PENDING)])

    def copy(self, relocate: Relocation, *, keeps_stamps: bool = False) -> CopiedLog:
        self.clock.advance(1_000)
        return CopiedLog.of(self.log, self.clock, relocate, keeps_stamps=keeps_stamps)


def names_of(records: Iterable[Record]) -> list[str]:
    """What the commands that ran were called, by the variable that each gave its instance."""
    return [json.loads(cast(Variable, one.value).value) for one in records if one.value_type == "VARIABLE"]


async def check_whole(log: MemoryLog, stores: dict[int, Store]) -> None:
    """Every command ran once, in order, and the state is what the log says."""
    for number, store in stores.items():
        names = names_of(await records_of(log, number, min(e.offset for e in log._places[EVENTS, number])))
        expected = [f"decided {index}" for index in range(DECIDED)]
        expected += [f"pending {index}" for index in range(PENDING)]
        assert names == expected
        assert digests(store) == digests(await replayed(log, number))


#: By name: where the entries of an installation lie in a copy.
RELOCATIONS: dict[str, Relocation] = {
    "shifted": lambda _, number: number + 1_000,
    "gaps": lambda _, number: 3 * number + 2,
    "inputs apart": lambda place, number: number + (7 if place[0] == COMMANDS else 0),
    "one input": lambda place, number: number + (7 if place[0] == INTERNAL else 0),
    "events": lambda place, number: number + (9 if place[0] == EVENTS else 0),
    "the same": lambda _, number: number,
}
