"""All that a client of the workload knows of the world: how to ask, how to produce, and that answers may be lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct


class Answer(Struct, frozen=True):
    """What a request was answered. `body`: decoded JSON, None without one."""

    status: int
    body: Any = None


class NoAnswer(Exception):
    """The answer was lost, or never came: whether anything happened is unknown."""


class Client(Protocol):
    """A connection to the installation."""

    async def request(
        self, method: str, path: str, body: object | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask the gateway. A deployment's body is file name -> content. Raises NoAnswer."""

    async def produce(self, partition: int, value: bytes, *, topic: str = ..., signed: bool = False) -> None:
        """Append bytes to the commands topic, or to an inbox; `signed`: as who knows the secret. Raises NoAnswer."""

    async def sleep(self, seconds: float) -> None: ...

    def now(self) -> int:
        """Milliseconds since 1970 (UTC), by the client's clock."""
