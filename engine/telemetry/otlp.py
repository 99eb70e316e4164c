"""Sends spans and metrics to a collector, by OTLP over HTTP. The only module that knows the OpenTelemetry SDK.

Its threads and queues are the SDK's. Spans are made here as finished values: they tell of what is over, with times and
ids that are known, which the SDK's tracer would make anew at nine times the cost. Metrics come from the registry in the
SDK's data model, for its own instruments cost more than a step may.

Rule: a collector that is slow or away costs memory up to the queue, one line of complaint a minute, and nothing else.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from engine.shell.trace_context import TraceContext

from .attributes import PROCESS
from .metrics import COUNTER, HISTOGRAM, METRICS, Metric
from .registry import Labels, Sample
from .settings import TelemetrySettings
from .spans import CONSUMER, SERVER, Budget, Span

#: Spans that wait for the collector; more are dropped, the oldest first.
QUEUE_SIZE_MAX = 4096
#: Seconds between two sendings of spans, for one sending, and for the last ones when the process ends.
SEND_INTERVAL, SEND_TIMEOUT, CLOSE_TIMEOUT = 1.0, 5.0, 1.0
#: Seconds in which the same complaint is not repeated.
COMPLAINT_INTERVAL = 60.0

_SCOPE = InstrumentationScope("retold")
_CUMULATIVE = sdk.AggregationTemporality.CUMULATIVE
_METRICS = {metric.name: metric for metric in METRICS}


def resource_of(settings: TelemetrySettings, process: str, build: str) -> Resource:
    """What all of a process's telemetry says about it; `OTEL_RESOURCE_ATTRIBUTES` adds to it."""
    attributes = {"service.name": settings.service_name, "service.version": build, PROCESS: process}
    return Resource.create(attributes)


class Complaints(logging.Handler):
    """What the SDK complains about: a line on standard error, without a stack, each one once a minute."""

    def __init__(self, process: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._process = process
        self._monotonic = monotonic
        self._told: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, unless it was told in the last minute."""
        kind = str(record.msg)
        now = self._monotonic()
        if now - self._told.get(kind, float("-inf")) < COMPLAINT_INTERVAL:
            return
        self._told[kind] = now
        sys.stderr.write(f"{self._process} telemetry: {' '.join(record.getMessage().split())[:500]}\n")


def complain_briefly(process: str) -> None:
    """Have the SDK, and what it sends with, say what is wrong in a line instead of a stack."""
    for name in ("opentelemetry", "urllib3"):
        logger = logging.getLogger(name)
        logger.handlers = [Complaints(process)]
        logger.propagate = False


def _fall_silent() -> None:
    """The process ends: that the collector does not answer has been said."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


class SpanSender:
    """The Spans of a process that sends them."""

    def __init__(
        self, settings: TelemetrySettings, resource: Resource, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.sample_ratio = settings.sample_ratio
        self.item_sample_ratio = settings.item_sample_ratio
        self.taken = 0
        self.left_out = 0
        self._resource = resource
        self._budget = Budget(settings.spans_per_second_max, monotonic)
        self._exporter = OTLPSpanExporter(
            endpoint=f"{settings.endpoint.rstrip('/')}/v1/traces",
            headers=dict(settings.headers),
            timeout=SEND_TIMEOUT,
        )
        self._processor = BatchSpanProcessor(
            self._exporter, max_queue_size=QUEUE_SIZE_MAX, schedule_delay_millis=SEND_INTERVAL * 1000
        )

    def admit(self) -> bool:
        """As `Spans.admit`."""
        if self._budget.take():
            return True
        self.left_out += 1
        return False

    def take(self, span: Span) -> None:
        """As `Spans.take`."""
        self.taken += 1
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=_sdk_context(span.context, is_remote=False),
                parent=_sdk_context(span.parent, is_remote=span.kind in (SERVER, CONSUMER)) if span.parent else None,
                resource=self._resource,
                attributes=dict(span.attributes),
                links=[Link(_sdk_context(link, is_remote=True)) for link in span.links],
                kind=SpanKind[span.kind],
                status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
                start_time=span.began,
                end_time=span.ended,
                instrumentation_scope=_SCOPE,
            )
        )

    def flush(self) -> None:
        """Send what waits now, and return when it has been sent or could not be."""
        self._processor.force_flush()

    def close(self) -> None:
        """Send what waits, for a bounded time."""
        shutdown: Callable[[], None] = self._processor.shutdown
        closing = threading.Thread(target=shutdown, name="span sender", daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT)
        if closing.is_alive():
            _fall_silent()
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _sdk_context(context: TraceContext, *, is_remote: bool) -> SpanContext:
    state = TraceState.from_header([context.state]) if context.state else None
    flags = TraceFlags(TraceFlags.SAMPLED if context.is_sampled else TraceFlags.DEFAULT)
    return SpanContext(context.trace_id, context.span_id, is_remote, flags, state)


