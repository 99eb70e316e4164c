"""The exporter: one pump over the partitions that its duty names."""

from __future__ import annotations

from exporters.pump import Pump

from .host import Host, first_of
from .protocol import partitions_of_duty


async def run_exporter(host: Host) -> None:
    """Export until the duty has ended, or nothing is left that can be exported."""
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
    host.telemetry.watch_pump(pump, exporter)
    duty = host.duty
    try:
        while not duty.has_ended:
            changed = duty.changed
            if not duty.word:
                await changed.wait()
                continue
            await first_of(pump.run(partitions_of_duty(duty.word)), changed.wait())
            if not changed.is_set():
                return  # every partition has stopped: the supervisor starts it again
    finally:
        await log.close()
