"""The ports of one process: what a role gets from where it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # a process loads only what its own role needs
    from litestar import Litestar

    from engine.assembly import Assembly
    from engine.core.background import Delivery, DeliveryResult
    from engine.core.ports import Clock, Log, Snapshots, Store
    from engine.shell.passwords import Hasher
    from engine.shell.runner import RunnerLimits
    from engine.shell.webhook_rules import WebhookSettings
    from engine.telemetry.telemetry import Telemetry
    from exporters.contract import Exporter
    from exporters.pump import PumpLimits
    from exporters.search.store import SearchStore
    from gateway.settings import GatewaySettings

    from .duty import Duty
    from .membership import Overview


class Host(Protocol):
    """Opens the ports of one process; a role closes what it opened, unless it is killed."""

    @property
    def assembly(self) -> Assembly: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def runner_limits(self) -> RunnerLimits: ...

    @property
    def pump_limits(self) -> PumpLimits: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def duty(self) -> Duty: ...

    @property
    def gateway_id(self) -> str:
        """Tells this gateway's requests from those of others on the log; empty for one that nobody chose."""

    async def open_log(self) -> Log:
        """Raises Unavailable."""

    def open_store(self, partition: int) -> Store:
        """Raises Unavailable."""

    def snapshots(self, partition: int) -> Snapshots | None:
        """Those of the state that `open_store` opens; None where none are kept."""

    def open_search(self) -> SearchStore: ...

    def open_exporter(self) -> Exporter: ...

    def hasher(self) -> Hasher: ...

    async def tell_url(self, webhooks: WebhookSettings, delivery: Delivery) -> DeliveryResult:
        """Send one POST, as far as `webhooks` allows it. Never raises."""

    async def serve(self, app: Litestar, settings: GatewaySettings, started: Callable[[], None]) -> None:
        """Serve HTTP until the process shall end; calls `started` when requests are taken."""

    def overview(self) -> Overview:
        """What the supervisor of this machine tells."""

    def report(self, problem: str = "") -> None:
        """Tell the supervisor what keeps this process from its duty; nothing when it works."""

    def say(self, word: str) -> None:
        """Tell the supervisor one of the words of the protocol."""


async def first_of(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run all of them until one ends, then cancel the others. Raises what that one raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
