"""The `history_deletion` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "HISTORY_DELETION"


class HistoryDeletion(Struct, frozen=True, kw_only=True):
    """What has ended is deleted from secondary storage. DELETE, DELETED; SCHEDULE, SCHEDULED: that is to happen
    at a time; CONFIRM, CONFIRMED: it is gone from there."""

    resource_key: int = -1
    resource_type: str = ""
    reason: str = ""
    work: bytes = b""
    exported_position: int = -1
    removal_time: int = 0
    end_time: int = 0
