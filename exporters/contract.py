"""What every projection promises: idempotent by position, whole steps only, the position stored with the data.

Rule: a projection is rebuilt, never repaired (design law 9). It must not know a log, and must infer nothing that the
records do not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from engine.core.faults import RetoldError
from engine.core.record import Record


class ExportedPosition(Struct, frozen=True, kw_only=True):
    """How far a partition is exported. `position`: last record (0: none); `offset`: where to read `events` next."""

    position: int = 0
    offset: int = 0


class ProjectionLost(RetoldError):
    """What was exported is gone, deleted by somebody: close, open, and export from the beginning."""


class Exporter(Protocol):
    """Projects records into one secondary storage. One pump drives it; its calls never overlap for one partition."""

    async def open(self) -> None:
        """Get ready; starts from zero if what is stored is of another version. Raises Unavailable."""

    def positions(self) -> Mapping[int, ExportedPosition]:
        """How far each partition is exported; a partition that is missing starts from zero."""

    def set_aside(self) -> Mapping[int, int]:
        """How many documents secondary storage did not take, by partition, since this exporter was made.

        A rebuilt projection would lack them too: a person must look. They never stop the others.
        """

    async def export(self, partition: int, records: Sequence[Record], next_offset: int) -> None:
        """Project whole steps, all or nothing, and store the position of the last record and `next_offset` with them.

        Records that were exported before are ignored. Raises Unavailable (nothing stored; the pump tries again) and
        ProjectionLost.
        """

    async def close(self) -> None:
        """Release everything."""
