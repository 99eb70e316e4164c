"""The values that process instances began with, of variables that have changed since.

Rule: written before the variables, for what it keeps is what the first change overwrites.
"""

from __future__ import annotations

import sqlite3

KEEP = "INSERT OR IGNORE INTO initial_values SELECT key, value FROM variables WHERE key = ? AND initial"


class InitialValues:
    """What is to be kept; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._new: dict[int, str] = {}
        self._changed_new: dict[int, str] = {}
        self._changed: set[int] = set()

    def begin(self, key: int, value: str) -> None:
        """A variable with which a process instance begins."""
        self._new[key] = value

    def change(self, key: int) -> None:
        """A variable changes."""
        if key in self._new:
            self._changed_new[key] = self._new[key]
        else:
            self._changed.add(key)

    def write(self) -> None:
        """Write what is pending."""
        if self._changed:
            self._connection.executemany(KEEP, [(key,) for key in sorted(self._changed)])
        if self._changed_new:
            self._connection.executemany("INSERT INTO initial_values VALUES (?, ?)", self._changed_new.items())

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._new.clear()
        self._changed_new.clear()
        self._changed.clear()
