"""OTLP over HTTP against a real receiver, in this process: what is sent, and that a bad collector disturbs nobody."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.faults import RetoldError
from engine.shell.trace_context import parse
from engine.telemetry import attributes as a
from engine.telemetry import metrics
from engine.telemetry.otlp import QUEUE_SIZE_MAX, Complaints, MetricSender, SpanSender, complain_briefly, resource_of
from engine.telemetry.process import ProcessTelemetry
from engine.telemetry.registry import Registry
from engine.telemetry.settings import TelemetrySettings
from engine.telemetry.spans import CONSUMER, Span, new_span_id
from tests.support.collector import Collector, plain
from tests.unit.telemetry.watched import GIVEN

SECRET = "a-secret-that-nobody-may-see"
LOGGERS = ("opentelemetry", "urllib3")


@pytest.fixture(autouse=True)
def _restored_loggers() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name in ("span sender", "metric sender") or thread.name.startswith("OtelBatch"):
            thread.join()  # what it still complains of belongs to this test
    for name in LOGGERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.NOTSET)


def settings(endpoint: str) -> TelemetrySettings:
    headers = {"authorization": f"Bearer {SECRET}"}
    return TelemetrySettings(traces=True, metrics=True, endpoint=endpoint, headers=headers, spans_per_second_max=50_000)


def span(state: str = "") -> Span:
    parent = parse(f"{GIVEN} {state}".strip())
    assert parent is not None
    return Span(
        name="process commands",
        kind=CONSUMER,
        context=parent.sibling(new_span_id()),
        parent=parent,
        began=1_700_000_000_000_000_000,
        ended=1_700_000_000_000_000_500,
        attributes={a.OFFSET: 7, a.OUTCOME: "ACCEPTED"},
        links=(parent,),
        error="NOT_FOUND",
    )


def sender_of(collector_url: str) -> SpanSender:
    wanted = settings(collector_url)
    return SpanSender(wanted, resource_of(wanted, "partition-1", "retold-test"))


def test_a_span_arrives_as_it_was_made() -> None:
    with Collector() as collector:
        sender = sender_of(f"{collector.url}/")
        given = span("vendor=a")
        sender.take(given)
        sender.close()
        (found,) = collector.spans
        assert (found.name, found.kind, found.process) == ("process commands", "CONSUMER", "partition-1")
        assert found.trace == given.context.trace_id.to_bytes(16, "big")
        assert found.id == given.context.span_id.to_bytes(8, "big")
        assert given.parent is not None
        assert found.links == [found.parent] == [given.parent.span_id.to_bytes(8, "big")]
        assert found.attributes == {a.OFFSET: 7, a.OUTCOME: "ACCEPTED"}
        assert (found.span.start_time_unix_nano, found.span.end_time_unix_nano) == (given.began, given.ended)
        assert found.span.trace_state == "vendor=a"
        assert (found.span.status.code, found.span.status.message) == (2, "NOT_FOUND")
        assert collector.headers[0]["authorization"] == f"Bearer {SECRET}"
        assert collector.resources[0]["service.name"] == "retold"
        assert collector.resources[0]["service.version"] == "retold-test"


def test_metrics_arrive_in_the_model_of_opentelemetry() -> None:
    registry = Registry()
    registry.add(metrics.COMMANDS, {(1, "JOB", "COMPLETE", "ACCEPTED"): 5})
    registry.observe(metrics.STEP_DURATION, (1,), [0.0002, 0.3])
    registry.watch(metrics.STATE_SIZE, lambda: [((1,), 4096)])
    with Collector() as collector:
        wanted = settings(collector.url)
        sender = MetricSender(wanted, resource_of(wanted, "partition-1", "retold-test"), registry.snapshot)
        sender.close()
        commands = collector.metrics["partition-1", "retold.commands"]
        (point,) = commands.sum.data_points
        assert (commands.unit, commands.sum.is_monotonic, point.as_int or point.as_double) == ("{command}", True, 5)
        assert plain(point.attributes) == {
            a.PARTITION: 1,
            a.VALUE_TYPE: "JOB",
            a.INTENT: "COMPLETE",
            a.OUTCOME: "ACCEPTED",
        }
        step = collector.metrics["partition-1", "retold.step.duration"]
        (histogram,) = step.histogram.data_points
        assert (step.unit, histogram.count, sum(histogram.bucket_counts)) == ("s", 2, 2)
        assert histogram.sum == pytest.approx(0.3002)
        assert list(histogram.explicit_bounds) == list(metrics.SECONDS)
        assert not histogram.HasField("min")
        (size,) = collector.metrics["partition-1", "retold.state.size"].gauge.data_points
        assert size.as_int or size.as_double == 4096


def test_a_collector_that_does_not_answer_costs_a_bounded_queue(capfd: pytest.CaptureFixture[str]) -> None:
    complain_briefly("partition-1")
    with Collector(held=threading.Event()) as collector:
        sender = sender_of(collector.url)
        given = span()
        for _ in range(3 * QUEUE_SIZE_MAX):
            sender.take(given)
        sender.close()
        assert collector.held is not None
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert SECRET not in said
    assert said.count("Queue full") == 1


def test_a_collector_that_is_away_is_a_line_of_complaint(capfd: pytest.CaptureFixture[str]) -> None:
    complain_briefly("partition-1")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    sender = sender_of(f"http://127.0.0.1:{port}")
    sender.take(span())
    sender.close()
    said = capfd.readouterr().err
    assert said.startswith("partition-1 telemetry: ")
    assert "Traceback" not in said
    assert SECRET not in said


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_collector_that_refuses_is_a_line_of_complaint(capfd: pytest.CaptureFixture[str], status: int) -> None:
    complain_briefly("gateway")
    with Collector(status) as collector:
        sender = sender_of(collector.url)
        sender.take(span())
        sender.close()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert str(status) in lines[0]
    assert SECRET not in lines[0]


def test_the_same_complaint_is_not_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    logger = logging.Logger("odd")
    logger.addHandler(Complaints("gateway", lambda: now[0]))
    for moment in (0.0, 59.0, 61.0):
        now[0] = moment
        try:
            raise ValueError("inside")
        except ValueError:
            logger.exception("it failed:\n%s", moment)
    assert capfd.readouterr().err.splitlines() == [
        "gateway telemetry: it failed: 0.0",
        "gateway telemetry: it failed: 61.0",
    ]


def test_what_is_above_the_limit_is_counted() -> None:
    with Collector() as collector:
        wanted = TelemetrySettings(traces=True, endpoint=collector.url, spans_per_second_max=1)
        sender = SpanSender(wanted, resource_of(wanted, "gateway", "retold-test"))
        admitted = sum(sender.admit() for _ in range(100))
        assert admitted + sender.left_out == 100
        assert admitted >= 5
        sender.close()


def test_what_the_sdk_refuses_is_an_error_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", str(QUEUE_SIZE_MAX + 1))
    with pytest.raises(RetoldError, match="expected OTEL_… variables"):
        ProcessTelemetry("gateway", settings("http://127.0.0.1:1"), data=tmp_path, processes=list, build="test")
