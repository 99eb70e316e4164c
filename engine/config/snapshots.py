"""The settings of snapshots of the state."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from .section import Duration, Section


class SnapshotSettings(Section):
    """Copies of the state, from which a new machine starts instead of from the first record."""

    directory: Path | None = Field(
        default=None,
        description="Where they are kept, shared by all machines of an installation; not set: none are taken.",
    )
    interval: Duration = Field(
        default=timedelta(minutes=15), ge=timedelta(seconds=1), description="Time between two snapshots of a partition."
    )
    records_min: int = Field(
        default=10_000,
        ge=0,
        description="Records that must have come since the last one.",
    )
    keep: int = Field(default=3, gt=0, le=1000, description="How many of the newest are kept of each partition.")
