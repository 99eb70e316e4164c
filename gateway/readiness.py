"""Whether every part of the installation can work, and which machines it has, as told by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct


class Part(Struct, frozen=True, kw_only=True):
    """One part, such as `log`, `exporter` or `partition 1`; `problem` is empty while it works."""

    name: str
    problem: str = ""
    #: The partition whose processor it is; 0 for other parts.
    partition: int = 0


class Broker(Struct, frozen=True, kw_only=True):
    """One machine with partitions: those that it leads, those that it follows, and those that cannot work there."""

    host: str = ""
    port: int = 0
    version: str = ""
    leads: Sequence[int] = ()
    follows: Sequence[int] = ()
    broken: Sequence[int] = ()


#: The machines with partitions, always in the same order.
Brokers = Callable[[], Sequence[Broker]]
#: All parts of the installation that the gateway depends on.
Readiness = Callable[[], Awaitable[Sequence[Part]]]
