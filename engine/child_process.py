"""Starts a role as a process of its own, and hears what it says: the production side of `engine.roles.protocol`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from engine.config import Settings


class ChildProcess:
    """A running `python -m engine.processes ROLE`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, role: str, settings: Settings, descriptors: Sequence[int]) -> ChildProcess:
        """Start it and give it its settings; it inherits the descriptors, whose numbers are its arguments."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.processes",
            role,
            *map(str, descriptors),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
            process_group=0,
        )
        child = cls(process)
        child.tell(settings.for_processes())
        return child

    async def read_line(self) -> str:
        """As `Process.read_line`."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode()

    def tell(self, duty: str) -> None:
        """As `Process.tell`."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(duty.encode() + b"\n")

    async def wait(self) -> int:
        """As `Process.wait`."""
        return await self._process.wait()

    def terminate(self) -> None:
        """As `Process.terminate`."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """As `Process.kill`."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
