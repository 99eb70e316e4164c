"""Telemetry of a whole installation: one trace from the request to the index, and the metrics of every process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.core.ports import EVENTS
from engine.shell.embedded.stopped import StoppedLog
from engine.telemetry.attributes import ATTRIBUTES
from engine.telemetry.metrics import METRICS
from engine.telemetry.prometheus import prometheus_name
from tests.integration.installation import PATIENCE, SUPERVISOR, Installation, wait_until
from tests.support.collector import Collector, plain
from tests.support.models import one_task
from tests.support.prometheus import Exposition
from tests.support.roles import roles

INSTANCES = 6
SECRET = "a-secret-that-nobody-may-see"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = "00f067aa0ba902b7"
ITEM = "item CANCEL_PROCESS_INSTANCE"


def environment(endpoint: str) -> dict[str, str]:
    return {
        "RETOLD_TELEMETRY_TRACES": "true",
        "RETOLD_TELEMETRY_METRICS": "true",
        "RETOLD_TELEMETRY_SAMPLE_RATIO": "0",
        "RETOLD_TELEMETRY_ITEM_SAMPLE_RATIO": "1",
        "RETOLD_TELEMETRY_SPANS_PER_SECOND_MAX": "10000",
        "RETOLD_TELEMETRY_METRIC_INTERVAL": "PT1S",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET}",
    }


def cancel_all(engine: Installation, process: str, headers: dict[str, str]) -> None:
    """Deploy, start instances, and cancel all of them by a batch operation that is given a trace context."""
    with httpx.Client(base_url=f"{engine.url}/v2", timeout=PATIENCE) as client:
        files = {"resources": (f"{process}.bpmn", one_task(process, process), "text/xml")}
        client.post("/deployments", files=files).raise_for_status()
        for _ in range(INSTANCES):
            client.post("/process-instances", json={"processDefinitionId": process}).raise_for_status()
        wish = {"filter": {"processDefinitionId": process, "state": "ACTIVE"}}
        answer = client.post("/process-instances/cancellation", json=wish, headers=headers).raise_for_status()
        path = f"/batch-operations/{answer.json()['batchOperationKey']}"

        def is_completed() -> bool:
            found = client.get(path)
            return found.is_success and found.json()["state"] == "COMPLETED"

        wait_until(is_completed, "the batch operation to be completed")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Installation]:
    """Two partitions; a batch operation has run, and the collector has its trace."""
    with Installation(tmp_path_factory.mktemp("telemetry"), environment=environment(collector.url)) as running:
        headers = {"traceparent": f"00-{TRACE}-{GIVEN}-01", "tracestate": "vendor=a"}
        cancel_all(running, "traced", headers)
        wait_until(lambda: is_whole(collector), "the whole trace")
        yield running


def is_whole(collector: Collector) -> bool:
    """Whether the spans that the batch operation must leave are there, in whatever order their processes sent them."""
    spans = list(collector.spans)
    ids = {span.id.hex() for span in spans}
    steps = {span.id for span in spans if span.name in ("process commands", "process internal")}
    exported = {span.parent for span in spans if span.name == "process events"}
    appended = {link for span in spans if span.name == "send events" for link in span.links}
    reports = [span for span in spans if span.attributes.get("retold.intent") == "COMPLETE_PARTITION"]
    items = [span for span in spans if span.name == "index item"]
    is_connected = {span.parent.hex() for span in spans} <= ids | {GIVEN}
    return is_connected and steps == exported == appended and len(reports) == 1 and len(items) == INSTANCES


@pytest.mark.usefixtures("engine")
def test_a_batch_operation_is_one_trace_from_the_request_to_the_index(collector: Collector) -> None:
    spans = {span.id: span for span in collector.spans}
    assert len(spans) == len(collector.spans), "a span came twice"
    assert {span.trace.hex() for span in spans.values()} == {TRACE}
    (request,) = collector.named("POST /v2/process-instances/cancellation")
    (command,) = collector.named("send commands")
    (decision,) = collector.named("process commands")
    assert (request.kind, request.parent.hex(), request.process) == ("SERVER", GIVEN, "gateway")
    assert (command.kind, command.parent, command.process) == ("PRODUCER", request.id, "gateway")
    assert (decision.kind, decision.parent, decision.links) == ("CONSUMER", command.id, [command.id])
    internal = collector.named("process internal")
    assert {span.process for span in internal} == {"partition-1", "partition-2"}
    assert {span.parent for span in internal} == {command.id}
    intents = {(span.attributes["retold.value_type"], span.attributes["retold.intent"]) for span in internal}
    assert {
        ("BATCH_OPERATION_CREATION", "CREATE"),
        ("BATCH_OPERATION_CHUNK", "CREATE"),
        ("BATCH_OPERATION_EXECUTION", "EXECUTE"),
        ("BATCH_OPERATION_PARTITION_LIFECYCLE", "COMPLETE_PARTITION"),
    } <= intents
    assert all(span.span.trace_state == "vendor=a" for span in spans.values())


@pytest.mark.usefixtures("engine")
def test_items_and_their_export_hang_on_the_step_that_handled_them(collector: Collector) -> None:
    spans = {span.id: span for span in collector.spans}
    items, indexed = collector.named(ITEM), collector.named("index item")
    assert len(items) == len(indexed) == INSTANCES
    for item in items:
        assert spans[item.parent].attributes["retold.intent"] == "EXECUTE"
        assert item.attributes["retold.outcome"] == "COMPLETED"
    assert {span.parent for span in indexed} == {span.id for span in items}
    exported = {span.id for span in collector.named("process events")}
    assert {link for span in indexed for link in span.links} <= exported
    for span in (spans[key] for key in exported):
        assert (span.process, span.kind, span.links) == ("exporter", "CONSUMER", [span.parent])
        assert spans[span.parent].kind == "CONSUMER"


@pytest.mark.usefixtures("engine")
def test_what_was_appended_together_is_linked(collector: Collector) -> None:
    steps = {span.id for span in (*collector.named("process commands"), *collector.named("process internal"))}
    appends = collector.named("send events")
    linked = [link for span in appends for link in span.links]
    assert sorted(linked) == sorted(steps), "expected each step in one append"
    assert all(span.parent == span.links[0] and span.kind == "CLIENT" for span in appends)


@pytest.mark.usefixtures("engine")
def test_attributes_and_metrics_are_those_of_the_tables(collector: Collector) -> None:
    for span in collector.spans:
        assert span.attributes.keys() <= ATTRIBUTES.keys(), span.name
    known = {metric.name: metric for metric in METRICS}
    wait_until(lambda: {process for process, _ in collector.metrics} == {*roles(2), SUPERVISOR}, "all processes")
    for (_, name), metric in list(collector.metrics.items()):
        kind = metric.WhichOneof("data")
        if kind is None:
            continue  # nothing to tell yet
        points = getattr(metric, str(kind)).data_points
        assert metric.unit == known[name].unit
        assert {"sum": "counter"}.get(str(kind), kind) == known[name].kind
        assert all(plain(point.attributes).keys() == set(known[name].labels) for point in points)
    assert {header["authorization"] for header in collector.headers} == {f"Bearer {SECRET}"}


def test_the_page_of_metrics_has_every_process_and_its_numbers_add_up(engine: Installation) -> None:
    page = httpx.get(f"{engine.url}/metrics").raise_for_status()
    metrics = Exposition(page.text)
    assert {process for labels in metrics.values["retold_up"] for _, process in labels} == {*roles(2), SUPERVISOR}
    assert metrics.total("retold_up") == len(roles(2)) + 1
    items = "retold_batch_operation_items_total"
    assert metrics.total(items, batch_operation_type="CANCEL_PROCESS_INSTANCE", outcome="COMPLETED") == INSTANCES
    check_batch_metrics(metrics)
    assert metrics.total("retold_records_total", value_type="JOB", intent="CREATED") == INSTANCES
    assert metrics.get("retold_batch_operations", state="COMPLETED") == 1
    assert metrics.total("retold_records_total") == metrics.total("retold_partition_position")
    wait_until(lambda: _lag(engine) == 0, "the exporter to catch up")
    assert metrics.get("retold_log_size_bytes") > 0
    assert metrics.total("retold_commands_total", outcome="ACCEPTED") > INSTANCES
    missing = {prometheus_name(metric) for metric in METRICS} - metrics.kinds.keys()
    assert not missing, f"metrics of the table that nobody tells: {missing}"


def check_batch_metrics(metrics: Exposition) -> None:
    """After one batch operation on two partitions, with all its items."""
    events = "zeebe_batchoperations_events_total"
    once = {action: metrics.total(events, action=action) for action in ("created", "completed")}
    assert once == {"created": 1, "completed": 1}
    assert metrics.total(events, action="initialized", type="CANCEL_PROCESS_INSTANCE") == 2
    assert metrics.total(events, action="execute") >= 1
    assert metrics.total("zeebe_batchoperations_queries_total", queryStatus="completed") >= 2
    assert metrics.total("zeebe_batchoperations_items_total_sum") == INSTANCES
    assert metrics.total("zeebe_batchoperations_duration_seconds_count") == 1
    found = metrics.total(
        "zeebe_batchoperations_execution_latency_seconds_count", batchOperationLatency="totalQueryLatency"
    )
    assert found == 2
    assert metrics.total("retold_batch_operation_pending") == 0
    assert metrics.total("retold_search_duration_seconds_count", query="select", entity="PROCESS_INSTANCE") >= 2


def test_a_restart_loses_no_count_of_batch_operations(engine: Installation) -> None:
    def created() -> float:
        page = httpx.get(f"{engine.url}/metrics", timeout=PATIENCE).text
        return Exposition(page).total("zeebe_batchoperations_events_total")

    before = created()
    for partition in ("partition-1", "partition-2"):
        engine.kill(partition)
    engine.wait_ready()
    wait_until(lambda: created() == before, "the counts to go on where they were")


def _lag(engine: Installation) -> float:
    metrics = Exposition(httpx.get(f"{engine.url}/metrics").text)
    return metrics.total("retold_partition_position") - metrics.total("retold_export_position")


def test_secrets_are_nowhere_in_the_data(engine: Installation) -> None:
    files = [path for path in engine.data.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if SECRET.encode() in path.read_bytes()[: 1 << 24]] == []


def test_a_process_that_does_not_answer_is_named(engine: Installation) -> None:
    exporter = engine.pids()["exporter"]
    os.kill(exporter, signal.SIGSTOP)
    try:
        stopped = Exposition(httpx.get(f"{engine.url}/metrics", timeout=PATIENCE).text)
    finally:
        os.kill(exporter, signal.SIGCONT)
    assert stopped.get("retold_up", process="exporter") == 0
    assert stopped.get("retold_up", process="partition-1") == 1
    assert "retold_export_position" not in stopped.values
    engine.kill("exporter")
    engine.wait_ready()
    again = Exposition(httpx.get(f"{engine.url}/metrics", timeout=PATIENCE).text)
    assert again.get("retold_up", process="exporter") == 1
    assert again.get("retold_process_starts_total", process="exporter") == 2


@pytest.mark.parametrize("answers", [False, True], ids=["away", "silent"])
def test_a_bad_collector_does_not_disturb(tmp_path: Path, capfd: pytest.CaptureFixture[str], answers: bool) -> None:
    """Nobody listens, or somebody who takes everything and never answers: the work is done, the end is in time."""
    with Collector(held=threading.Event()) as silent, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = silent.url if answers else f"http://127.0.0.1:{nobody.getsockname()[1]}"
        settings = {**environment(url), "RETOLD_TELEMETRY_SAMPLE_RATIO": "1"}
        with Installation(tmp_path, environment=settings) as engine:
            cancel_all(engine, "untold", {})
            metrics = Exposition(httpx.get(f"{engine.url}/metrics").text)
            assert metrics.total("retold_spans_total") > 0
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert SECRET not in said


def test_off_by_default_nothing_is_sent_and_the_context_is_carried(tmp_path: Path) -> None:
    traceparent = f"00-{TRACE}-{GIVEN}-01"

    async def headers(data: Path) -> set[str | None]:
        log = StoppedLog(data)
        pages = [await log.read(EVENTS, partition, 0, size_max=1 << 28) for partition in (1, 2)]
        await log.close()
        return {entry.headers.get("traceparent") for page in pages for entry in page.entries}

    with Collector() as collector:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with Installation(tmp_path, environment=settings) as engine:
            cancel_all(engine, "quiet", {"traceparent": traceparent})
            page = httpx.get(f"{engine.url}/metrics").text
            assert Exposition(page).total("retold_up") == len(roles(2)) + 1
            assert "retold_spans_total" not in page
    assert collector.requests == 0
    assert asyncio.run(headers(engine.data)) == {None, traceparent}
