"""Whom batch operations tell that they have ended: a web server far away, which fails, or whose answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.batch.life import FINAL_STATES
from engine.core.background import Delivery, DeliveryResult
from engine.core.record import EVENT, Record, partition_of
from engine.shell.webhook_rules import WebhookSettings
from tests.simulation.world import World

#: Until an answer comes from a receiver that is slow.
SLOW_SECONDS_MAX = 5.0
MANAGEMENT, WEBHOOK = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "BATCH_OPERATION_WEBHOOK"
#: What is told of the final event -> its field.
NUMBERS = {
    "operationsTotalCount": "total",
    "operationsCompletedCount": "completed",
    "operationsFailedCount": "failed",
    "operationsSkippedCount": "skipped",
    "operationsCanceledCount": "canceled",
}


class Told(NamedTuple):
    """What the receiver got."""

    key: int
    url: str
    body: dict[str, Any]


class Receiver:
    """Keeps all that it was told, when it was told it."""

    def __init__(self, world: World) -> None:
        self.told: list[Told] = []
        #: What is wrong with what it was told.
        self.lies: list[str] = []
        #: What is on the log, by partition: nobody is told of what is not there.
        self.records: Mapping[int, Sequence[Record]] = {}
        self._world = world

    async def take(self, webhooks: WebhookSettings, delivery: Delivery) -> DeliveryResult:
        """As `Host.tell_url`, whose network is this one."""
        if problem := webhooks.problem(delivery.url):
            return DeliveryResult(error=problem, retryable=False)
        await asyncio.sleep(self._world.latency())
        if self._world.strikes("receiver slow"):
            await asyncio.sleep(self._world.uniform(0, SLOW_SECONDS_MAX))
        if self._world.strikes("receiver fails"):
            return DeliveryResult(status=500, error="expected an answer from 200 to 299, got 500")
        self._hear(Told(delivery.key, delivery.url, msgspec.json.decode(delivery.body)))
        await asyncio.sleep(self._world.latency())
        if self._world.strikes("receiver fails"):
            return DeliveryResult(error="ReadError: the answer was lost")
        return DeliveryResult(status=200)

    def _hear(self, told: Told) -> None:
        """What it is told is on the log, and was wished."""
        self.told.append(told)
        records = [record for record in self.records[partition_of(told.key)] if record.key == told.key]
        ends = [r for r in records if r.value_type == MANAGEMENT and r.intent in FINAL_STATES]
        if len(ends) != 1:
            self.lies.append(f"{told.url} was told of batch operation {told.key}, which has {len(ends)} ends")
            return
        numbers = {name: getattr(ends[0].value, field) for name, field in NUMBERS.items()}
        wanted = {"batchOperationKey": str(told.key), "state": ends[0].intent, **numbers}
        if {name: told.body[name] for name in wanted} != wanted:
            self.lies.append(f"{told.url} was told {told.body}, but it ended as {wanted}")

    def check(self) -> list[str]:
        """When all is at rest: everybody is told of whom the log says that he was, and of nothing else."""
        known = {(one.key, one.url) for one in self.told}
        reports = [
            r
            for records in self.records.values()
            for r in records
            if r.value_type == WEBHOOK and r.record_type == EVENT
        ]
        delivered = {(r.key, str(getattr(r.value, "url", ""))) for r in reports if r.intent == "WEBHOOK_DELIVERED"}
        wished = {
            (r.key, options.webhook)
            for records in self.records.values()
            for r in records
            if (options := getattr(r.value, "options", None)) is not None and r.value_type == "BATCH_OPERATION_CREATION"
        }
        return [
            *self.lies,
            *(f"{url} was never told of batch operation {key}" for key, url in sorted(delivered - known)),
            *(f"{url} was told of batch operation {key}, which nobody wished" for key, url in sorted(known - wished)),
        ]
