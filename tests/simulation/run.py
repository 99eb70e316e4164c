"""One simulation: a workload under faults, then no faults until everything is at rest, then the final checks."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.core.ports import EVENTS
from engine.identity.permissions import PERMISSIONS
from tests.simulation import model
from tests.simulation.audit import audit, decide_again
from tests.simulation.clients import SimulatedClient
from tests.simulation.drawing import drawn_by
from tests.simulation.failing import Bugs
from tests.simulation.faults import Faults
from tests.simulation.inboxes import INPUTS
from tests.simulation.installation import Installation
from tests.simulation.model import decode_log
from tests.simulation.model.showing import unreadable
from tests.simulation.report import describe_failure, fail
from tests.simulation.rest import stored_positions, unexported, unfinished
from tests.simulation.shadow import audit_documents
from tests.simulation.watch import LogWatch
from tests.simulation.workload import Administrator, Knowledge, NoAnswer, administrators, clients, planners, strangers
from tests.simulation.workload.administrators import ADMINISTRATOR
from tests.simulation.world import SimulatedClock, World

#: Virtual seconds within which everything must have finished once the faults have stopped.
REST_SECONDS_MAX = 300.0
#: Virtual seconds within which an installation without faults must be ready.
READY_SECONDS_MAX = 60.0
#: Virtual seconds between two looks whether all is at rest.
LOOK_SECONDS = 0.5
AUDITOR = "the auditor"
#: Where the file of the projection lies: in memory where the system has such a place.
MEMORY = Path("/dev/shm")


class Result(Struct, kw_only=True):
    """What came of a seed: `report` says what is wrong, empty if nothing is. `digest`: of all logs."""

    seed: int
    report: str = ""
    digest: str = ""
    #: Machine steps, and callbacks of the loop.
    steps: int = 0
    callbacks: int = 0
    virtual_seconds: float = 0.0
    #: Of the processor.
    seconds: float = 0.0
    #: Spans that were taken.
    spans: int = 0
    #: What happened, without the traces: every record's kind, key, place and time.
    story: list[tuple[str | int, ...]] = []
    faults: list[str] = []
    statuses: dict[int, int] = {}
    silent: int = 0


class Simulation:
    """The run of one seed in a folder of its own."""

    def __init__(self, seed: int, folder: Path, is_traced: bool | None) -> None:
        self.world = World(seed)
        self.drawn = drawn_by(seed)
        if is_traced is not None:
            self.drawn = msgspec.structs.replace(self.drawn, is_traced=is_traced)
        Bugs.share = self.drawn.bugs
        self._folder = folder
        self._rested_at = 0
        (folder / "data").mkdir()
        self.installation = Installation(self.world, self.drawn, folder / "data")
        self.watch = LogWatch(self.installation.data, self.installation.assembly.codec)
        self.installation.data.watchers.append(self.watch.appended)
        self.installation.receiver.records = self.watch.records
        self.faults = Faults(self.world, self.installation)
        self.knowledge = Knowledge()
        chosen = self.world.stream("clients")
        self._acts = clients(chosen, self.drawn.size, self.knowledge, self.drawn.settings.partitions)
        self._add_clients()
        access = self.drawn.access
        logins = [access.login_of(number, act) if access else "" for number, act in enumerate(self._acts)]
        self.clients = [
            SimulatedClient(self.installation, self.watch, number, login)
            for number, login in enumerate(logins, start=1)
        ]

    def _add_clients(self) -> None:
        drawn = self.drawn
        if drawn.has_plans:
            self._acts += planners(self.world.stream("planners"), drawn.size, self.knowledge)
        if drawn.has_inboxes:
            chosen, partitions = self.world.stream("strangers"), drawn.settings.partitions
            self._acts += strangers(chosen, drawn.size, self.knowledge, partitions, INPUTS)
        if drawn.access is not None:
            chosen = self.world.stream("administrators")
            self._acts += administrators(chosen, drawn.size, self.knowledge, drawn.settings.partitions)

    async def _prepare(self) -> None:
        """Users and what they may do, as soon as the administrator can log in."""
        if self.drawn.access is None:
            return
        await asyncio.wait_for(self._exported(), READY_SECONDS_MAX)
        administrator = Administrator(self.world.stream("preparation"), self.knowledge, 0)
        client = SimulatedClient(self.installation, self.watch, 0, ADMINISTRATOR)
        with suppress(NoAnswer):
            await administrator.prepare(client)
        self.clients.append(client)

    async def _exported(self) -> None:
        """Until the administrator is searchable, with all that he may do."""
        data, records = self.installation.data, self.watch.records[1]
        while sum(record.value_type == "AUTHORIZATION" for record in records) < len(PERMISSIONS) or any(
            unexported(data, stored_positions(self.installation))
        ):
            await asyncio.sleep(LOOK_SECONDS)

    def run(self, *, with_faults: bool) -> None:
        """Raises AssertionError with everything that is wrong."""
        self.world.loop.run_until_complete(self.world.node.create_task(self._run(with_faults)))

    async def _run(self, with_faults: bool) -> None:
        world = self.world
        self.installation.begin()
        await asyncio.wait_for(self.installation.wait_ready(), READY_SECONDS_MAX)
        await self._prepare()
        acting = [asyncio.ensure_future(act(client)) for act, client in zip(self._acts, self.clients, strict=False)]
        if with_faults:
            self.faults.start()
        await asyncio.wait(acting, timeout=self.drawn.seconds)
        await self.faults.stop()
        await self._audit()
        await self._rest(acting)
        with world.loop.standing_still(world.node):
            await self._judge()

    async def _judge(self) -> None:
        """When everything has finished."""
        world = self.world
        fail(AUDITOR, await audit(self.installation, self._folder))
        fail(AUDITOR, self._audit_documents())
        fail("deciding again", await decide_again(self.installation.data, self.installation.assembly))
        fail("a process", world.failures + world.loop.failures)
        data = self.installation.data
        seal = self.drawn.access.seal if self.drawn.access else None
        inboxes = self.drawn.settings.kafka.inbox_claims()
        logs = decode_log(data.entries, data.partition_count, self.installation.assembly.codec, seal, inboxes)
        fail("clients", self.knowledge.check(logs))
        fail("clients", [lie for client in self.clients for lie in client.lies(self.watch)])
        fail("a receiver of webhooks", self.installation.receiver.check())
        fail("clients", unreadable({one for client in self.clients for one in client.shown}, logs))
        fail("the reference model", model.check(logs, now=self._rested_at))

    async def _audit(self) -> None:
        with self.world.loop.standing_still(self.world.node):
            fail(AUDITOR, await audit(self.installation, self._folder))

    def _audit_documents(self) -> list[str]:
        installation = self.installation
        if installation.documents is None:
            return []
        codec, items = installation.assembly.codec, installation.exports_items
        return audit_documents(installation.data, installation.documents, codec, items=items)

    async def _rest(self, acting: list[asyncio.Task[None]]) -> None:
        """Until everything has finished. Raises AssertionError when that takes too long."""
        clock = SimulatedClock(self.world, "world")
        deadline = self.world.loop.time() + REST_SECONDS_MAX
        while True:
            fail("a process", self.world.failures)
            for task in acting:
                if task.done():
                    task.result()
            left = [f"client {number} acts" for number, task in enumerate(acting) if not task.done()]
            self._rested_at = clock.now()
            left += unfinished(self.installation, self._rested_at)
            if not left:
                return
            if self.world.loop.time() > deadline:
                fail("liveness: not everything has finished since the faults stopped", left)
            await asyncio.sleep(LOOK_SECONDS)

    # what is told about it

    def digest(self) -> str:
        """SHA-256 of everything on the log, with its places and stamps."""
        digest = sha256()
        data = self.installation.data
        for topic in (*data.inputs, EVENTS):
            for partition in range(1, data.partition_count + 1):
                for entry in data.entries((topic, partition)):
                    digest.update(msgspec.msgpack.encode((topic, partition, entry)))
        return digest.hexdigest()

    def story(self) -> list[tuple[str | int, ...]]:
        """As in `Result`."""
        return [
            (r.position, r.record_type, r.value_type, r.intent, r.key, r.step.timestamp, r.step.source_offset)
            for records in self.watch.records.values()
            for r in records
        ]

    def describe(self, error: BaseException) -> str:
        """What a person needs to understand a failure."""
        seed = self.world.seed
        settings = msgspec.json.encode(self.drawn, enc_hook=repr).decode()
        return describe_failure(
            f"simulation of seed {seed}, at {self.world.loop.time():.4f} s",
            [f"settings: {settings}", f"faults: {', '.join(fault.name for fault in self.faults.drawn)}"],
            self.world.diary,
            self.watch.records,
            error,
            [f"SEED={seed}", f"repeat it: make simulate SEED={seed}"],
        )

    def close(self) -> None:
        """Let go of everything, without a word about tasks that did not end."""
        self.world.loop.bury()


@contextmanager
def _heard(world: World) -> Iterator[None]:
    """What processes log as an error belongs into the diary."""
    hearing = Hearing(world)
    root = logging.getLogger()
    root.addHandler(hearing)
    try:
        yield
    finally:
        root.removeHandler(hearing)


class Hearing(logging.Handler):
    """Writes log records into the diary."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.note(self.format(record))


