"""What may be wished of how a batch operation runs. A producer of commands is told what a client of the API is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.records.batch_options import (
    ITEM_RETRIES_MAX,
    LABEL_LENGTH_MAX,
    LABELS_MAX,
    NAME_LENGTH_MAX,
    PAUSE_WINDOWS_MAX,
    RATE_MAX,
    RATE_MIN,
    REASON_LENGTH_MAX,
    RETRY_BACKOFF_MS_MAX,
    SLICE_SIZE_MAX,
    START_AT_MAX,
    WEBHOOK_LENGTH_MAX,
    BatchOptions,
)

from .windows import parse_window

#: Scheme, host, perhaps a port, perhaps a path and a query.
WEBHOOK_URL = re.compile(
    r"https?://(?:[a-z0-9]+(?:[.-][a-z0-9]+)*|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?(?:[/?][!-\"$-~]*)?", re.IGNORECASE
)


def problems_of_options(options: BatchOptions) -> list[str]:
    """What is wrong with the options of a creation; empty if nothing is."""
    return [
        *_problems_of_texts(options),
        *_problems_of_numbers(options),
        *problems_of_webhook(options.webhook),
        *problems_of_pace(options.rate, options.slice_size),
        *problems_of_windows(options.pause_windows),
    ]


def problems_of_pace(rate: float, slice_size: int) -> list[str]:
    """What is wrong with a rate (0 for none) and the size of a slice (0 for the setting)."""
    found = []
    if rate and not RATE_MIN <= rate <= RATE_MAX:
        found.append(f"rate: expected 0 or from {RATE_MIN} to {RATE_MAX:.0f} items per second, got {rate}; correct it")
    if not 0 <= slice_size <= SLICE_SIZE_MAX:
        found.append(f"sliceSize: expected from 0 to {SLICE_SIZE_MAX}, got {slice_size}; correct it")
    return found


def problems_of_webhook(url: str) -> list[str]:
    """What is wrong with the URL of a webhook; it is on the log, so it must not have a password in it."""
    if not url:
        return []
    if len(url) > WEBHOOK_LENGTH_MAX:
        return [f"webhook: expected at most {WEBHOOK_LENGTH_MAX} characters, got {len(url)}; shorten it"]
    if not WEBHOOK_URL.fullmatch(url):
        expected = "expected a URL such as https://host:8443/path, in ASCII, without user, password or fragment"
        return [f"webhook: {expected}, got '{url[:100]}'; correct it"]
    return []


def _problems_of_texts(options: BatchOptions) -> Iterator[str]:
    lengths = [("name", options.name, NAME_LENGTH_MAX), ("reason", options.reason, REASON_LENGTH_MAX)]
    lengths += [(f"labels[{index}]", label, LABEL_LENGTH_MAX) for index, label in enumerate(options.labels)]
    for place, text, length_max in lengths:
        if len(text) > length_max:
            yield f"{place}: expected at most {length_max} characters, got {len(text)}; shorten it"
    if len(options.labels) > LABELS_MAX:
        yield f"labels: expected at most {LABELS_MAX}, got {len(options.labels)}; leave some out"
    if not all(options.labels):
        yield "labels: expected texts that are not empty, got an empty one; leave it out"


def problems_of_windows(windows: Sequence[str]) -> Iterator[str]:
    """What is wrong with windows of pause."""
    if len(windows) > PAUSE_WINDOWS_MAX:
        yield f"pauseWindows: expected at most {PAUSE_WINDOWS_MAX}, got {len(windows)}; leave some out"
    for index, text in enumerate(windows):
        try:
            parse_window(text)
        except ValueError as error:
            yield f"pauseWindows[{index}]: {error}"


def _problems_of_numbers(options: BatchOptions) -> Iterator[str]:
    bounds = (
        ("startAt", options.start_at, START_AT_MAX),
        ("maxFailures.share", options.failure_share_max, 1),
        ("itemRetries", options.item_retries, ITEM_RETRIES_MAX),
        ("retryBackoff", options.retry_backoff, RETRY_BACKOFF_MS_MAX),
    )
    for place, number, number_max in bounds:
        if not 0 <= number <= number_max:
            yield f"{place}: expected from 0 to {number_max}, got {number}; correct it"
    if options.keep_plan and not options.dry_run:
        yield "keepPlan: expected dryRun with it, got none; say that nothing shall happen yet"
    if options.dry_run and (options.item_retries or options.raises_incidents):
        yield "retryPolicy: expected none with dryRun, whose items are tried once, got one; leave it out"
    if options.undoes and options.parent_key < 0:
        yield "undoes: expected a batch operation that is undone, got none; name it"
    if options.failures_max < 0:
        yield f"maxFailures.count: expected at least 0, got {options.failures_max}; correct it"
