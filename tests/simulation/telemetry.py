"""What a simulated process tells of itself: everything is counted; spans, where a seed has them, go nowhere.

Their ids come from the seed: those of requests reach the log. Tracing must change nothing else.
"""

from __future__ import annotations

from engine.core.ports import Clock
from engine.telemetry.gateway import GatewayTelemetry
from engine.telemetry.spans import Span
from engine.telemetry.telemetry import Telemetry
from tests.simulation.world import World


class CountedSpans:
    """The Spans port: takes all of them, and keeps their number."""

    sample_ratio = 0.5
    item_sample_ratio = 0.5

    def __init__(self, world: World) -> None:
        self._world = world

    def admit(self) -> bool:
        """As `Spans.admit`."""
        return True

    def take(self, span: Span) -> None:
        """As `Spans.take`."""
        assert span.context.span_id
        self._world.span_count += 1


class SimulatedTelemetry(Telemetry):
    """One process."""

    def __init__(self, world: World, clock: Clock, *, is_traced: bool) -> None:
        super().__init__(CountedSpans(world) if is_traced else None)
        self._world = world
        self._clock = clock

    def gateway(self) -> GatewayTelemetry:
        """As `Telemetry.gateway`."""

        def now() -> int:
            return self._clock.now() * 1_000_000

        return GatewayTelemetry(self.registry, self.spans, self.collect, now, self._world.random_bits)
