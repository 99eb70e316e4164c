"""Whether every part of the installation can work, as told by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct


class Part(Struct, frozen=True, kw_only=True):
    """One part, such as `log`, `exporter` or `partition 1`; `problem` is empty while it works."""

    name: str
    problem: str = ""
    #: The partition whose processor it is; 0 for other parts.
    partition: int = 0


#: All parts of the installation that the gateway depends on.
Readiness = Callable[[], Awaitable[Sequence[Part]]]
