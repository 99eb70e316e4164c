"""A collector of OpenTelemetry: OTLP over HTTP, decoded with the protobufs of the protocol."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from .http_server import HttpServer, QuietHandler


class Received:
    """A span, and the process that sent it."""

    def __init__(self, span: Span, process: str) -> None:
        self.span = span
        self.process = process
        self.name: str = span.name
        self.kind: str = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
        self.trace: bytes = span.trace_id
        self.id: bytes = span.span_id
        self.parent: bytes = span.parent_span_id
        self.links: list[bytes] = [link.span_id for link in span.links]
        self.attributes = plain(span.attributes)


class Collector(HttpServer):
    """`with Collector() as collector: ... collector.url ...`. `held`: nobody is answered until it is set."""

    def __init__(self, status: int = 200, *, held: threading.Event | None = None) -> None:
        self.status = status
        self.held = held
        self.spans: list[Received] = []
        self.metrics: dict[tuple[str, str], Metric] = {}
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.requests = 0
        collector = self

        class Handler(QuietHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                if collector.held is not None:
                    collector.held.wait()
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_POST = _answer  # noqa: N815 - a name of the base class

        super().__init__(Handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.held is not None:
            self.held.set()
        super().__exit__(kind, error, trace)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        assert headers["content-type"] == "application/x-protobuf"
        self.requests += 1
        self.headers.append(headers)
        if path == "/v1/traces":
            self._take_spans(ExportTraceServiceRequest.FromString(body))
        else:
            assert path == "/v1/metrics", path
            self._take_metrics(ExportMetricsServiceRequest.FromString(body))

    def named(self, name: str) -> list[Received]:
        return [span for span in list(self.spans) if span.name == name]

    def _take_spans(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            attributes = plain(resource.resource.attributes)
            self.resources.append(attributes)
            for scope in resource.scope_spans:
                self.spans += [Received(span, attributes["retold.process"]) for span in scope.spans]

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for resource in request.resource_metrics:
            attributes = plain(resource.resource.attributes)
            self.resources.append(attributes)
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.metrics[attributes["retold.process"], metric.name] = metric


def plain(pairs: Any) -> dict[str, Any]:
    """Attributes as Python has them."""
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    return getattr(pair.value, pair.value.WhichOneof("value"))
