"""An event loop with virtual time whose tasks belong to nodes: simulated processes that are killed and paused.

Rule: within a node, callbacks run in the order in which they were scheduled, as asyncio promises; whose turn it is
among the nodes is drawn from the seed. Nothing here asks a real clock. A killed node never runs again: no `finally`.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

#: Virtual seconds that one callback takes.
STEP_SECONDS = 2e-5
#: Virtual seconds that work in a thread takes, at most.
THREAD_SECONDS_MAX = 0.004
#: A coroutine that awaits in its `finally` is closed once more, so many times.
CLOSE_ATTEMPTS = 10

Result = TypeVar("Result")


class Killed(BaseException):
    """The node has died within a call: its code must not go on. Nothing of ours may catch it."""


class Stuck(AssertionError):
    """Nothing is ready and nothing will ever be."""


class Node:
    """One simulated process, or the world around them."""

    def __init__(self, loop: SimulationLoop, name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        #: Handles, whose private parts the loop needs.
        self.ready: deque[Any] = deque()
        #: What is done at its death, by the world: connections break, files are released.
        self.at_death: list[Callable[[], None]] = []
        #: Callbacks until `at_limit` is called.
        self.steps_left = 1 << 60
        self.at_limit: Callable[[], None] = self.kill
        #: How often it was fenced since its supervisor told it its duty.
        self.times_fenced = 0
        #: Calls of its store or its database until it dies.
        self.calls_left = 1 << 60
        self._loop = loop
        self._context = copy_context()
        self._context.run(NODE.set, self)
        self._tasks: list[asyncio.Task[Any]] = []
        self._tasks_max = 64
        self._graveyard: list[object] = []

    def create_task(self, coroutine: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run a coroutine in this node."""
        return self._loop.create_task(coroutine, context=self._context.copy())

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        """Run a callback in this node."""
        self._loop.call_soon(callback, *arguments, context=self._context)

    def call_later(self, seconds: float, callback: Callable[..., object], *arguments: object) -> None:
        """Run a callback in this node, unless it is dead by then."""
        self._loop.call_at(self._loop.time() + seconds, callback, *arguments, context=self._context)

    def check(self) -> None:
        """For ports: a dead node has no effect on anything."""
        if not self.alive:
            raise Killed

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold a task, so that it is not collected, with its `finally`, when the node dies."""
        self._tasks.append(task)
        if len(self._tasks) > self._tasks_max:
            self._tasks = [kept for kept in self._tasks if not kept.done()]
            self._tasks_max = max(64, 2 * len(self._tasks))

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove(self)
        self._graveyard += self.ready
        self.ready = deque()
        for release in self.at_death:
            release()

    def pause(self) -> None:
        """Keep its callbacks back; time goes on for it."""
        if self.alive and not self.paused:
            self.paused = True
            self._loop.remove(self)

    def resume(self) -> None:
        if self.alive and self.paused:
            self.paused = False
            self._loop.add(self)

    def bury(self) -> None:
        """After the simulation: close what did not end, now rather than whenever the collector comes by."""
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _close(task.get_coro())
        self._tasks.clear()
        self._graveyard.clear()
        self.at_death.clear()


def _close(coroutine: Any) -> None:
    """End a coroutine, whatever it says: its ports refuse everything, for its node is dead."""
    for _ in range(CLOSE_ATTEMPTS):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001 - it is dead
            continue
        return


NODE: ContextVar[Node] = ContextVar("NODE")


class SimulationLoop(asyncio.BaseEventLoop):
    """See the module's docstring. `failures` collects what nobody caught."""

    _stopping: bool

    def __init__(self, chosen: random.Random) -> None:
        super().__init__()
        self.steps = 0
        self.failures: list[str] = []
        self.nodes: list[Node] = []
        self._draw = chosen.random
        self._now = 0.0
        self._active: list[Node] = []
        self._timers: list[tuple[float, int, Any]] = []
        self._timer_count = 0
        self._outside = Node(self, "outside")
        self.set_task_factory(_create_task)  # type: ignore[arg-type]
        self.set_exception_handler(_note_failure)

    def node(self, name: str) -> Node:
        """A new node."""
        node = Node(self, name)
        self.nodes.append(node)
        return node

    @contextmanager
    def standing_still(self, watching: Node) -> Iterator[None]:
        """Nobody but this node does anything meanwhile."""
        held = [node for node in self.nodes if node is not watching and node.alive and not node.paused]
        for node in held:
            node.pause()
        try:
            yield
        finally:
            for node in held:
                node.resume()

    def bury(self) -> None:
        """The end of the simulation: let go of everything."""
        nodes = (*self.nodes, self._outside)
        for node in nodes:
            node.alive = False
        events._set_running_loop(self)
        try:
            for node in nodes:
                node.bury()
        finally:
            events._set_running_loop(None)
        self._timers.clear()
        self._active.clear()
        self.close()

    # what the standard loop does with a selector and a clock

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = events.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """There are no other threads."""
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = events.TimerHandle(when, callback, args, self, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is left out when its time comes."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """No thread: the work is done at one instant, between two delays."""
        answer = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - the caller gets it, as from a thread
                self.call_later(self._delay(), _fail, answer, error)
            else:
                self.call_later(self._delay(), _succeed, answer, result)

        self.call_later(self._delay(), work)
        return answer

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    def _delay(self) -> float:
        return self._draw() * THREAD_SECONDS_MAX

    # whose turn it is

    def add(self, node: Node) -> None:
        if node.ready and not node.paused:
            self._active.append(node)

    def remove(self, node: Node) -> None:
        if node in self._active:
            self._active.remove(node)

    def _enqueue(self, handle: Any) -> None:
        node = handle._context.get(NODE, self._outside)
        if not node.alive:
            return
        node.ready.append(handle)
        if len(node.ready) == 1 and not node.paused:
            self._active.append(node)

    def _wake(self) -> None:
        """Move the timers whose time has come; if nobody is ready, let time pass until the next one."""
        timers = self._timers
        while timers:
            when, _, timer = timers[0]
            if timer._cancelled or not timer._context.get(NODE, self._outside).alive:
                heapq.heappop(timers)
            elif when <= self._now:
                heapq.heappop(timers)
                self._enqueue(timer)
            elif self._active:
                return
            else:
                self._now = when
        if not self._active:
            raise Stuck("expected something to happen, got an end: nothing is ready, and no timer runs")

    def _run_once(self) -> None:
        """Run until somebody calls `stop`: one callback after the other, each of a node that is drawn."""
        active, timers, draw = self._active, self._timers, self._draw
        while not self._stopping:
            if not active or (timers and timers[0][0] <= self._now):
                self._wake()
            node = active[int(draw() * len(active))] if len(active) > 1 else active[0]
            handle = node.ready.popleft()
            if not node.ready:
                active.remove(node)
            if handle._cancelled:
                continue
            self._now += STEP_SECONDS
            self.steps += 1
            node.steps_left -= 1
            if not node.steps_left:
                node.at_limit()
                if not node.alive:
                    continue
            try:
                handle._context.run(handle._callback, *handle._args)
            except Killed:
                pass
            except (SystemExit, KeyboardInterrupt, AssertionError):
                raise
            except BaseException as error:  # noqa: BLE001 - told at the end; the others go on
                self.failures.append(f"{node.name}: {handle._callback!r} failed with {error!r}")


def _create_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Result], context: Context | None = None
) -> asyncio.Task[Result]:
    task: asyncio.Task[Result] = asyncio.Task(coroutine, loop=loop, context=context)
    node = NODE.get(None) if context is None else context.get(NODE)
    if node is not None:
        node.keep(task)
    return task


def _note_failure(loop: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
    """What asyncio would log: an exception that nobody retrieved."""
    error = about.get("exception")
    assert isinstance(loop, SimulationLoop)
    if not isinstance(error, Killed):
        loop.failures.append(f"{about.get('message')}: {error!r}")


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
