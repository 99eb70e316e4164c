"""What telemetry is asked to do. The composition root makes it from the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class TelemetrySettings(Struct, frozen=True, kw_only=True):
    """`headers` are secrets: they are sent to the collector, and never shown."""

    traces: bool = False
    metrics: bool = False
    endpoint: str = "http://127.0.0.1:4318"
    headers: Mapping[str, str] = {}
    service_name: str = "retold"
    sample_ratio: float = 0.01
    item_sample_ratio: float = 0.01
    spans_per_second_max: int = 100
    #: seconds
    metric_interval: float = 60.0
