"""A nested record of `batch_operation_creation`; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

#: What may be wished. Lengths in characters, times in ms, rates in items per second over all partitions.
NAME_LENGTH_MAX = 256
LABELS_MAX = 20
LABEL_LENGTH_MAX = 100
REASON_LENGTH_MAX = 4_096
RATE_MIN = 0.001
RATE_MAX = 1_000_000.0
SLICE_SIZE_MAX = 1_000
ITEM_RETRIES_MAX = 100
RETRY_BACKOFF_MS_MAX = 366 * 24 * 3_600_000
WEBHOOK_LENGTH_MAX = 2_048
#: The last moment that a start may be planned for, ms since 1970: the end of the year 9999.
START_AT_MAX = 253_402_300_799_999
#: A window of pause: hours and minutes from and until, and perhaps the name of a time zone.
PAUSE_WINDOW = r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)(?: (\S{1,64}))?"
PAUSE_WINDOWS_MAX = 20


class BatchOptions(Struct, frozen=True, kw_only=True):
    """How a batch operation runs, as its creator wishes."""

    name: str = ""
    labels: tuple[str, ...] = ()
    reason: str = ""
    start_suspended: bool = False
    start_at: int = 0
    rate: float = 0.0
    slice_size: int = 0
    failures_max: int = 0
    failure_share_max: float = 0.0
    item_retries: int = 0
    retry_backoff: int = 0
    raises_incidents: bool = False
    pause_windows: tuple[str, ...] = ()
    parent_key: int = -1
    undoes: bool = False
    webhook: str = ""
    dry_run: bool = False
    keep_plan: bool = False
    undoable: bool = False
    plan_key: int = -1

    @property
    def foresees(self) -> bool:
        """Whether what becomes of its items is told beforehand, one by one: it is a dry run, or commits a plan."""
        return self.dry_run or self.plan_key >= 0

    @property
    def origin_key(self) -> int:
        """The batch operation that this one needs until it has ended; -1 for none."""
        return self.plan_key if self.plan_key >= 0 else self.parent_key
