"""The supervisor: starts the processes of an installation, starts again what dies, and ends them in order.

Owns no data. How a process is started, and who is told how its parts are, it is given.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping

from engine.core.faults import RetoldError

from .host import first_of
from .protocol import EXIT_FAILED, EXIT_FULL, EXIT_STOPPED, PROBLEM, READY, Process, Start, roles

#: Seconds before a process is started again: doubled from the first to the second, from the first after a good while.
RESTART_DELAY_MIN, RESTART_DELAY_MAX, GOOD_WHILE = 0.1, 5.0, 30.0
#: How often in a row a process may end before it could work for the first time; after that the start has failed.
START_ATTEMPTS_MAX = 6
#: Seconds that a process has to finish what it does before it is killed.
STOP_TIMEOUT = 15.0


class Child:
    """One process, kept alive until a person is needed."""

    def __init__(self, role: str, start: Start, changed: Callable[[], None]) -> None:
        """`changed` is called when the problem is another one."""
        self.role = role
        self.problem = "is starting"
        self._start = start
        self._changed = changed
        self._worked = asyncio.Event()
        self._stopping = False
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the process can work for the first time. Raises RetoldError when it cannot."""
        self._task = asyncio.create_task(self._keep_alive())
        await first_of(self._worked.wait(), self.ended())
        if not self._worked.is_set():
            raise RetoldError(f"expected the {self.role} process to start, got its end; its message is above")

    async def ended(self) -> None:
        """Returns when the process will not be started again."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Ask the process to finish; kill it when it does not."""
        self._stopping = True
        process = self._process
        if process is not None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
            except TimeoutError:
                process.kill()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep_alive(self) -> None:
        clock = asyncio.get_running_loop()
        failures = 0
        while True:
            started = clock.time()
            code = await self._run_once()
            failures = 1 if clock.time() - started > GOOD_WHILE else failures + 1
            if self._stopping or code == EXIT_STOPPED:
                return
            if not self._worked.is_set() and (code == EXIT_FULL or failures == START_ATTEMPTS_MAX):
                return
            if code != EXIT_FULL:  # the process has told what is full, and where
                self._set_problem(f"ended with code {code} and is started again")
            sys.stderr.write(f"{self.role} {self.problem}\n")
            await asyncio.sleep(min(RESTART_DELAY_MIN * 2 ** min(failures - 1, 10), RESTART_DELAY_MAX))

    async def _run_once(self) -> int:
        try:
            self._process = process = await self._start(self.role)
        except OSError as error:  # no memory, or no process is left: it may pass
            sys.stderr.write(f"expected to start the {self.role} process, got: {error}\n")
            return EXIT_FAILED
        while line := await process.read_line():
            word, _, problem = line.strip().partition(" ")
            if word == READY:
                self._worked.set()
                self._set_problem("")
            elif word == PROBLEM:
                self._set_problem(problem)
        return await process.wait()

    def _set_problem(self, problem: str) -> None:
        self.problem = problem
        self._changed()


class Supervisor:
    """All processes of one installation on one machine.

    `start` starts the process of a role; `tell` gets what keeps each part from working whenever that has changed.
    """

    def __init__(self, partitions: int, start: Start, tell: Callable[[Mapping[str, str]], None]) -> None:
        self._tell = tell
        self._children = [Child(role, start, self._tell_parts) for role in roles(partitions)]

    def parts(self) -> Mapping[str, str]:
        return {child.role: child.problem for child in self._children}

    async def run(self, ready: Callable[[], None]) -> None:
        """Start everything, call `ready` when all of it works, and go on. Raises RetoldError when that is over."""
        log, *others = self._children
        self._tell_parts()
        await log.start()
        await asyncio.gather(*(child.start() for child in others))
        ready()
        await log.ended()
        raise RetoldError("expected the log to be kept, got its end; its message is above")

    async def stop(self) -> None:
        """The gateway first, so that nothing new comes in; the log last."""
        gateway, *inner, log = reversed(self._children)
        await gateway.stop()
        await asyncio.gather(*(child.stop() for child in inner))
        await log.stop()

    def _tell_parts(self) -> None:
        self._tell(self.parts())
