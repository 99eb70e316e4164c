"""The `batch_operation_webhook` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_WEBHOOK"


class BatchOperationWebhook(Struct, frozen=True, kw_only=True):
    """Telling a URL that a batch operation has ended. REPORT_WEBHOOK, by the shell, of an attempt; WEBHOOK_DELIVERED,
    WEBHOOK_RETRYING, WEBHOOK_FAILED."""

    batch_operation_key: int = -1
    url: str = ""
    attempts: int = 0
    status: int = 0
    error_message: str = ""
    retryable: bool = False
    retry_at: int = 0
