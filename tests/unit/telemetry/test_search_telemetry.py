"""Queries of secondary storage are timed by what they are about, whether they succeed or not."""

from __future__ import annotations

import asyncio

import pytest

from engine.core.faults import BadRequest
from engine.shell.manual_clock import ManualClock
from engine.telemetry.metrics import SEARCH_DURATION
from engine.telemetry.telemetry import Telemetry
from exporters.sqlite.exporter import SqliteExporter
from exporters.sqlite.search import SqliteSearch


def test_each_query_is_timed_under_its_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("data")
    clock = ManualClock(0)
    telemetry = Telemetry(process="gateway")

    async def run() -> None:
        exporter = SqliteExporter(data)
        await exporter.open()
        await exporter.close()
        search = telemetry.search(SqliteSearch(data, clock), clock)
        await search.search("BATCH_OPERATION", {})
        assert await search.get("BATCH_OPERATION", 1) is None
        with pytest.raises(BadRequest):
            await search.search("BATCH_OPERATION", {"filter": {"nonsense": 1}})
        assert await search.watermark(1) == 0
        await search.close()

    asyncio.run(run())
    (sample,) = telemetry.registry.snapshot()
    assert sample.name == SEARCH_DURATION.name
    assert {labels: sum(buckets.counts) for labels, buckets in sample.histograms} == {
        ("gateway", "search", "BATCH_OPERATION"): 2,
        ("gateway", "get", "BATCH_OPERATION"): 1,
    }
