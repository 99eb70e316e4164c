"""What a gateway tells of its requests, and what it shows of the whole installation: a port.

Rule: telling must return at once and cannot fail. `Untelling` is the gateway without anybody who listens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct


class Gauges(Struct, frozen=True, kw_only=True):
    """What is going on now."""

    #: being served
    requests: int
    #: without their outcome, by partition
    commands: Mapping[int, int]
    #: job activations that wait for jobs
    long_polls: int


class CommandTrace(Protocol):
    """One command on its way to the log. `context`: what it carries; empty without a trace."""

    @property
    def context(self) -> str: ...

    def ended(self, error: str = "") -> None:
        """It is on the log; or not, and why."""


class RequestTrace(Protocol):
    """One request, from its arrival to its answer. `context`: what goes on from here; empty without a trace."""

    @property
    def context(self) -> str: ...

    def send(self, partition: int, request: str) -> CommandTrace:
        """A command of it is being sent."""

    def answered(self, method: str, route: str, status: int) -> None: ...


class Telemetry(Protocol):
    """Who listens."""

    def begin(self, given: str) -> RequestTrace:
        """A request has come with this trace context (`engine.shell.trace_context`), or with an empty one."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Any request is answered. `route` is the template of the path, never the path itself."""

    def watch(self, read: Callable[[], Gauges]) -> None:
        """`read` may be asked at any time, in any thread."""

    async def metrics(self) -> str:
        """The values of all processes of the installation in the Prometheus text format."""


class Untraced(Struct, frozen=True):
    """What belongs to no trace that is recorded; a context that was given is passed on as it is."""

    context: str = ""

    def send(self, partition: int, request: str) -> Untraced:  # noqa: ARG002
        """As `RequestTrace.send`."""
        return self

    def answered(self, method: str, route: str, status: int) -> None:
        """As `RequestTrace.answered`."""

    def ended(self, error: str = "") -> None:
        """As `CommandTrace.ended`."""


class Untelling:
    """A Telemetry to which nobody listens."""

    def begin(self, given: str) -> RequestTrace:
        """As `Telemetry.begin`."""
        return Untraced(given)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """As `Telemetry.answered`."""

    def watch(self, read: Callable[[], Gauges]) -> None:
        """As `Telemetry.watch`."""

    async def metrics(self) -> str:
        """As `Telemetry.metrics`."""
        return ""
