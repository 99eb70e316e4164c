"""Every metric, in one table: by its OpenTelemetry name, unit and attributes. Prometheus names follow from them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from . import attributes as a

COUNTER = "counter"
GAUGE = "gauge"
HISTOGRAM = "histogram"

#: Upper bounds in seconds: from a step to a stuck disk, the bounds that the HTTP conventions name among them.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: Camunda 8's bounds of its batch operations' durations in seconds, of latencies the same with smaller ones, of items.
BATCH_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 18000.0, 36000.0)
BATCH_LATENCY_SECONDS = (0.001, 0.002, 0.005, *BATCH_SECONDS)
BATCH_SIZES = (1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0, 1000000.0)


class Metric(Struct, frozen=True, kw_only=True):
    """One instrument. `labels`: the attributes of its points, in order; `bounds`: of a histogram's buckets."""

    name: str
    kind: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


def _counter(name: str, unit: str, doc: str, *labels: str) -> Metric:
    return Metric(name=name, kind=COUNTER, unit=unit, help=doc, labels=labels)


def _gauge(name: str, unit: str, doc: str, *labels: str) -> Metric:
    return Metric(name=name, kind=GAUGE, unit=unit, help=doc, labels=labels)


def _seconds(name: str, doc: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> Metric:
    return Metric(name=name, kind=HISTOGRAM, unit="s", help=doc, labels=labels, bounds=bounds)


# every process
UP = _gauge("retold.up", "1", "Whether the process told its values.", a.PROCESS)
CPU_TIME = _counter("process.cpu.time", "s", "Processor time of the process.", a.PROCESS)
MEMORY = _gauge("process.memory.usage", "By", "Resident memory of the process.", a.PROCESS)
STARTS = _counter("retold.process.starts", "{start}", "Times that the supervisor started a process.", a.PROCESS)
SPANS = _counter("retold.spans", "{span}", "Spans that were handed to the exporter of traces.", a.PROCESS)
SPANS_LEFT_OUT = _counter(
    "retold.spans.left_out", "{span}", "Spans above telemetry.spansPerSecondMax, which were not made.", a.PROCESS
)

# gateway
HTTP_DURATION = _seconds(
    "http.server.request.duration", "Time from request to response.", a.HTTP_METHOD, a.HTTP_ROUTE, a.HTTP_STATUS
)
HTTP_ACTIVE = _gauge("http.server.active_requests", "{request}", "Requests being served.")
COMMANDS_IN_FLIGHT = _gauge(
    "retold.commands.in_flight", "{command}", "Commands of the gateway that wait for their outcome.", a.PARTITION
)
LONG_POLLS = _gauge("retold.long_polls", "{request}", "Job activations that wait for jobs.")
BATCH_OPERATIONS = _gauge(
    "retold.batch_operations", "{batch_operation}", "Batch operations by state, as secondary storage has them.", a.STATE
)

# partitions
COMMANDS = _counter(
    "retold.commands", "{command}", "Commands that have their outcome.", a.PARTITION, a.VALUE_TYPE, a.INTENT, a.OUTCOME
)
RECORDS = _counter("retold.records", "{record}", "Events and rejections appended.", a.PARTITION, a.VALUE_TYPE, a.INTENT)
STEP_DURATION = _seconds("retold.step.duration", "Time to decide one command.", a.PARTITION)
APPEND_DURATION = _seconds("retold.append.duration", "Time until a group of steps is on the log.", a.PARTITION)
COMMIT_DURATION = _seconds("retold.commit.duration", "Time to write a group of steps to the state.", a.PARTITION)
QUEUED = _gauge("retold.input.queued", "{command}", "Commands of an input not yet decided.", a.PARTITION, a.INPUT)
IN_FLIGHT = _gauge("retold.input.in_flight", "{command}", "Commands decided, being appended.", a.PARTITION, a.INPUT)
PARTITION_POSITION = _gauge("retold.partition.position", "{record}", "Last position decided.", a.PARTITION)
STATE_SIZE = _gauge("retold.state.size", "By", "Bytes in use by the state.", a.PARTITION)
RECOVERY_DURATION = _seconds("retold.recovery.duration", "Time of a recovery, replay included.", a.PARTITION)
RECOVERY_RECORDS = _counter("retold.recovery.records", "{record}", "Records replayed by recoveries.", a.PARTITION)

# batch operations, under Camunda 8's names: counted in the state, from events and the times of the log
BATCH_EVENTS = _counter(
    "zeebe.batchoperations.events.total",
    "{event}",
    "What batch operations did.",
    a.PARTITION,
    a.ACTION,
    a.TYPE,
)
BATCH_QUERIES = _counter(
    "zeebe.batchoperations.queries.total", "{query}", "Queries for items.", a.PARTITION, a.QUERY_STATUS
)
BATCH_ITEMS = Metric(
    name="zeebe.batchoperations.items.total",
    kind=HISTOGRAM,
    unit="{item}",
    help="Items of a batch operation on a partition.",
    labels=(a.PARTITION, a.TYPE),
    bounds=BATCH_SIZES,
)
BATCH_DURATION = _seconds(
    "zeebe.batchoperations.duration",
    "Time from the creation of a batch operation to its end, unless it was canceled.",
    a.PARTITION,
    a.TYPE,
    bounds=BATCH_SECONDS,
)
BATCH_LATENCY = _seconds(
    "zeebe.batchoperations.execution.latency",
    "Times within the part of a batch operation on a partition.",
    a.PARTITION,
    a.BATCH_LATENCY,
    a.TYPE,
    bounds=BATCH_LATENCY_SECONDS,
)

# batch operations, ours
BATCH_OUTCOMES = _counter(
    "retold.batch_operation.items", "{item}", "Outcomes of batch items.", a.PARTITION, a.BATCH_TYPE, a.OUTCOME
)
BATCH_ERRORS = _counter(
    "retold.batch_operation.errors", "{item}", "Failed items by error.", a.PARTITION, a.BATCH_TYPE, a.ERROR_TYPE
)
BATCH_PARTS = _gauge(
    "retold.batch_operation.parts", "{part}", "Batch operations of a partition by phase.", a.PARTITION, a.BATCH_PHASE
)
BATCH_PENDING = _gauge("retold.batch_operation.pending", "{item}", "Found items without an outcome.", a.PARTITION)
BATCH_RATE = _gauge(
    "retold.batch_operation.rate",
    "{item}/s",
    "Items a second that batch operations with a limited rate may execute.",
    a.PARTITION,
)
BATCH_YIELD_PAUSE = _gauge(
    "retold.batch_operation.yield_pause",
    "s",
    "Time between two slices while batch operations yield to clients' commands; 0 while they do not.",
    a.PARTITION,
)

# secondary storage
SEARCH_DURATION = _seconds(
    "retold.search.duration", "Time of a query of secondary storage.", a.PROCESS, a.QUERY, a.ENTITY
)

# the log
FLUSH_DURATION = _seconds("retold.log.flush.duration", "Time of one transaction of the log and its fsync.")
LOG_MESSAGES = _counter("retold.log.messages", "{message}", "Messages appended.", a.TOPIC, a.PARTITION)
LOG_WAITING = _gauge("retold.log.waiting", "{request}", "Appends that wait for the next transaction.")
LOG_SIZE = _gauge("retold.log.size", "By", "Bytes in use by the log.")

# the exporter
EXPORT_DURATION = _seconds("retold.export.duration", "Time to export a group of steps.", a.PARTITION)
EXPORTED_RECORDS = _counter("retold.export.records", "{record}", "Records exported.", a.PARTITION)
WATERMARK = _gauge("retold.export.position", "{record}", "Watermark: last position that is searchable.", a.PARTITION)
EXPORT_LAG = _gauge("retold.export.lag", "{record}", "Records on the log that are not exported yet.", a.PARTITION)
EXPORT_FAILING = _gauge(
    "retold.export.failing", "1", "Whether the export is being retried or has stopped.", a.PARTITION
)
EXPORT_SET_ASIDE = _gauge(
    "retold.export.set_aside",
    "{document}",
    "Documents that secondary storage did not take, since this process was started.",
    a.PARTITION,
)

METRICS: Sequence[Metric] = (
    UP, CPU_TIME, MEMORY, STARTS, SPANS, SPANS_LEFT_OUT,
    HTTP_DURATION, HTTP_ACTIVE, COMMANDS_IN_FLIGHT, LONG_POLLS, BATCH_OPERATIONS,
    COMMANDS, RECORDS, STEP_DURATION, APPEND_DURATION, COMMIT_DURATION, QUEUED, IN_FLIGHT,
    PARTITION_POSITION, STATE_SIZE, RECOVERY_DURATION, RECOVERY_RECORDS,
    BATCH_EVENTS, BATCH_QUERIES, BATCH_ITEMS, BATCH_DURATION, BATCH_LATENCY,
    BATCH_OUTCOMES, BATCH_ERRORS, BATCH_PARTS, BATCH_PENDING, BATCH_RATE, BATCH_YIELD_PAUSE,
    SEARCH_DURATION, FLUSH_DURATION, LOG_MESSAGES, LOG_WAITING, LOG_SIZE,
    EXPORT_DURATION, EXPORTED_RECORDS, WATERMARK, EXPORT_LAG, EXPORT_FAILING, EXPORT_SET_ASIDE,
)  # fmt: skip
