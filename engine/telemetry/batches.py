"""What is told of the batch operations of a partition: what its state has counted, and what waits just now.

Rule: only the writer of a partition tells; its counts go on where those of the last writer ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.core.background import BatchWork
from engine.core.ports import Store
from engine.core.tallies import Tally, read_tallies
from engine.shell.runner import Runner

from . import metrics
from .metrics import HISTOGRAM, Metric
from .registry import Buckets, Labels, Sample

#: Name of a tally -> the metric that shows it, whose labels are the partition and those of the tally.
SHOWN: Mapping[str, Metric] = {
    "batch events": metrics.BATCH_EVENTS,
    "batch queries": metrics.BATCH_QUERIES,
    "batch items": metrics.BATCH_ITEMS,
    "batch duration": metrics.BATCH_DURATION,
    "batch latency": metrics.BATCH_LATENCY,
    "batch outcomes": metrics.BATCH_OUTCOMES,
    "batch errors": metrics.BATCH_ERRORS,
}


class BatchReadings:
    """Reads one partition."""

    def __init__(self, runner: Runner, store: Store, work: Callable[[], BatchWork]) -> None:
        self._runner = runner
        self._store = store
        self._work = work

    def survey(self) -> Sequence[Sample]:
        """All of it, if this process is the writer."""
        if not self._runner.is_working:
            return []
        return [*self._counted(), *self._waiting()]

    def _counted(self) -> list[Sample]:
        partition, tallies = self._runner.partition, read_tallies(self._store)
        samples = []
        for name, metric in SHOWN.items():
            found: list[tuple[Labels, Tally]] = [
                ((partition, *tally.labels), tally) for tally in tallies if tally.name == name
            ]
            if metric.kind == HISTOGRAM:
                histograms = [(labels, _buckets(metric, tally)) for labels, tally in found]
                samples.append(Sample(name=metric.name, histograms=histograms))
            else:
                samples.append(Sample(name=metric.name, values=[(labels, tally.counts[0]) for labels, tally in found]))
        return samples

    def _waiting(self) -> list[Sample]:
        partition, work = self._runner.partition, self._work()
        parts = [((partition, phase), count) for phase, count in work.parts.items()]
        return [
            Sample(name=metrics.BATCH_PARTS.name, values=parts),
            Sample(name=metrics.BATCH_PENDING.name, values=[((partition,), work.pending)]),
            Sample(name=metrics.BATCH_RATE.name, values=[((partition,), work.rate)]),
            Sample(name=metrics.BATCH_YIELD_PAUSE.name, values=[((partition,), work.yield_pause)]),
        ]


def _buckets(metric: Metric, tally: Tally) -> Buckets:
    return Buckets(counts=list(tally.counts), sum=tally.sum / 1000 if metric.unit == "s" else tally.sum)
