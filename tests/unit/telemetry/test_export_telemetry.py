"""What the exporter tells: it goes on where the partition's spans ended, which it finds by the records alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.core.ports import EVENTS
from engine.telemetry import attributes as a
from engine.telemetry.spans import CONSUMER
from exporters.pump import Pump
from exporters.sqlite import SqliteExporter
from tests.support.actions import CANCEL
from tests.support.scenario import CODEC
from tests.unit.telemetry.watched import ITEMS, Heard, Watched, cancellation, creation, deployment, traced


async def export(watched: Watched, folder: Path) -> None:
    """All of the log."""
    exporter = SqliteExporter(folder)
    pump = Pump(watched.log, exporter, CODEC, watched.clock, measures=watched.telemetry.pump())
    watched.telemetry.watch_pump(pump, exporter)
    running = asyncio.create_task(pump.run())
    end = await watched.log.end(EVENTS, 1)
    async with asyncio.timeout(60):
        while watched.values("retold.export.records").get((1,), 0) < end:
            await asyncio.sleep(0)
    assert watched.values("retold.export.position") == {(1,): end}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_exporting_goes_on_from_the_step_and_its_items(tmp_path: Path) -> None:
    heard = Heard()
    watched = Watched(heard)

    async def scenario() -> None:
        await watched.run(deployment(), traced(cancellation()), creation())
        decided = list(heard.spans)
        heard.spans.clear()
        watched.telemetry.known_end = lambda _: 1_000
        await export(watched, tmp_path)
        steps = [span for span in decided if span.kind == CONSUMER]
        exported = heard.named("process events")
        assert [span.parent for span in exported] == [span.context for span in steps]
        assert all(span.links == (span.parent,) and span.kind == CONSUMER for span in exported)
        items = {span.context: span for span in decided if span.name == f"item {CANCEL}"}
        indexed = heard.named("index item")
        assert {span.parent for span in indexed} == items.keys()
        assert [span.attributes[a.KEY] for span in indexed] == list(ITEMS)
        assert {link for span in indexed for link in span.links} <= {span.context for span in exported}
        assert sum(int(span.attributes[a.MESSAGE_COUNT]) for span in exported) < await watched.log.end(EVENTS, 1)

    asyncio.run(scenario())


def test_the_watermark_and_what_lies_beyond_are_told(tmp_path: Path) -> None:
    watched = Watched(None)

    async def scenario() -> None:
        await watched.run(deployment(), creation())
        end = await watched.log.end(EVENTS, 1)
        watched.telemetry.known_end = lambda _: end + 4
        await export(watched, tmp_path)
        assert watched.values("retold.export.lag") == {(1,): 4}
        assert watched.values("retold.export.failing") == {(1,): 0}
        assert watched.count("retold.export.duration") > 0

    asyncio.run(scenario())
