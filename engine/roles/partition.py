"""One partition on one machine: its processor, or a standby that follows it, as the duty says.

Rule: who was fenced does not fence in turn; it follows until its supervisor says again that the partition is its own.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial

from engine.config import Settings
from engine.core.faults import Fenced, LogFull, RetoldError, StoreFull, Unavailable
from engine.shell.background import BackgroundDriver, BackgroundLimits
from engine.shell.confirmation import ConfirmationDriver
from engine.shell.latencies import Latencies, LatencyDriver
from engine.shell.runner import Runner
from engine.shell.webhooks import WebhookDriver

from .administration import administration
from .host import Host, first_of
from .protocol import CURRENT, FOLLOW, LOST, OWN, is_full
from .snapshots import SnapshotKeeper, open_state

#: Seconds before a partition tries again: doubled from the first to the second.
RETRY_DELAY_MIN, RETRY_DELAY_MAX = 0.05, 5.0


async def run_partition(host: Host, settings: Settings, number: int) -> None:
    """Work until the duty has ended. Raises what a person must look at."""
    log = await host.open_log()
    assembly, clock = host.assembly, host.clock
    store = await open_state(host, log, number)
    search = host.telemetry.search(host.open_search(), clock)
    state, machine = assembly.machine(store, number, log.partition_count)
    machine_settings = settings.machine()
    latencies = Latencies(host.telemetry.partition(number))
    runner = Runner(
        log=log,
        codec=assembly.codec,
        state=state,
        machine=machine,
        clock=clock,
        prepare=lambda machine: [
            *assembly.prepare(machine_settings, machine),
            *administration(settings, assembly, machine, host.hasher()),
        ],
        limits=host.runner_limits,
        measures=latencies,
        seal=settings.authorization.seal(),
        inboxes=settings.kafka.inbox_claims(),
    )
    host.telemetry.watch_runner(runner)
    host.telemetry.watch_batches(runner, store, lambda: assembly.batch_work(machine))
    batch = settings.batch_operation
    driver = BackgroundDriver(
        log=log,
        codec=assembly.codec,
        machine=machine,
        search=search,
        background=assembly.initializer(),
        clock=clock,
        time=runner.time,
        limits=BackgroundLimits(
            interval=max(batch.scheduler_interval.total_seconds(), 0.01),
            watermark_timeout=batch.watermark_timeout.total_seconds(),
        ),
    )
    confirmation = ConfirmationDriver(
        log=log,
        codec=assembly.codec,
        machine=machine,
        search=search,
        confirmations=assembly.confirmations(),
        clock=clock,
    )
    webhooks = WebhookDriver(
        log=log,
        codec=assembly.codec,
        machine=machine,
        deliveries=assembly.deliveries(),
        deliver=partial(host.tell_url, settings.webhook.wanted()),
        clock=clock,
        time=runner.time,
        committed_view=lambda: assembly.machine(store, number, log.partition_count)[1],
    )
    measuring = LatencyDriver(
        log=log,
        codec=assembly.codec,
        machine=machine,
        latencies=latencies,
        measurements=assembly.measurements(),
        clock=clock,
        time=runner.time,
    )
    drivers = (driver, confirmation, webhooks, measuring)
    runner.observers += drivers
    keeper = SnapshotKeeper(host, settings.snapshots, machine, store)
    try:
        await Work(host, runner, drivers, keeper).run()
    finally:
        await search.close()
        await log.close()
        store.close()


#: Work beside a processor, which ends with it.
Driver = BackgroundDriver | ConfirmationDriver | WebhookDriver | LatencyDriver


class Standing:
    """What a partition last said of itself; observes its runner, for a commit shows that a full disk is over."""

    def __init__(self, host: Host, runner: Runner) -> None:
        self.problem = ""
        self.is_full = False
        self._host = host
        self._runner = runner
        self._position = 0

    def fails(self, error: RetoldError, position: int) -> None:
        """Say what is wrong, once for each problem."""
        self._position, self.is_full = position, is_full(error)
        problem = f"is complete up to position {position} and tries to go on: {error.message}"
        if problem != self.problem:
            sys.stderr.write(f"partition {self._runner.partition} {problem}\n")
            self._host.report(problem)
        self.problem = problem

    def works(self) -> None:
        self.problem, self.is_full = "", False
        self._host.report()

    def committed(self) -> None:
        if self.problem and self._runner.machine.head.position > self._position:
            self.works()


class Work:
    """Does what the duty says, and tries again, with a capped back-off, what may pass."""

    def __init__(self, host: Host, runner: Runner, drivers: Sequence[Driver], keeper: SnapshotKeeper) -> None:
        self._host = host
        self._runner = runner
        self._drivers = drivers
        self._keeper = keeper
        self._standing = Standing(host, runner)
        self._delay = RETRY_DELAY_MIN
        self._has_worked = False
        runner.observers.append(self._standing)

    async def run(self) -> None:
        """Until the duty has ended. Raises what a person must look at."""
        duty = self._host.duty
        duties = {OWN: self._own, FOLLOW: self._follow}
        while not duty.has_ended:
            changed = duty.changed
            try:
                await duties.get(duty.word, asyncio.Event.wait)(changed)
            except (Unavailable, Fenced, LogFull, StoreFull) as error:
                if not self._has_worked and is_full(error):
                    raise  # whether this is a first start, which has failed then, the supervisor knows
                await self._wait_after(error, changed)

    async def _own(self, changed: asyncio.Event) -> None:
        await first_of(self._runner.recover(), changed.wait())
        if changed.is_set():
            return
        self._has_worked = True
        if self._standing.is_full:
            await first_of(self._runner.probe(), changed.wait())  # there may be nothing else to commit
        else:
            self._standing.works()
            self._delay = RETRY_DELAY_MIN
        drivers = [driver.run() for driver in self._drivers]
        await first_of(self._runner.run(changed), *drivers, self._keeper.run(standby=False))

    async def _follow(self, changed: asyncio.Event) -> None:
        if not self._standing.problem:
            self._host.report()
        following = self._runner.follow(self._caught_up)
        await first_of(following, self._keeper.run(standby=True), changed.wait())

    def _caught_up(self) -> None:
        self._has_worked = True
        self._delay = RETRY_DELAY_MIN
        if self._standing.problem:
            self._standing.works()
        self._host.say(CURRENT)

    async def _wait_after(self, error: RetoldError, changed: asyncio.Event) -> None:
        if not self._standing.problem:
            self._delay = RETRY_DELAY_MIN
        self._standing.fails(error, self._runner.drop())
        if isinstance(error, Fenced):
            self._host.duty.step_back()
            self._host.say(LOST)
        await first_of(self._host.clock.sleep(self._delay), changed.wait())
        self._delay = min(self._delay * 2, RETRY_DELAY_MAX)
