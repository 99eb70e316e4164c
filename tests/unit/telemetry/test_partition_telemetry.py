"""What a partition tells: counts of everything, spans of sampled traces, and nothing of what is replayed."""

from __future__ import annotations

import asyncio

import pytest

from engine.batch.measures import (
    DURATION,
    DURATION_BOUNDS_MS,
    ERRORS,
    ITEM_BOUNDS,
    LATENCY,
    LATENCY_BOUNDS_MS,
    OUTCOMES,
    QUERIES,
)
from engine.batch.measures import EVENTS as EVENTS_COUNTED
from engine.batch.measures import ITEMS as ITEMS_COUNTED
from engine.core.background import BatchWork
from engine.core.ports import COMMANDS, EVENTS, INTERNAL
from engine.records import Job
from engine.shell.memory_store import MemoryStore
from engine.shell.trace_context import parse
from engine.telemetry import attributes as a
from engine.telemetry import metrics
from engine.telemetry.batches import SHOWN, BatchReadings
from engine.telemetry.registry import Sample
from engine.telemetry.spans import CLIENT, CONSUMER
from engine.telemetry.spans import INTERNAL as INTERNAL_KIND
from tests.support.actions import CANCEL
from tests.support.scenario import make
from tests.unit.telemetry.watched import GIVEN, ITEMS, Heard, Watched, cancellation, creation, deployment, traced

PARENT = parse(GIVEN)


def test_commands_and_records_are_counted_by_what_they_are() -> None:
    watched = Watched(None)
    asyncio.run(watched.run(deployment(), creation(), creation(), creation("other")))
    creations = {
        labels[3]: n for labels, n in watched.values("retold.commands").items() if "CREATION" in str(labels[1])
    }
    assert creations == {"ACCEPTED": 2, "NOT_FOUND": 1}
    records = watched.values("retold.records")
    assert records[1, "JOB", "CREATED"] == 2
    assert sum(records.values()) == len(asyncio.run(watched.records()))
    assert watched.values("retold.partition.position") == {(1,): sum(records.values())}
    assert watched.count("retold.step.duration") == sum(watched.values("retold.commands").values())
    groups = watched.count("retold.append.duration")
    assert groups == watched.count("retold.commit.duration") > 0
    assert watched.values("retold.input.in_flight") == {(1, COMMANDS): 0, (1, INTERNAL): 0}


def test_an_intent_that_a_client_invented_makes_no_name() -> None:
    watched = Watched(None)
    asyncio.run(watched.run(*(make("JOB", f"INVENTED_{number}", Job(), 1) for number in range(5))))
    assert watched.values("retold.commands")[1, "JOB", "unknown", "INVALID_ARGUMENT"] == 5
    assert watched.values("retold.records")[1, "JOB", "unknown"] == 5


def test_what_waits_is_told_by_input() -> None:
    watched = Watched(None)
    watched.telemetry.known_end = lambda place: {COMMANDS: 7, INTERNAL: 2}[place[0]]
    asyncio.run(watched.run(deployment(), creation()))
    assert watched.values("retold.input.queued") == {(1, COMMANDS): 5, (1, INTERNAL): 2}


def test_items_are_spans_under_their_step_as_far_as_they_are_chosen() -> None:
    heard = Heard()
    asyncio.run(Watched(heard).run(traced(cancellation())))
    items = heard.named(f"item {CANCEL}")
    assert [span.attributes[a.KEY] for span in items] == list(ITEMS)
    assert {span.error for span in items} == {"NOT_FOUND"}
    (execution,) = [span for span in heard.named("process internal") if span.context == items[0].parent]
    assert execution.attributes[a.INTENT] == "EXECUTE"
    assert execution.parent == PARENT
    assert a.BATCH_KEY in execution.attributes
    assert len({span.context.span_id for span in heard.spans}) == len(heard.spans)
    fewer = Heard(item_sample_ratio=0.0)
    asyncio.run(Watched(fewer).run(traced(cancellation())))
    assert fewer.named(f"item {CANCEL}") == []


def test_a_step_is_a_span_under_the_command_that_caused_it() -> None:
    heard = Heard()
    watched = Watched(heard)
    asyncio.run(watched.run(deployment(), traced(creation(request="gateway/9")), creation()))
    (step,) = heard.named("process commands")
    assert PARENT is not None
    assert (step.kind, step.parent, step.links) == (CONSUMER, PARENT, (PARENT,))
    assert step.context.trace_id == PARENT.trace_id
    assert step.attributes[a.MESSAGE_ID] == "gateway/9"
    assert (step.attributes[a.VALUE_TYPE], step.attributes[a.OUTCOME]) == ("PROCESS_INSTANCE_CREATION", "ACCEPTED")
    assert step.attributes[a.OFFSET] == 1
    (append,) = heard.named(f"send {EVENTS}")
    assert (append.kind, append.parent, append.links) == (CLIENT, step.context, (step.context,))
    assert len(heard.spans) == 2


def test_a_rejection_is_an_error() -> None:
    heard = Heard()
    asyncio.run(Watched(heard).run(traced(creation("other"))))
    (step,) = heard.named("process commands")
    assert (step.error, step.attributes[a.ERROR_TYPE], step.attributes[a.OUTCOME]) == ("NOT_FOUND",) * 3


