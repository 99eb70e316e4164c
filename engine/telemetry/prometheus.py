"""Samples in the Prometheus text format (version 0.0.4), named as "OpenTelemetry: Prometheus compatibility" asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from .metrics import COUNTER, METRICS, Metric
from .registry import Buckets, Labels, Sample

_UNITS = {"s": "_seconds", "By": "_bytes"}


def prometheus_name(metric: Metric) -> str:
    """Dots become underscores; the unit and, of counters, `_total` come behind, unless it ends so already."""
    name = metric.name.replace(".", "_") + _UNITS.get(metric.unit, "")
    return name + "_total" if metric.kind == COUNTER and not name.endswith("_total") else name


def label_name(attribute: str) -> str:
    """Our own attributes without their prefix, which every metric has already."""
    return attribute.removeprefix("retold.").replace(".", "_")


def text_of(samples: Iterable[Sample]) -> str:
    """All samples, in the order of the table; those of one metric, from whatever process, together."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for metric in METRICS:
        if metric.name in found:
            lines += _lines(metric, found[metric.name])
    return "\n".join(lines) + "\n"


def _lines(metric: Metric, samples: Sequence[Sample]) -> Iterator[str]:
    name = prometheus_name(metric)
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} {metric.kind}"
    for sample in samples:
        for labels, value in sorted(sample.values, key=str):
            yield f"{name}{_braced(_pairs(metric, labels))} {_number(value)}"
        for labels, buckets in sorted(sample.histograms, key=str):
            yield from _histogram_lines(name, metric, _pairs(metric, labels), buckets)


def _histogram_lines(name: str, metric: Metric, pairs: Sequence[str], buckets: Buckets) -> Iterator[str]:
    total = 0
    for bound, count in zip((*map(str, metric.bounds), "+Inf"), buckets.counts, strict=True):
        total += count
        yield f"{name}_bucket{_braced([*pairs, _pair('le', bound)])} {total}"
    yield f"{name}_sum{_braced(pairs)} {_number(buckets.sum)}"
    yield f"{name}_count{_braced(pairs)} {total}"


def _pairs(metric: Metric, labels: Labels) -> list[str]:
    pairs = zip(metric.labels, labels, strict=True)
    return [_pair(label_name(attribute), value) for attribute, value in pairs]


def _pair(name: str, value: str | int) -> str:
    return f'{name}="{_escape(str(value))}"'


def _braced(pairs: Sequence[str]) -> str:
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escape(text: str) -> str:
    return re.sub(r'[\\"\n]', lambda match: {"\\": r"\\", '"': r"\"", "\n": r"\n"}[match[0]], text)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
