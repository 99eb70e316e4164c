"""What one process tells of itself: hands each watched part of the engine its port.

This much works anywhere, in a simulation too: it counts, and makes spans if there is somebody who takes them. What a
process of an installation does besides (serve, send) is in `process`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from engine.core.ports import EVENTS, Place

from . import metrics
from .metrics import Metric
from .registry import Labels, Point, Registry, Sample, Survey
from .spans import Spans

if TYPE_CHECKING:  # a process loads only what its own role needs
    from engine.core.background import BatchWork
    from engine.core.ports import Clock, Store
    from engine.shell.runner import Runner
    from exporters.contract import Exporter
    from exporters.pump import Pump
    from exporters.search.store import SearchStore

    from .export import PumpMeasures
    from .gateway import GatewayTelemetry
    from .partition import PartitionMeasures

#: Asks for the points of a metric; may be called in the event loop alone.
Ask = Callable[[], Awaitable[Iterable[Point]]]


class Telemetry:
    """One process. `known_end` tells the end of a place of the log, as far as this process has heard of it."""

    def __init__(self, spans: Spans | None = None, process: str = "") -> None:
        self.process = process
        self.registry = Registry()
        self.spans = spans
        self.known_end: Callable[[Place], int] = lambda _: 0

    async def collect(self) -> Sequence[Sample]:
        """The values of the whole installation; here, of this process."""
        return self.registry.snapshot()

    def ask_later(self, metric: Metric, ask: Ask) -> None:
        """Have a metric be asked for in the event loop whenever somebody looks; here, nobody does from outside."""

    def in_loop(self, read: Survey) -> Survey:
        """A survey of what only the event loop may read, for whoever looks; here, that is the event loop."""
        return read

    def partition(self, number: int) -> PartitionMeasures:
        """For the runner of a partition."""
        from .partition import PartitionMeasures

        return PartitionMeasures(number, self.registry, self.spans)

    def watch_runner(self, runner: Runner) -> None:
        """Its queues and its position."""
        partition = runner.partition

        def queued() -> list[tuple[Labels, float]]:
            ends = {name: self.known_end((name, partition)) for name in runner.inputs}
            return [((partition, name), max(0, end - runner.next_offset(name))) for name, end in ends.items()]

        def in_flight() -> list[tuple[Labels, float]]:
            return [((partition, name), runner.in_flight(name)) for name in runner.inputs]

        self.registry.watch(metrics.QUEUED, queued)
        self.registry.watch(metrics.IN_FLIGHT, in_flight)
        self.registry.watch(metrics.PARTITION_POSITION, lambda: [((partition,), runner.machine.head.position)])

    def watch_batches(self, runner: Runner, store: Store, work: Callable[[], BatchWork]) -> None:
        """What its state has counted of batch operations, and what they have to do."""
        from .batches import BatchReadings

        self.registry.watch_several(self.in_loop(BatchReadings(runner, store, work).survey))

    def search(self, search: SearchStore, clock: Clock) -> SearchStore:
        """The same searches, with their times told."""
        from .searches import MeasuredSearch

        return MeasuredSearch(search, clock, self.registry, self.process)

    def pump(self) -> PumpMeasures:
        """For the pump."""
        from .export import PumpMeasures

        return PumpMeasures(self.registry, self.spans)

    def watch_pump(self, pump: Pump, exporter: Exporter) -> None:
        """How far the projection is, and whether it goes on."""

        def lag() -> list[tuple[Labels, float]]:
            offsets = {partition: exported.offset for partition, exported in dict(exporter.positions()).items()}
            ends = {partition: self.known_end((EVENTS, partition)) for partition in pump.partitions}
            return [((partition,), max(0, end - offsets.get(partition, 0))) for partition, end in ends.items()]

        def positions() -> list[tuple[Labels, float]]:
            found = dict(exporter.positions())
            return [((partition,), found[partition].position) for partition in pump.partitions if partition in found]

        def failing() -> list[tuple[Labels, float]]:
            bad = {*pump.failing(), *pump.stopped()}
            return [((partition,), float(partition in bad or 0 in bad)) for partition in pump.partitions]

        def set_aside() -> list[tuple[Labels, float]]:
            found = dict(exporter.set_aside())
            return [((partition,), found.get(partition, 0)) for partition in pump.partitions]

        self.registry.watch(metrics.EXPORT_LAG, lag)
        self.registry.watch(metrics.WATERMARK, positions)
        self.registry.watch(metrics.EXPORT_FAILING, failing)
        self.registry.watch(metrics.EXPORT_SET_ASIDE, set_aside)

    def gateway(self) -> GatewayTelemetry:
        """For the gateway."""
        from .gateway import GatewayTelemetry

        return GatewayTelemetry(self.registry, self.spans, self.collect)
