"""Dates of user tasks: ISO 8601 with an offset from UTC, as models, expressions and the API give them.

Rule: one form leaves, RFC 3339 (`2026-03-02T15:35:00+01:00`); the name of a zone is dropped once it gave the offset.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .feel.zones import find_zone, offset_at

#: `2026-03-02T15:35+01:00`, with `[Europe/Berlin]` behind it as Java writes it, or `@Europe/Berlin` as FEEL does.
_DATE_TIME = re.compile(
    r"(?P<local>\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?)"
    r"((?P<offset>Z|[+-]\d\d:\d\d)(\[[A-Za-z0-9_+\-/]{1,64}\])?|@(?P<zone>[A-Za-z0-9_+\-/]{1,64}))"
)


def read_date_time(text: str) -> str | None:
    """The date and time in its one form; None if it is none, or has neither an offset nor a known zone."""
    matched = _DATE_TIME.fullmatch(text)
    if matched is None:
        return None
    try:
        local = datetime.fromisoformat(matched["local"])
        offset = _offset(matched["offset"], matched["zone"], local)
    except ValueError:
        return None
    return None if offset is None else local.replace(tzinfo=offset).isoformat()


def _offset(offset: str | None, zone: str | None, local: datetime) -> timezone | None:
    """Raises ValueError for an offset of a day or more."""
    if offset is not None:
        given = datetime.fromisoformat(f"2000-01-01T00:00{offset}").utcoffset()
        return timezone(given or timedelta())
    found = find_zone(zone or "")
    return None if found is None else timezone(offset_at(found, local))
