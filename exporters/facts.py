"""What projections read out of records in the same way, whatever they write it into."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from engine.records.batch_error import BatchError


def key_given(key: int) -> int | None:
    """A key of a record; None if it has none."""
    return key if key >= 0 else None


def date_given(text: str) -> int | None:
    """A date of a model or an expression as milliseconds since 1970; None if there is none or it is not ISO 8601."""
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)


def errors_json(errors: tuple[BatchError, ...]) -> str:
    """Errors of a batch operation as the API lists them."""
    listed = [{"partitionId": error.partition_id, "type": error.type, "message": error.message} for error in errors]
    return msgspec.json.encode(listed).decode()


def job_state(changed: tuple[str, ...]) -> str:
    """How the API calls a job of which these attributes have just been changed."""
    first = next((each for each in ("retries", "timeout") if each in changed), "priority")
    return f"{first.upper()}_UPDATED"


def item_error(code: str, message: str) -> str | None:
    """Why an item of a batch operation failed, in one text."""
    return ": ".join(filter(None, (code, message))) or None


@lru_cache(maxsize=1024)
def java_hash(text: str) -> int:
    """What `String.hashCode` of Java gives, over UTF-16 code units: clients filter by it (`incidentErrorHashCode`)."""
    units = memoryview(text.encode(f"utf-16-{sys.byteorder[0]}e")).cast("H")
    value = 0
    for unit in units:
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
