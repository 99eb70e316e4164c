"""What a gateway's requests become: a server span each, and a producer span for each command that one sends."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from engine.core.ports import COMMANDS
from engine.shell.trace_context import TraceContext, parse
from gateway.telemetry import CommandTrace, Gauges, RequestTrace, Untraced

from . import attributes as a
from . import metrics
from .attributes import AttributeValue, messaging
from .prometheus import text_of
from .registry import Labels, Registry, Sample
from .spans import PRODUCER, SERVER, RandomBits, Span, Spans, new_span_id, new_trace

#: From this status on a server span has failed (HTTP conventions).
SERVER_ERROR = 500

#: Gives the values of the whole installation.
Collect = Callable[[], Awaitable[Sequence[Sample]]]


class GatewayTelemetry:
    """The `Telemetry` of one gateway."""

    def __init__(
        self,
        registry: Registry,
        spans: Spans | None,
        collect: Collect,
        now: Callable[[], int] = time.time_ns,
        random_bits: RandomBits = random.getrandbits,
    ) -> None:
        self._registry = registry
        self._spans = spans
        self._collect = collect
        self._now = now
        self._random_bits = random_bits

    def begin(self, given: str) -> RequestTrace:
        """As `Telemetry.begin`: goes on with a trace that is sampled, or begins one by the sample ratio."""
        spans = self._spans
        if spans is None:
            return Untraced(given)
        parent = parse(given)
        is_sampled = self._random_bits(53) < spans.sample_ratio * (1 << 53) if parent is None else parent.is_sampled
        if not is_sampled or not spans.admit():
            return Untraced(given)
        random_bits = self._random_bits
        context = parent.sibling(new_span_id(random_bits)) if parent else new_trace(random_bits)
        return TracedRequest(spans, context, parent, self._now, random_bits)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """As `Telemetry.answered`."""
        self._registry.observe(metrics.HTTP_DURATION, (method, route, status), [seconds])

    def watch(self, read: Callable[[], Gauges]) -> None:
        """As `Telemetry.watch`."""

        def commands() -> Iterator[tuple[Labels, float]]:
            return (((partition,), count) for partition, count in read().commands.items())

        self._registry.watch(metrics.HTTP_ACTIVE, lambda: [((), read().requests)])
        self._registry.watch(metrics.LONG_POLLS, lambda: [((), read().long_polls)])
        self._registry.watch(metrics.COMMANDS_IN_FLIGHT, commands)

    async def metrics(self) -> str:
        """As `Telemetry.metrics`."""
        return text_of(await self._collect())


class TracedRequest:
    """The server span of one request; its commands are sent from there."""

    def __init__(
        self,
        spans: Spans,
        context: TraceContext,
        parent: TraceContext | None,
        now: Callable[[], int],
        random_bits: RandomBits,
    ) -> None:
        self.context = context.text
        self._place = context
        self._parent = parent
        self._spans = spans
        self._now = now
        self._random_bits = random_bits
        self._began = now()

    def send(self, partition: int, request: str) -> CommandTrace:
        """As `RequestTrace.send`."""
        place = self._place.sibling(new_span_id(self._random_bits))
        return TracedCommand(self._spans, self._place, place, partition, request, self._now)

    def answered(self, method: str, route: str, status: int) -> None:
        """As `RequestTrace.answered`."""
        attributes: dict[str, AttributeValue] = {a.HTTP_METHOD: method, a.HTTP_ROUTE: route, a.HTTP_STATUS: status}
        failed = status >= SERVER_ERROR
        if failed:
            attributes[a.ERROR_TYPE] = str(status)
        self._spans.take(
            Span(
                name=f"{method} {route}",
                kind=SERVER,
                context=self._place,
                parent=self._parent,
                began=self._began,
                ended=self._now(),
                attributes=attributes,
                error=str(status) if failed else "",
            )
        )


class TracedCommand:
    """The producer span of one command: from its encoding until it is on the log."""

    def __init__(
        self,
        spans: Spans,
        parent: TraceContext,
        place: TraceContext,
        partition: int,
        request: str,
        now: Callable[[], int],
    ) -> None:
        self._place = place
        self.context = self._place.text
        self._parent = parent
        self._attributes = {**messaging("send", COMMANDS, partition), a.MESSAGE_ID: request}
        self._spans = spans
        self._now = now
        self._began = now()

    def ended(self, error: str = "") -> None:
        """As `CommandTrace.ended`."""
        attributes: Mapping[str, AttributeValue] = self._attributes
        if error:
            attributes = {**attributes, a.ERROR_TYPE: error}
        if self._spans.admit():
            self._spans.take(
                Span(
                    name=f"send {COMMANDS}",
                    kind=PRODUCER,
                    context=self._place,
                    parent=self._parent,
                    began=self._began,
                    ended=self._now(),
                    attributes=attributes,
                    error=error,
                )
            )
