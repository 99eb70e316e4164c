"""Shared by the families of batch operations."""

from __future__ import annotations

from msgspec import Struct


class BatchError(Struct, frozen=True, kw_only=True):
    """Why a partition failed."""

    partition_id: int = 0
    type: str = ""
    message: str = ""
