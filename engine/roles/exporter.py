"""The exporter: one pump over all partitions."""

from __future__ import annotations

import asyncio

from exporters.pump import Pump

from .host import Host, first_of


async def run_exporter(host: Host, stop: asyncio.Event) -> None:
    """Export until told to stop."""
    log = await host.open_log()
    exporter = host.open_exporter()
    pump = Pump(
        log,
        exporter,
        host.assembly.codec,
        host.clock,
        limits=host.pump_limits,
        changed=lambda: host.report(pump.problem),
        measures=host.telemetry.pump(),
    )
    host.telemetry.watch_pump(pump, exporter, log.partition_count)
    try:
        await first_of(pump.run(), stop.wait())
    finally:
        await log.close()
