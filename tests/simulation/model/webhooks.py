"""Who is told that a batch operation has ended: each attempt is on the log, until one succeeds or all have failed.

Source: docs/batch-operations.md, "Webhooks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from engine.core.faults import INVALID_STATE
from engine.core.record import Record
from engine.records import BatchOperationWebhook

from .world import Refused, World

FAMILY = "BATCH_OPERATION_WEBHOOK"
ATTEMPTS_MAX = 12
BACKOFF_MS_MIN, BACKOFF_MS_MAX = 1_000, 600_000


@dataclass(slots=True)
class Webhook:
    """Somebody who is to be told."""

    url: str
    attempts: int = 0
    retry_at: int = 0


class Webhooks:
    """Those of a partition: batch operation that has ended -> who is to be told."""

    def __init__(self) -> None:
        self.open: dict[int, Webhook] = {}

    def report(self, world: World, command: Record) -> None:
        """An attempt was made. Raises Refused."""
        wish, webhook = cast(BatchOperationWebhook, command.value), self.open.get(command.key)
        if webhook is None or webhook.attempts != wish.attempts:
            raise Refused(INVALID_STATE)
        delay = min(BACKOFF_MS_MIN << webhook.attempts, BACKOFF_MS_MAX)
        if world.now < webhook.retry_at:
            world.differ(f"batch operation {command.key}: told again before {webhook.retry_at}")
        webhook.attempts += 1
        if 200 <= wish.status < 300:
            self.end(world, command.key, "DELIVERED")
        elif not wish.retryable or webhook.attempts == ATTEMPTS_MAX:
            self.end(world, command.key, "FAILED")
        else:
            webhook.retry_at = world.now + delay
            self.expect(world, command.key, "RETRYING", webhook)

    def end(self, world: World, key: int, how: str) -> None:
        """He was told, or nobody tries any more."""
        webhook = self.open.pop(key)
        webhook.retry_at = 0
        self.expect(world, key, how, webhook)

    def expect(self, world: World, key: int, how: str, webhook: Webhook) -> None:
        told = {"url": webhook.url, "attempts": webhook.attempts, "retry_at": webhook.retry_at}
        world.expect(FAMILY, f"WEBHOOK_{how}", key, **told)

    def unfinished(self, now: int) -> list[str]:
        """Who should have been told by now, but for what is just under way."""
        return [
            f"batch operation {key} is to be told to {one.url}" for key, one in self.open.items() if one.retry_at <= now
        ]
