"""Users, groups and authorizations: which record writes which row."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

from msgspec.structs import astuple

from engine.core.record import Record
from exporters.identities import PARTITION_SHOWN, ROWS

from .projection import Handlers
from .tables import Table


class Identities:
    """Projects users, groups, members and authorizations; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rows = Table(connection, "identities", ())

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {name: partial(self._written, name) for name in ROWS}

    def write(self) -> None:
        """Write what is pending."""
        self._rows.write()

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._rows.clear()

    def _written(self, name: tuple[str, str], record: Record, value: Any) -> None:
        if record.step.partition_id == PARTITION_SHOWN:
            self._rows.add(list(astuple(ROWS[name](record, value))), record.key)
