"""The settings of traces and metrics."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator

from engine.telemetry.settings import TelemetrySettings as Wanted

from .section import Duration, Secret, Section

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def parse_headers(text: str) -> dict[str, str]:
    """`name=value,name=value`, values percent-encoded, as in OTEL_EXPORTER_OTLP_HEADERS. Raises ValueError."""
    headers: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not _HEADER_NAME.fullmatch(name.strip()) or not unquote(value).isprintable():
            raise ValueError("expected headers as name=value,name=value, got another text")
        headers[name.strip().lower()] = unquote(value.strip())
    return headers


class TelemetrySettings(Section):
    """Traces and metrics for an OpenTelemetry collector. `/metrics` is there in any case."""

    traces: bool = Field(default=False, description="Whether spans are made and sent.")
    metrics: bool = Field(default=False, description="Whether metrics are sent, beside being shown at /metrics.")
    endpoint: str = Field(
        default="http://127.0.0.1:4318",
        pattern=r"^https?://[^\s/]+(/\S*)?$",
        description="Base URL of the collector, OTLP over HTTP; OTEL_EXPORTER_OTLP_ENDPOINT if not set.",
    )
    headers: Secret = Field(
        default=SecretStr(""),
        description="Sent to the collector, name=value,name=value; secret; OTEL_EXPORTER_OTLP_HEADERS if not set.",
    )
    service_name: str = Field(
        default="retold", min_length=1, description="Name of the installation; OTEL_SERVICE_NAME if not set."
    )
    sample_ratio: float = Field(
        default=0.01, ge=0, le=1, description="Share of requests without a trace context that begin a trace."
    )
    item_sample_ratio: float = Field(
        default=0.01, ge=0, le=1, description="Share of the items of a traced batch operation that are spans."
    )
    spans_per_second_max: int = Field(
        default=100, gt=0, le=100_000, description="Spans that one process makes in a second; more are left out."
    )
    metric_interval: Duration = Field(
        default=timedelta(seconds=60), ge=timedelta(seconds=1), description="Time between two sendings of metrics."
    )

    def wanted(self) -> Wanted:
        """As telemetry wants them."""
        return Wanted(
            traces=self.traces,
            metrics=self.metrics,
            endpoint=self.endpoint,
            headers=parse_headers(self.headers.get_secret_value()),
            service_name=self.service_name,
            sample_ratio=self.sample_ratio,
            item_sample_ratio=self.item_sample_ratio,
            spans_per_second_max=self.spans_per_second_max,
            metric_interval=self.metric_interval.total_seconds(),
        )

    def problem(self) -> str:
        """What is allowed and yet better not done; empty if nothing is."""
        sends = (self.traces or self.metrics) and self.headers.get_secret_value()
        url = urlsplit(self.endpoint)
        if not sends or url.scheme == "https" or url.hostname in ("localhost", "127.0.0.1", "::1"):
            return ""
        return "telemetry.headers are sent over plain HTTP to another machine; use an https endpoint"

    @field_validator("headers")
    @classmethod
    def _headers_in_pairs(cls, headers: SecretStr) -> SecretStr:
        parse_headers(headers.get_secret_value())
        return headers
