"""One process of a machine: started with its duty, started again when it dies, ended in order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from engine.core.faults import RetoldError

from .host import first_of
from .protocol import CURRENT, EXIT_FAILED, EXIT_FULL, EXIT_STOPPED, FOLLOW, LOST, PROBLEM, READY, Process, Start

#: Seconds before a process is started again: doubled from the first to the second, from the first after a good while.
RESTART_DELAY_MIN, RESTART_DELAY_MAX, GOOD_WHILE = 0.1, 5.0, 30.0
#: How often in a row a process may end before it could work for the first time; after that the start has failed.
START_ATTEMPTS_MAX = 6
#: Seconds that a process has to finish what it does before it is killed.
STOP_TIMEOUT = 15.0

IS_STARTING = "is starting"


class Child:
    """One process, kept alive until a person is needed."""

    def __init__(
        self,
        role: str,
        start: Start,
        changed: Callable[[], None],
        *,
        duty: str = "",
        lost: Callable[[], None] = lambda: None,
        after: Child | None = None,
    ) -> None:
        """`changed` is called when it says anything new of itself, `lost` when another writer has taken its partition.

        `after`: one with the same role that is being ended, and must have ended before this one starts.
        """
        self.role = role
        self.duty = duty
        self.problem = IS_STARTING
        #: It has ended for a reason that does not pass, and is not started again.
        self.has_stopped = False
        #: A standby: whether it has caught up.
        self.is_current = False
        self._start = start
        self._changed = changed
        self._lost = lost
        self._after = after
        self._worked = asyncio.Event()
        #: It works on the duty that it was told last.
        self._settled = asyncio.Event()
        #: Somebody waits for the first start: it may fail. What is started later is tried for ever.
        self._is_awaited = False
        self._changed_at = 0.0
        self._stopping = False
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start it, if that was not done, and keep it alive."""
        if self._task is None:
            self._changed_at = asyncio.get_running_loop().time()
            self._task = asyncio.create_task(self._keep_alive())

    async def start(self) -> None:
        """Returns when the process can work for the first time, or is to end. Raises RetoldError when it cannot."""
        self._is_awaited = True
        self.begin()
        await first_of(self._worked.wait(), self.ended())
        if not self._worked.is_set() and not self._stopping:
            raise RetoldError(f"expected the {self.role} process to start, got its end; its message is above")

    async def ended(self) -> None:
        """Returns when the process will not be started again."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def fails_since(self, instant: float) -> bool:
        """Whether the same has been wrong since then, in seconds of the loop's clock; its start is nothing wrong."""
        return bool(self.problem) and self.problem != IS_STARTING and self._changed_at <= instant

    def tell(self, duty: str) -> None:
        """Have it do this from now on; a process that does so already is told again, which changes nothing there."""
        if duty != self.duty:
            self.duty, self.is_current = duty, False
            self._settled.clear()
            if not self.problem:
                self._set_problem(f"changes to {duty}")
        if self._process is not None:
            self._process.tell(duty)

    async def settled(self) -> None:
        """Returns when it works on the duty that it was told last, or will not be started again."""
        await first_of(self._settled.wait(), self.ended())

    async def stop(self) -> None:
        """Ask the process to finish; kill it when it does not."""
        self._stopping = True
        process = self._process
        if process is not None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                process.kill()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep_alive(self) -> None:
        if self._after is not None:
            await self._after.ended()
            self._after = None
        clock = asyncio.get_running_loop()
        failures = 0
        while True:
            started = clock.time()
            code = await self._run_once()
            self.is_current = False
            failures = 1 if clock.time() - started > GOOD_WHILE else failures + 1
            self.has_stopped = code == EXIT_STOPPED and not self._stopping
            if self._stopping or self.has_stopped:
                return
            has_failed = code == EXIT_FULL or failures >= START_ATTEMPTS_MAX
            if has_failed and self._is_awaited and not self._worked.is_set():
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
        if self.duty:
            process.tell(self.duty)
        while line := await process.read_line():
            self._hear(*line.strip().partition(" ")[::2])
        return await process.wait()

    def _hear(self, word: str, text: str) -> None:
        if word == READY and text == self.duty:
            self._worked.set()
            self._settled.set()
            self._set_problem("")
        elif word == PROBLEM:
            self._set_problem(text)
        elif word == CURRENT and self.duty == FOLLOW and not self.is_current:
            self.is_current = True
            self._changed()
        elif word == LOST:
            self._lost()

    def _set_problem(self, problem: str) -> None:
        if bool(problem) != bool(self.problem):
            self._changed_at = asyncio.get_running_loop().time()
        self.problem = problem
        self._changed()
