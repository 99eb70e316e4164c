"""Counters of the gateway in the Prometheus text format (version 0.0.4). One event loop uses them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

#: Upper bounds in seconds.
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

MEDIA_TYPE = "text/plain; version=0.0.4"


class Metrics:
    """What this process has served."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._latencies = [0] * (len(LATENCY_BUCKETS) + 1)
        self._latency_sum = 0.0
        self.in_flight = 0

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the template of the path, never the path itself."""
        self._requests[method, route, status] += 1
        self._latencies[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self._latency_sum += seconds

    def text(self, partitions_in_flight: Mapping[int, int], long_polls: int) -> str:
        """Everything, in the order in which it is declared."""
        lines: list[str] = []
        _append(lines, "retold_http_requests_total", "counter", "Answered requests.", (
            (f'method="{method}",route="{route}",status="{status}"', count)
            for (method, route, status), count in sorted(self._requests.items())
        ))  # fmt: skip
        _append(lines, "retold_http_requests_in_flight", "gauge", "Requests being served.", [("", self.in_flight)])
        _append(lines, "retold_commands_in_flight", "gauge", "Commands waiting for their outcome.", (
            (f'partition="{partition}"', count) for partition, count in sorted(partitions_in_flight.items())
        ))  # fmt: skip
        _append(lines, "retold_long_polls", "gauge", "Job activations that wait for jobs.", [("", long_polls)])
        self._append_latencies(lines)
        return "\n".join(lines) + "\n"

    def _append_latencies(self, lines: list[str]) -> None:
        name = "retold_http_request_duration_seconds"
        lines += [f"# HELP {name} Time from request to response.", f"# TYPE {name} histogram"]
        total = 0
        for bound, count in zip((*LATENCY_BUCKETS, "+Inf"), self._latencies, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        lines += [f"{name}_sum {self._latency_sum:.6f}", f"{name}_count {total}"]


def _append(lines: list[str], name: str, kind: str, doc: str, samples: Iterable[tuple[str, int]]) -> None:
    lines += [f"# HELP {name} {doc}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples]