def test_a_trace_that_is_not_sampled_makes_no_span() -> None:
    heard = Heard()
    asyncio.run(Watched(heard).run(deployment(), traced(creation(), f"{GIVEN[:-2]}00"), traced(creation(), "rubbish")))
    assert heard.spans == []


def test_the_header_of_the_log_is_a_copy_for_tools() -> None:
    watched = Watched(Heard())
    given = f"{GIVEN} vendor=a"

    async def scenario() -> None:
        await watched.run(deployment(), traced(creation(), given))
        entries = (await watched.log.read(EVENTS, 1, 0, size_max=1 << 30)).entries
        records = await watched.records()
        for entry, record in zip(entries, records, strict=True):
            is_copied = record.step.trace_context and record.index == 0
            assert entry.headers.get("traceparent", "") == (GIVEN if is_copied else "")
        assert {record.step.trace_context for record in records} == {"", given}

    asyncio.run(scenario())


def test_nothing_is_told_of_what_is_replayed() -> None:
    """The proof of "none in replay": a second processor on the same log recovers and tells of the recovery alone."""
    first = Watched(Heard())
    commands = (deployment(), *(traced(creation()) for _ in range(20)))
    asyncio.run(first.run(*commands))
    told = len(first.telemetry.spans.spans)  # type: ignore[union-attr]
    assert told > 20
    again = Heard()
    second = Watched(again)
    second.log = first.log
    runner = asyncio.run(second.run())
    replayed = len(asyncio.run(first.records()))
    assert runner.machine.head.position == replayed
    assert again.spans == []
    assert second.values("retold.recovery.records") == {(1,): replayed}
    assert second.count("retold.recovery.duration") == 1
    for name in ("retold.commands", "retold.records"):
        assert second.values(name) == {}, name
    assert second.count("retold.step.duration") == 0


def test_spans_beyond_the_limit_are_left_out() -> None:
    heard = Heard(limit=3)
    asyncio.run(Watched(heard).run(deployment(), *(traced(creation()) for _ in range(20))))
    assert len(heard.spans) == 3


def test_a_step_that_is_decided_again_is_the_same_span() -> None:
    heard = Heard()
    asyncio.run(Watched(heard).run(deployment(), traced(creation())))
    asyncio.run(Watched(heard).run(deployment(), traced(creation())))
    first, second = heard.named("process commands")
    assert first.context == second.context
    assert INTERNAL_KIND not in {span.kind for span in heard.spans}


def test_what_the_state_has_counted_is_told_by_the_writer_alone_and_goes_on() -> None:
    watched = Watched(None)
    store = MemoryStore()

    def told() -> dict[str, Sample]:
        return {sample.name: sample for sample in readings.survey()}

    async def run() -> tuple[dict[str, Sample], dict[str, Sample]]:
        nonlocal readings
        runner = await watched.run(cancellation(), store=store)
        readings = BatchReadings(
            runner, store, lambda: BatchWork(parts={"waiting": 2}, pending=7, rate=0.5, yield_pause=0.04)
        )
        silent = told()
        runner.is_working = True
        return silent, told()

    readings: BatchReadings
    silent, found = asyncio.run(run())
    assert silent == {}
    events = {labels[1]: value for labels, value in found["zeebe.batchoperations.events.total"].values}
    assert events == {"created": 1, "query": 1, "chunkCreated": 1, "initialized": 1, "execute": 1, "failed": 1}
    assert list(found["zeebe.batchoperations.queries.total"].values) == [((1, "completed"), 1)]
    ((labels, items),) = found["zeebe.batchoperations.items.total"].histograms
    assert (labels, items.sum, sum(items.counts)) == ((1, CANCEL), len(ITEMS), 1)
    ((labels, duration),) = found["zeebe.batchoperations.duration"].histograms
    assert (labels, sum(duration.counts)) == ((1, CANCEL), 1)
    latencies = [labels for labels, _ in found["zeebe.batchoperations.execution.latency"].histograms]
    which = ("startExecuteLatency", "totalExecutionLatency", "totalQueryLatency")
    assert latencies == [(1, each, CANCEL) for each in which]
    assert list(found["retold.batch_operation.errors"].values) == [((1, CANCEL, "NOT_FOUND"), len(ITEMS))]
    assert list(found["retold.batch_operation.parts"].values) == [((1, "waiting"), 2)]
    assert list(found["retold.batch_operation.pending"].values) == [((1,), 7)]
    assert list(found["retold.batch_operation.rate"].values) == [((1,), 0.5)]
    assert list(found["retold.batch_operation.yield_pause"].values) == [((1,), 0.04)]


@pytest.mark.parametrize(
    ("metric", "bounds"),
    [
        (metrics.BATCH_ITEMS, ITEM_BOUNDS),
        (metrics.BATCH_DURATION, DURATION_BOUNDS_MS),
        (metrics.BATCH_LATENCY, LATENCY_BOUNDS_MS),
    ],
)
def test_buckets_are_those_of_the_state(metric: metrics.Metric, bounds: tuple[int, ...]) -> None:
    assert metric.bounds == tuple(bound / 1000 if metric.unit == "s" else bound for bound in bounds)


def test_every_tally_is_shown() -> None:
    assert set(SHOWN) == {EVENTS_COUNTED, QUERIES, ITEMS_COUNTED, DURATION, LATENCY, ERRORS, OUTCOMES}
