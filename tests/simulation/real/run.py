"""One run: the workload on real machines that are struck, then calm until all is at rest, then the checks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random

import httpx
from msgspec import Struct

from engine.assembly import Assembly
from engine.core.faults import Unavailable
from engine.core.ports import Log
from engine.core.record import EVENT
from engine.shell.clock import SystemClock
from tests.simulation import model
from tests.simulation.audit import decide_again
from tests.simulation.draw import draw
from tests.simulation.model import decode_log
from tests.simulation.real.client import RealClient
from tests.simulation.real.log_copy import Follower, LogCopy
from tests.simulation.real.machines import Machines, Place
from tests.simulation.real.strikes import STRIKES, strike_all
from tests.simulation.report import describe_failure, fail
from tests.simulation.rest import unexported
from tests.simulation.transport import CLIENT_TIMEOUT
from tests.simulation.watch import LogWatch
from tests.simulation.workload import Knowledge, clients
from tests.simulation.world import stream

#: How often machines are struck: every kind once.
STRIKE_COUNT = len(STRIKES)
#: Commands of all clients together, about; when they are done and machines are still struck, others follow.
SIZE = 120
#: Seconds within which everything must have finished once nothing strikes any more.
REST_SECONDS_MAX = 180.0
#: Seconds between two looks whether all is at rest, and how many in a row must find nothing left.
LOOK_SECONDS, CALM_LOOKS = 0.5, 2


class Result(Struct, kw_only=True):
    """What came of a seed: `report` says what is wrong, empty if nothing is."""

    seed: int
    report: str
    #: What was done to the machines, and when.
    diary: list[str]
    steps: int
    #: Instances that were created, batch operations, and items that have an outcome.
    instances: int
    batches: int
    items: int
    statuses: dict[int, int]
    #: Requests whose answer was lost.
    silent: int
    #: What the model did not judge.
    skipped: list[str]


class Run:
    """The run of one seed."""

    def __init__(self, seed: int, place: Place, folder: Path, strike_count: int, ending: ExitStack) -> None:
        self.seed = seed
        self.drawn = draw(stream(seed, "settings"))
        self.machines = Machines(place, self.drawn.settings, folder, ending)
        self.assembly = Assembly()
        self.copy = LogCopy(self.machines.partition_count)
        self.watch = LogWatch(self.copy, self.assembly.codec)
        self.clients: list[RealClient] = []
        self.skipped: list[str] = []
        self._strike_count = strike_count
        self._knowledge = Knowledge()
        self._rested_at = 0

    async def work(self) -> None:
        """The workload under strikes, until everything is at rest. Raises AssertionError."""
        machines = self.machines
        await asyncio.gather(*(asyncio.to_thread(machines.add) for _ in range(machines.place.machines)))
        log = await machines.place.open_log(machines.data, machines.partition_count)
        try:
            async with httpx.AsyncClient(timeout=CLIENT_TIMEOUT, limits=httpx.Limits(max_connections=None)) as http:
                striking = asyncio.create_task(strike_all(machines, stream(self.seed, "strikes"), self._strike_count))
                waves = 0
                while not (striking.done() and waves):
                    waves += 1
                    machines.note(f"wave {waves} of clients")
                    await self._clients_act(http, log, stream(self.seed, f"clients {waves}"))
                await striking
            machines.note("nothing strikes any more, and clients are done")
            await self._rest(log)
        finally:
            await log.close()

    async def _clients_act(self, http: httpx.AsyncClient, log: Log, chosen: Random) -> None:
        acts = clients(chosen, SIZE, self._knowledge, self.machines.partition_count)
        first = len(self.clients) + 1
        new = [RealClient(first + n, http, self.machines.urls, log, Random(chosen.random())) for n in range(len(acts))]
        self.clients += new
        await asyncio.gather(*(act(client) for act, client in zip(acts, new, strict=True)))

    async def judge(self) -> None:
        """Everything is at rest, and was stopped: what is wrong? Raises AssertionError."""
        codec = self.assembly.codec
        self.copy.show(self.watch)
        logs = decode_log(self.copy.entries, self.copy.partition_count, codec)
        fail("the auditor", [wrong for machine in self.machines.all if (wrong := self.machines.verify(machine))])
        fail("deciding again", await decide_again(self.copy, self.assembly))
        fail("clients", self._knowledge.check(logs))
        fail("clients", [lie for client in self.clients for lie in client.lies(self.watch)])
        verdict = model.examine(logs, now=self._rested_at)
        self.skipped = verdict.skipped
        fail("the reference model", verdict.differences)

    async def _rest(self, log: Log) -> None:
        """Until everything has finished. Raises AssertionError when that takes too long."""
        for machine in self.machines.all:
            await asyncio.to_thread(machine.wait_ready)
        numbers = range(1, self.copy.partition_count + 1)
        followers = [Follower(self.copy, self.assembly, number) for number in numbers]
        deadline = time.monotonic() + REST_SECONDS_MAX
        calm = 0
        while calm < CALM_LOOKS:
            left = await self._unfinished(followers, log)
            calm = 0 if left else calm + 1
            if left and time.monotonic() > deadline:
                fail("liveness: not everything has finished since nothing strikes any more", left)
            await asyncio.sleep(LOOK_SECONDS)
        self.machines.note("everything is at rest")

    async def _unfinished(self, followers: list[Follower], log: Log) -> list[str]:
        """What still has to happen, as the log and secondary storage say."""
        self._rested_at = SystemClock().now()
        try:
            grown = await self.copy.read_on(log)
            exported = await self.machines.place.exported(self.machines.data)
        except Unavailable as error:
            return [error.message]
        left = [f"{grown} entries are new on the log"] if grown else []
        for follower in followers:
            follower.follow()
            left += follower.unfinished(self._rested_at)
        return [*left, *unexported(self.copy, exported)]

    def result(self, error: Exception | None) -> Result:
        """What is told about it."""
        statuses: Counter[int] = Counter()
        for client in self.clients:
            statuses.update(client.answers)
        records = [record for found in self.watch.records.values() for record in found if record.record_type == EVENT]
        born = {(record.value_type, record.key) for record in records if record.intent == "CREATED"}
        born_of = Counter(value_type for value_type, _ in born)
        return Result(
            seed=self.seed,
            report="" if error is None else self._describe(error),
            diary=self.machines.diary,
            steps=self.watch.step_count,
            instances=born_of["PROCESS_INSTANCE_CREATION"],
            batches=born_of["BATCH_OPERATION_CREATION"],
            items=sum(record.value_type == "BATCH_OPERATION_ITEM" for record in records),
            statuses=dict(statuses),
            silent=sum(client.silent for client in self.clients),
            skipped=self.skipped,
        )

    def _describe(self, error: Exception) -> str:
        logs = decode_log(self.copy.entries, self.copy.partition_count, self.assembly.codec)
        records = {number: [e.record for e in log.events if e.record] for number, log in logs.items()}
        options = f"--strikes {self._strike_count} {self.machines.place.option}".strip()
        return describe_failure(
            f"the workload of seed {self.seed} on real processes, after {self.machines.seconds:.2f} s",
            [f"settings: {self.machines.settings}"],
            self.machines.diary,
            records,
            error,
            [f"SEED={self.seed}", f"repeat it: make simulate-real SEED={self.seed} MORE='{options}'"],
        )


def run(seed: int, place: Place, folder: Path, strike_count: int = STRIKE_COUNT) -> Result:
    """Run one seed in an empty folder."""
    ending = ExitStack()
    story = Run(seed, place, folder, strike_count, ending)
    error = None
    try:
        with ending:
            asyncio.run(story.work())
        asyncio.run(story.judge())
    except Exception as wrong:  # noqa: BLE001 - whatever it is, the seed that repeats it must be told
        error = wrong
    return story.result(error)
