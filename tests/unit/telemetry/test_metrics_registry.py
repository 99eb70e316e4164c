"""The table of metrics, the registry, and the text for Prometheus."""

from __future__ import annotations

import sqlite3

import pytest

from engine.core.faults import Unavailable
from engine.telemetry.attributes import ATTRIBUTES
from engine.telemetry.metrics import (
    BATCH_OPERATIONS,
    COMMANDS,
    COUNTER,
    CPU_TIME,
    GAUGE,
    HISTOGRAM,
    METRICS,
    STEP_DURATION,
    Metric,
)
from engine.telemetry.prometheus import label_name, prometheus_name, text_of
from engine.telemetry.registry import Labels, Registry
from engine.telemetry.spans import Budget, is_chosen
from tests.support.prometheus import Exposition


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_can_be_shown(metric: Metric) -> None:
    registry = Registry()
    labels = tuple(f'odd "{number}"\\\n' for number in range(len(metric.labels)))
    if metric.kind == COUNTER:
        registry.add(metric, {labels: 3})
    elif metric.kind == HISTOGRAM:
        registry.observe(metric, labels, [metric.bounds[0], metric.bounds[-1] * 2])
    else:
        registry.watch(metric, lambda: [(labels, 3.5)])
    found = Exposition(text_of(registry.snapshot()))
    assert found.kinds == {prometheus_name(metric): metric.kind}
    assert set(metric.labels) <= ATTRIBUTES.keys()
    assert metric.kind in (COUNTER, GAUGE, HISTOGRAM)
    assert list(metric.bounds) == sorted(set(metric.bounds))


def test_names_are_unique() -> None:
    assert (
        len({prometheus_name(metric) for metric in METRICS}) == len({metric.name for metric in METRICS}) == len(METRICS)
    )
    assert len({label_name(attribute) for attribute in ATTRIBUTES}) == len(ATTRIBUTES)


def test_counts_add_up() -> None:
    registry = Registry()
    labels = (1, "JOB", "COMPLETE", "ACCEPTED")
    for _ in range(3):
        registry.add(COMMANDS, {labels: 2, (*labels[:3], "NOT_FOUND"): 1})
    found = Exposition(text_of(registry.snapshot()))
    assert found.get("retold_commands_total", value_type="JOB", outcome="ACCEPTED") == 6
    assert found.total("retold_commands_total", partition="1") == 9


def test_a_value_at_a_bound_is_below_it() -> None:
    registry = Registry()
    registry.observe(STEP_DURATION, (1,), [0.001, 0.0011])
    found = Exposition(text_of(registry.snapshot()))
    assert found.get("retold_step_duration_seconds_bucket", le="0.001") == 1
    assert found.get("retold_step_duration_seconds_bucket", le="0.0025") == 2
    assert found.get("retold_step_duration_seconds_sum") == pytest.approx(0.0021)


def test_a_snapshot_does_not_change_any_more() -> None:
    registry = Registry()
    registry.observe(STEP_DURATION, (1,), [0.001])
    before = registry.snapshot()
    registry.observe(STEP_DURATION, (1,), [0.001])
    assert Exposition(text_of(before)).get("retold_step_duration_seconds_count") == 1


@pytest.mark.parametrize("error", [ValueError, KeyError, Unavailable, sqlite3.DatabaseError])
def test_a_reading_that_fails_is_a_gap(error: type[Exception]) -> None:
    def fail() -> list[tuple[Labels, float]]:
        raise error("broken")

    registry = Registry()
    registry.watch(BATCH_OPERATIONS, fail)
    registry.watch(CPU_TIME, lambda: [(("log",), 2.0)])
    found = Exposition(text_of(registry.snapshot()))
    assert found.get("process_cpu_time_seconds_total") == 2
    assert found.total("retold_batch_operations") == 0


def test_the_budget_is_so_many_a_second() -> None:
    now = [0.0]
    budget = Budget(10, lambda: now[0])
    assert sum(budget.take() for _ in range(100)) == 10 * Budget.BURST
    now[0] = 1.5
    assert sum(budget.take() for _ in range(100)) == 15
    now[0] = 1_000.0
    assert sum(budget.take() for _ in range(100)) == 10 * Budget.BURST


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_a_share_of_neighbouring_keys_is_chosen(ratio: float) -> None:
    first = (3 << 51) + 1
    count = sum(is_chosen(key, ratio) for key in range(first, first + 10_000))
    assert count == pytest.approx(10_000 * ratio, abs=10)
