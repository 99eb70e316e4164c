"""Passwords of requests: checked in a few threads; those that were right are remembered for a while, by a digest."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from engine.core.ports import Clock
from engine.shell.passwords import Argon2Hasher, Hasher

from .problems import Exhausted

#: At the same time; each takes tens of milliseconds of a core and 64 MiB.
THREADS_MAX = 2
#: Tries that wait for a thread; more are refused with 503.
WAITING_MAX = 100
#: What was right is not computed again for so long; a changed password counts at once, for its hash is another.
REMEMBERED_SECONDS = 60.0
REMEMBERED_MAX = 1_000

Result = TypeVar("Result")


class Passwords:
    """Hashes and checks passwords without blocking the event loop."""

    def __init__(self, clock: Clock, hasher: Hasher | None = None) -> None:
        self._clock = clock
        self._hasher = hasher or Argon2Hasher()
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="passwords")
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to be kept. Raises Exhausted."""
        return await self._run(lambda: self._hasher.hash(password))

    async def is_right(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password; without a hash it takes as long and is not. Raises Exhausted."""
        digest = hmac.digest(self._secret, f"{password_hash}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        if password_hash is not None and self._right.get(digest, 0.0) > self._clock.monotonic():
            return True
        right = await self._run(lambda: self._hasher.is_right(password_hash, password))
        if not right or password_hash is None:
            return False
        self._right[digest] = self._clock.monotonic() + REMEMBERED_SECONDS
        if len(self._right) > REMEMBERED_MAX:
            self._right.popitem(last=False)
        return True

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= WAITING_MAX:
            raise Exhausted("expected fewer logins at the same time, got too many; try again later")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
