"""Write-behind: the rows that one transaction touches, kept in memory and written once each when it commits.

Rule: nothing is read back. A new row is whole; a change names its new values, and goes into the row if that is still
here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

Value = int | str | bytes | None


class Table:
    """The pending rows of one table whose first column is its integer key. `changing`: what events change in a row."""

    def __init__(self, connection: sqlite3.Connection, name: str, changing: Sequence[str]) -> None:
        columns = [column for _, column, *_ in connection.execute(f"PRAGMA table_info({name})")]
        self._connection = connection
        marks = ", ".join("?" * len(columns))
        self._insert = f"INSERT OR REPLACE INTO {name} VALUES ({marks})"
        sets = ", ".join(f"{column} = coalesce(?, {column})" for column in changing)
        self._update = f"UPDATE {name} SET {sets} WHERE {columns[0]} = ?"
        self._changing = [columns.index(column) for column in changing]
        self._rows: dict[int, list[Value]] = {}
        self._changes: dict[int, list[Value]] = {}

    def add(self, row: list[Value], key: int) -> None:
        """A new row, in the order of the columns in schema.sql."""
        self._rows[key] = row

    def change(self, key: int, *values: Value) -> None:
        """New values of the changing columns, in their order; None leaves one as it is."""
        row = self._rows.get(key)
        if row is not None:
            for index, value in zip(self._changing, values, strict=True):
                if value is not None:
                    row[index] = value
            return
        change = self._changes.get(key)
        if change is None:
            self._changes[key] = [*values, key]
            return
        for index, value in enumerate(values):
            if value is not None:
                change[index] = value

    def write(self) -> None:
        """Write what is pending."""
        if self._rows:
            self._connection.executemany(self._insert, self._rows.values())
        if self._changes:
            self._connection.executemany(self._update, self._changes.values())

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._rows.clear()
        self._changes.clear()
