"""The values of one process. Counting is a dictionary's work, so that it can be done always (OpenTelemetry's own
instruments cost 30 us an add); they are put into other shapes only when somebody asks.

One thread counts, others may look on: a snapshot copies each table whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from .metrics import COUNTER, HISTOGRAM, Metric

Label = str | int
Labels = tuple[Label, ...]

#: Tells the values of a metric by their labels, when it is asked.
Point = tuple[Labels, float]
Reading = Callable[[], Iterable[Point]]


class Buckets(Struct, kw_only=True):
    """A histogram: how many values were in each bucket (the last one has no bound), and their sum."""

    counts: list[int]
    sum: float = 0.0


class Sample(Struct, frozen=True, kw_only=True):
    """One metric with the values it has now; `histograms` has those of one that is a histogram."""

    name: str
    values: Sequence[tuple[Labels, float]] = ()
    histograms: Sequence[tuple[Labels, Buckets]] = ()


#: Tells several metrics at once, when it is asked.
Survey = Callable[[], Iterable[Sample]]
Found = TypeVar("Found")


class Registry:
    """Counts, and reads what can be read at any time."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter[Labels]] = {}
        self._histograms: dict[str, dict[Labels, Buckets]] = {}
        self._readings: dict[str, list[Reading]] = {}
        self._surveys: list[Survey] = []

    def add(self, metric: Metric, amounts: Mapping[Labels, int]) -> None:
        """Count many at once."""
        assert metric.kind == COUNTER, metric.name
        self._counters.setdefault(metric.name, Counter()).update(amounts)

    def observe(self, metric: Metric, labels: Labels, values: Iterable[float]) -> None:
        """Put values into a histogram."""
        assert metric.kind == HISTOGRAM, metric.name
        found = self._histograms.setdefault(metric.name, {})
        buckets = found.get(labels)
        if buckets is None:
            buckets = found[labels] = Buckets(counts=[0] * (len(metric.bounds) + 1))
        counts, bounds = buckets.counts, metric.bounds
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            buckets.sum += value

    def watch(self, metric: Metric, reading: Reading) -> None:
        """Ask `reading` whenever somebody looks, in any thread: one that fails is a gap."""
        self._readings.setdefault(metric.name, []).append(reading)

    def watch_several(self, survey: Survey) -> None:
        """As `watch`, for several metrics that are read together and of which nothing else is told."""
        self._surveys.append(survey)

    def snapshot(self) -> list[Sample]:
        """All values as they are now."""
        samples = [Sample(name=name, values=list(counts.items())) for name, counts in list(self._counters.items())]
        for name, found in list(self._histograms.items()):
            copies = [(labels, Buckets(counts=list(b.counts), sum=b.sum)) for labels, b in list(found.items())]
            samples.append(Sample(name=name, histograms=copies))
        for name, readings in list(self._readings.items()):
            values = [value for reading in readings for value in _read(reading)]
            samples.append(Sample(name=name, values=values))
        for survey in list(self._surveys):
            samples += _read(survey)
        return samples


def _read(reading: Callable[[], Iterable[Found]]) -> list[Found]:
    try:
        return list(reading())
    except Exception:  # noqa: BLE001 - one reading must not keep the process from telling all others
        return []
