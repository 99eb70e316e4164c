"""Telling a URL that a batch operation has ended: who is still to be told is in the state of its lead partition.

The shell sends (`engine/shell/webhooks.py`) and reports each attempt by a command, which names the attempts before
it; a stale one is rejected. So everybody is told at least once, whatever fails, or the log says why not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import msgspec
from msgspec import Struct, structs

from engine.core.background import Delivery, DeliveryResult
from engine.core.draft import REJECTION_REASON_LENGTH_MAX
from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_STATE, Reject
from engine.core.record import NONE, Record
from engine.core.record import command as make_command
from engine.core.registry import Fact
from engine.core.state import State, Table, View, key_tail
from engine.records import BatchOperationLifecycleManagement, BatchOperationWebhook
from engine.records.batch_options import BatchOptions

from .lifecycle import step_of

WEBHOOK = "BATCH_OPERATION_WEBHOOK"
#: Attempts, and the pauses between them in ms: doubled from the first to the second, half an hour together.
ATTEMPTS_MAX = 12
BACKOFF_MS_MIN, BACKOFF_MS_MAX = 1_000, 600_000
#: Those that are looked at, the oldest batch operations first; the others are told when these are done.
LOOKED_AT_MAX = 1_000
#: Why nobody is told any more.
DELETED = "the batch operation was deleted"
#: Statuses of an answer that says that it was understood.
SUCCESS = range(200, 300)


class Webhook(Struct, frozen=True, kw_only=True, array_like=True):
    """Who is to be told what. `retry_at`: not before, ms since 1970."""

    url: str
    body: bytes
    attempts: int = 0
    retry_at: int = 0


#: (batch operation key,) on the lead partition, until it was told or given up
WEBHOOKS = Table(172, "BATCH_WEBHOOKS", Webhook)


def remember_webhook(
    key: int, options: BatchOptions, final: str, counts: BatchOperationLifecycleManagement, now: int, state: State
) -> None:
    """For the applier of the end of a batch operation."""
    if options.webhook:
        body = _body(key, options, final, counts, now)
        state.put(WEBHOOKS, key, value=Webhook(url=options.webhook, body=body))


def give_up_webhook(key: int, view: View) -> Effects:
    """Of a batch operation that is deleted nobody is told any more; the log says so."""
    webhook = view.get(WEBHOOKS, key)
    if webhook is not None:
        value = BatchOperationWebhook(
            batch_operation_key=key, url=webhook.url, attempts=webhook.attempts, error_message=DELETED
        )
        yield Event(value_type=WEBHOOK, intent="WEBHOOK_FAILED", key=key, value=value)


def _body(key: int, options: BatchOptions, final: str, counts: BatchOperationLifecycleManagement, now: int) -> bytes:
    """What is told: the names are those of `GET /batch-operations/{key}`."""
    end = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {
        "batchOperationKey": str(key),
        "batchOperationType": counts.batch_operation_type,
        "state": final,
        "endDate": end,
        "operationsTotalCount": counts.total,
        "operationsCompletedCount": counts.completed,
        "operationsFailedCount": counts.failed,
        "operationsSkippedCount": counts.skipped,
        "operationsCanceledCount": counts.canceled,
        "name": options.name or None,
        "labels": options.labels,
        "reason": options.reason or None,
        "parentBatchOperationKey": None if options.parent_key == NONE else str(options.parent_key),
        "dryRun": options.dry_run,
        "planBatchOperationKey": None if options.plan_key == NONE else str(options.plan_key),
    }
    return msgspec.json.encode(told)


def report_webhook(command: Record, view: View) -> Effects:
    """REPORT_WEBHOOK: an attempt was made; it is over, or tried again after a back-off."""
    wish, key = cast(BatchOperationWebhook, command.value), command.key
    webhook = view.get(WEBHOOKS, key)
    if webhook is None or webhook.attempts != wish.attempts:
        raise Reject(INVALID_STATE, f"expected the next attempt to tell of batch operation {key}, got a stale one")
    attempts = webhook.attempts + 1
    value = BatchOperationWebhook(
        batch_operation_key=key,
        url=webhook.url,
        attempts=attempts,
        status=wish.status,
        error_message=wish.error_message[:REJECTION_REASON_LENGTH_MAX],
    )
    if wish.status in SUCCESS:
        yield Event(value_type=WEBHOOK, intent="WEBHOOK_DELIVERED", key=key, value=value)
    elif not wish.retryable or attempts >= ATTEMPTS_MAX:
        yield Event(value_type=WEBHOOK, intent="WEBHOOK_FAILED", key=key, value=value)
    else:
        delay = min(BACKOFF_MS_MIN << webhook.attempts, BACKOFF_MS_MAX)
        retrying = structs.replace(value, retry_at=view.now + delay)
        yield Event(value_type=WEBHOOK, intent="WEBHOOK_RETRYING", key=key, value=retrying)


def apply_webhook_retrying(fact: Fact, state: State) -> None:
    value = cast(BatchOperationWebhook, fact.value)
    webhook = state.require(WEBHOOKS, fact.key)
    changed = structs.replace(webhook, attempts=value.attempts, retry_at=value.retry_at)
    state.put(WEBHOOKS, fact.key, value=changed)


def apply_webhook_ended(fact: Fact, state: State) -> None:
    """It was told, or given up."""
    state.delete(WEBHOOKS, fact.key)


class Webhooks:
    """What the shell must know to tell. As `Deliveries` of the core."""

    def wanted(self, view: View, now: int) -> Delivery | None:
        """The one that has waited longest of those that are due."""
        rows = view.scan(WEBHOOKS, limit=LOOKED_AT_MAX)
        due = [(webhook.retry_at, key_tail(row), webhook) for row, webhook in rows]
        at, key, webhook = min(due, key=lambda one: one[:2], default=(0, NONE, None))
        if webhook is None or at > now:
            return None
        return Delivery(key=key, url=webhook.url, body=webhook.body, attempts=webhook.attempts)

    def next_at(self, view: View) -> int | None:
        """When the next one is due."""
        return min((webhook.retry_at for _, webhook in view.scan(WEBHOOKS, limit=LOOKED_AT_MAX)), default=None)

    def is_open(self, view: View, delivery: Delivery) -> bool:
        """Whether this attempt is not known yet."""
        webhook = view.get(WEBHOOKS, delivery.key)
        return webhook is not None and webhook.attempts == delivery.attempts

    def report(self, delivery: Delivery, result: DeliveryResult) -> Record:
        """The command that says how it went."""
        value = BatchOperationWebhook(
            batch_operation_key=delivery.key,
            attempts=delivery.attempts,
            status=result.status,
            error_message=result.error,
            retryable=result.retryable,
        )
        return make_command(WEBHOOK, "REPORT_WEBHOOK", value, key=delivery.key, step=step_of(delivery.key))