class MetricSender:
    """Sends all values of a process at an interval, and when it ends."""

    def __init__(
        self, settings: TelemetrySettings, resource: Resource, snapshot: Callable[[], Sequence[Sample]]
    ) -> None:
        self._snapshot = snapshot
        self._resource = resource
        self._began = time.time_ns()
        self._interval = settings.metric_interval
        self._exporter = OTLPMetricExporter(
            endpoint=f"{settings.endpoint.rstrip('/')}/v1/metrics",
            headers=dict(settings.headers),
            timeout=SEND_TIMEOUT,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metric sender", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send once more, for a bounded time."""
        self._stopping.set()
        self._thread.join(CLOSE_TIMEOUT)
        if self._thread.is_alive():
            _fall_silent()
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            self._send()
        self._send()

    def _send(self) -> None:
        data = metrics_data(self._snapshot(), self._resource, self._began, time.time_ns())
        self._exporter.export(data)


def metrics_data(samples: Sequence[Sample], resource: Resource, began: int, now: int) -> sdk.MetricsData:
    """Samples in the SDK's data model; `began` and `now` in ns since 1970."""
    metrics = [_sdk_metric(_METRICS[sample.name], sample, began, now) for sample in samples]
    scope = sdk.ScopeMetrics(scope=_SCOPE, metrics=metrics, schema_url="")
    return sdk.MetricsData([sdk.ResourceMetrics(resource=resource, scope_metrics=[scope], schema_url="")])


def _sdk_metric(metric: Metric, sample: Sample, began: int, now: int) -> sdk.Metric:
    data: sdk.Sum | sdk.Gauge | sdk.Histogram
    if metric.kind == HISTOGRAM:
        data = sdk.Histogram(_histogram_points(metric, sample, began, now), _CUMULATIVE)
    else:
        points = [
            sdk.NumberDataPoint(_attributes(metric, labels), began, now, value) for labels, value in sample.values
        ]
        data = sdk.Sum(points, _CUMULATIVE, is_monotonic=True) if metric.kind == COUNTER else sdk.Gauge(points)
    return sdk.Metric(name=metric.name, description=metric.help, unit=metric.unit, data=data)


def _histogram_points(metric: Metric, sample: Sample, began: int, now: int) -> list[sdk.HistogramDataPoint]:
    return [
        sdk.HistogramDataPoint(
            attributes=_attributes(metric, labels),
            start_time_unix_nano=began,
            time_unix_nano=now,
            count=sum(buckets.counts),
            sum=buckets.sum,
            bucket_counts=buckets.counts,
            explicit_bounds=metric.bounds,
            min=None,  # type: ignore[arg-type]  # optional on the wire; the registry does not keep them
            max=None,  # type: ignore[arg-type]
        )
        for labels, buckets in sample.histograms
    ]


def _attributes(metric: Metric, labels: Labels) -> dict[str, str | int]:
    return dict(zip(metric.labels, labels, strict=True))
