"""Starts the processes of an installation, starts again what dies, and ends them in order.

Owns no data, but the address: it is bound here and handed to the gateway, so that a port in use is noticed before
anything else and callers wait, rather than being refused, while a gateway is started again. What it knows of its
children is written to `DIR/parts.json`, which the gateway shows as readiness.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from engine.config import Settings
from engine.core.faults import RetoldError, Unavailable
from engine.processes import EXIT_STOPPED, GATEWAY, PROBLEM, READY, first_of, roles
from engine.shell.directory_lock import DirectoryLock

PARTS_FILE = "parts.json"
#: Seconds before a process is started again: doubled from the first to the second, from the first after a good while.
RESTART_DELAY_MIN, RESTART_DELAY_MAX, GOOD_WHILE = 0.1, 5.0, 30.0
#: How often in a row a process may end before it could work for the first time; after that the start has failed.
START_ATTEMPTS_MAX = 6
#: Seconds that a process has to finish what it does before it is killed.
STOP_TIMEOUT = 15.0


def read_parts(data: Path) -> dict[str, str]:
    """Each process of the installation and what keeps it from working; empty text while it works."""
    try:
        return msgspec.json.decode((data / PARTS_FILE).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {"supervisor": "does not tell how its processes are"}


class Child:
    """One process, kept alive until a person is needed."""

    def __init__(self, role: str, settings: Settings, listener: int, changed: Callable[[], None]) -> None:
        """`listener` is the descriptor of the bound address; `changed` is called when the problem is another one."""
        self.role = role
        self.problem = "is starting"
        self._settings = settings
        self._descriptors = (listener,) if role == GATEWAY else ()
        self._changed = changed
        self._worked = asyncio.Event()
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None
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
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
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
            if not self._worked.is_set() and failures == START_ATTEMPTS_MAX:
                return
            self._set_problem(f"ended with code {code} and is started again")
            sys.stderr.write(f"{self.role} {self.problem}\n")
            await asyncio.sleep(min(RESTART_DELAY_MIN * 2 ** min(failures - 1, 10), RESTART_DELAY_MAX))

    async def _run_once(self) -> int:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.processes",
            self.role,
            *map(str, self._descriptors),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=self._descriptors,
            process_group=0,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(self._settings.model_dump_json(by_alias=True).encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            word, _, problem = line.decode().strip().partition(" ")
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
    """All processes of one installation on one machine."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._parts_file = settings.data / PARTS_FILE
        self._listener = listener
        self._children = [
            Child(role, settings, listener.fileno(), self._write_parts) for role in roles(settings.partitions)
        ]

    def parts(self) -> Mapping[str, str]:
        return {child.role: child.problem for child in self._children}

    async def run(self, ready: Callable[[], None]) -> None:
        """Start everything, call `ready` when all of it works, and go on. Raises RetoldError when that is over."""
        log, *others = self._children
        self._write_parts()
        await log.start()
        await asyncio.gather(*(child.start() for child in others))
        ready()
        await log.ended()
        raise RetoldError("expected the log to be kept, got its end; its message is above")

    async def stop(self) -> None:
        """The gateway first, so that nothing new comes in; the log last."""
        self._listener.close()
        gateway, *inner, log = reversed(self._children)
        await gateway.stop()
        await asyncio.gather(*(child.stop() for child in inner))
        await log.stop()
        self._parts_file.unlink(missing_ok=True)

    def _write_parts(self) -> None:
        """Whole or, on a full disk, not at all: then nobody may believe that all is well."""
        new = self._parts_file.with_suffix(".new")
        try:
            new.write_bytes(msgspec.json.encode(self.parts()))
            new.replace(self._parts_file)
        except OSError as error:
            sys.stderr.write(f"expected to write {self._parts_file}, got: {error}; free space\n")
            self._parts_file.unlink(missing_ok=True)


def run(settings: Settings) -> int:
    """`retold run`: serve until SIGTERM or SIGINT. Gives the exit code. Raises RetoldError with what is wrong."""
    for warning in settings.warnings():
        sys.stderr.write(f"warning: {warning}\n")
    os.umask(0o077)
    lock = _lock(settings.data)
    try:
        with _bind(settings.host, settings.port) as listener:
            return asyncio.run(_serve(settings, listener))
    finally:
        lock.release()


def _lock(data: Path) -> DirectoryLock:
    try:
        return DirectoryLock(data / "run")
    except Unavailable as error:
        raise RetoldError(f"another engine is running on this data directory: {error.message}") from None
    except OSError as error:
        raise RetoldError(f"expected a data directory at {data}, got: {error}; choose another with --data") from None


def _bind(host: str, port: int) -> socket.socket:
    """The address, not yet listened at."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RetoldError(f"expected to serve at {host}:{port}, got: {reason}; choose another --port") from None
    return listener


async def _serve(settings: Settings, listener: socket.socket) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    supervisor = Supervisor(settings, listener)

    def announce() -> None:
        sys.stdout.write(
            f"Retold is ready at http://{settings.host}:{settings.port} "
            f"({settings.partitions} partitions, data in {settings.data})\n"
        )
        sys.stdout.flush()

    try:
        await first_of(supervisor.run(announce), stop.wait())
    finally:
        await supervisor.stop()
    return 0
