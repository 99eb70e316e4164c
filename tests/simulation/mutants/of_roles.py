"""Bugs around the machine: background work, exporter, gateway, supervisor."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.core.faults import Unavailable
from engine.roles.child import Child
from engine.roles.duty import Duty
from engine.roles.partition import Work
from engine.shell import runner
from engine.shell.background import BackgroundDriver
from engine.shell.confirmation import ConfirmationDriver
from engine.shell.runner import Runner
from exporters.contract import ExportedPosition
from exporters.pump import Pump
from exporters.sqlite import SqliteExporter
from gateway import outboxes
from gateway.gateway import Gateway

from .planting import patch


def watermark_not_waited_for() -> None:
    async def at_once(_self: BackgroundDriver, _query: Any) -> None:
        """Ask although the projection is behind."""

    patch(BackgroundDriver, "_wait_for_watermark", at_once)


def deletions_forgotten_by_a_restart() -> None:
    confirm = ConfirmationDriver._confirm

    async def of_its_own(self: ConfirmationDriver, position: int) -> bool:
        since = vars(self).setdefault("since", self._machine.head.position)
        return position > since and await confirm(self, position)

    patch(ConfirmationDriver, "_confirm", of_its_own)


def position_before_the_write() -> None:
    write = SqliteExporter._write

    def early(self: SqliteExporter, connection: Any, partition: int, records: Any, exported: ExportedPosition) -> None:
        place = (partition, exported.position, exported.offset, records[-1].step.timestamp)
        connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", place)
        self._positions[partition] = exported
        write(self, connection, partition, records, exported)

    patch(SqliteExporter, "_write", early)


def stored_position_not_checked() -> None:
    patch(SqliteExporter, "_check_stored", lambda *_: None)


def failed_export_skipped() -> None:
    async def once(self: Pump, _partition: int, call: Any) -> Any:
        while True:
            try:
                return await call()
            except Unavailable:
                if getattr(call, "func", None) == self._exporter.export:
                    return None
                await self._clock.sleep(0.05)

    patch(Pump, "_retry", once)


def acknowledged_before_the_append() -> None:
    change = Gateway.change
    background: set[Any] = set()

    def forget(task: Any) -> None:
        background.discard(task)
        if not task.cancelled():
            task.exception()

    async def at_once(
        self: Gateway, request: Any, key: int, value_type: str, intent: str, value: Any, **named: Any
    ) -> Any:
        sending = change(self, request, key, value_type, intent, value, **named)
        if (value_type, intent) != ("JOB", "COMPLETE"):
            return await sending
        task = asyncio.ensure_future(sending)
        task.add_done_callback(forget)
        background.add(task)
        return None

    patch(Gateway, "change", at_once)


def not_started_again() -> None:
    run_once = Child._run_once

    async def once(self: Child) -> int:
        code = await run_once(self)
        return 3 if self.role.startswith("partition") and self._worked.is_set() else code

    patch(Child, "_run_once", once)


def unknown_told_as_refused() -> None:
    """503 says that nothing was appended: here also when nobody knows."""

    class NeverRaised(Exception):
        pass

    patch(outboxes, "AppendUnknown", NeverRaised)


def standby_decides() -> None:
    patch(Work, "_follow", Work._own)


def fenced_fences_in_turn() -> None:
    patch(Duty, "step_back", lambda _self: None)


def taken_over_without_the_tail() -> None:
    recover = Runner.recover

    async def at_once(self: Runner) -> int:
        async def nothing(*_: Any) -> int:
            return 0

        kept = vars(runner)["catch_up"]
        patch(runner, "catch_up", nothing)
        try:
            return await recover(self)
        finally:
            patch(runner, "catch_up", kept)

    patch(Runner, "recover", at_once)
