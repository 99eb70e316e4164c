"""The processor of one partition: recover and run, and whatever may pass is tried again with a capped back-off."""

from __future__ import annotations

import asyncio
import sys

from engine.config import Settings
from engine.core.faults import Fenced, LogFull, RetoldError, StoreFull, Unavailable
from engine.shell.background import BackgroundDriver, BackgroundLimits
from engine.shell.runner import Runner

from .host import Host, first_of
from .protocol import is_full

#: Seconds before a partition tries again: doubled from the first to the second.
RETRY_DELAY_MIN, RETRY_DELAY_MAX = 0.05, 5.0


async def run_partition(host: Host, settings: Settings, number: int, stop: asyncio.Event) -> None:
    """Work until told to stop. Raises what a person must look at."""
    log = await host.open_log()
    assembly, clock = host.assembly, host.clock
    store = host.open_store(number)
    search = host.open_search()
    state, machine = assembly.machine(store, number, log.partition_count)
    machine_settings = settings.machine()
    runner = Runner(
        log=log,
        codec=assembly.codec,
        state=state,
        machine=machine,
        clock=clock,
        prepare=lambda machine: assembly.prepare(machine_settings, machine),
        limits=host.runner_limits,
        measures=host.telemetry.partition(number),
    )
    host.telemetry.watch_runner(runner)
    batch = settings.batch_operation
    driver = BackgroundDriver(
        log=log,
        codec=assembly.codec,
        machine=machine,
        search=search,
        background=assembly.initializer(),
        clock=clock,
        limits=BackgroundLimits(
            interval=max(batch.scheduler_interval.total_seconds(), 0.01),
            watermark_timeout=batch.watermark_timeout.total_seconds(),
        ),
    )
    runner.observers.append(driver)
    try:
        await _keep_running(host, runner, driver, stop)
    finally:
        await search.close()
        await log.close()
        store.close()


class Standing:
    """What a partition last said of itself; observes its runner, for only a commit shows that a full disk is over."""

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
        if self.is_full and self._runner.machine.head.position > self._position:
            self.works()


async def _keep_running(host: Host, runner: Runner, driver: BackgroundDriver, stop: asyncio.Event) -> None:
    delay, worked = RETRY_DELAY_MIN, False
    standing = Standing(host, runner)
    runner.observers.append(standing)
    while not stop.is_set():
        try:
            await first_of(runner.recover(), stop.wait())
            if stop.is_set():
                return
            worked = True
            if not standing.is_full:
                standing.works()
                delay = RETRY_DELAY_MIN
            await first_of(runner.run(stop), driver.run())
        except (Unavailable, Fenced, LogFull, StoreFull) as error:
            if not worked and is_full(error):
                raise  # whether this is a first start, which has failed then, the supervisor knows
            if not standing.problem:
                delay = RETRY_DELAY_MIN
            standing.fails(error, runner.drop())
            await first_of(host.clock.sleep(delay), stop.wait())
            delay = min(delay * 2, RETRY_DELAY_MAX)