@contextmanager
def _quietly() -> Iterator[None]:
    """What killed processes would still say when they are taken apart is of no interest."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = hook


@cache
def _prepare() -> None:
    """Once a process: what is loaded now stays, and the collector need not look at it."""
    gc.collect()
    gc.freeze()


def simulate(seed: int, *, with_faults: bool = True, is_traced: bool | None = None) -> Result:
    """Run one seed. `is_traced`: instead of what it draws."""
    began = time.process_time()
    _prepare()
    place = MEMORY if MEMORY.is_dir() else None
    result = Result(seed=seed)
    gc.disable()
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=place) as folder:
        simulation = Simulation(seed, Path(folder), is_traced)
        try:
            with redirect_stderr(io.StringIO()), _heard(simulation.world):
                simulation.run(with_faults=with_faults)
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed that repeats it must be told
            result.report = simulation.describe(error)
        result.digest, result.story = simulation.digest(), simulation.story()
        result.spans = simulation.world.span_count
        result.steps, result.callbacks = simulation.watch.step_count, simulation.world.loop.steps
        result.virtual_seconds = simulation.world.loop.time()
        result.faults = [fault.name for fault in simulation.faults.drawn]
        for client in simulation.clients:
            for status, count in client.answers.items():
                result.statuses[status] = result.statuses.get(status, 0) + count
            result.silent += client.silent
        Bugs.share = 0.0
        with _quietly():
            simulation.close()
            del simulation
            gc.collect()
    gc.enable()
    result.seconds = time.process_time() - began
    return result
