"""Write-behind: the rows that one transaction touches, kept in memory and written once each when it commits.

Rule: nothing is read back. A new row is whole; a change names its new values, and goes into the row if that is still
here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

Value = int | str | bytes | None
#: Said of a clearing column: it has no value any more (None leaves it as it is).
CLEARED = ""


class Table:
    """The pending rows of one table whose first column is its integer key. `changing`: what events change in a row;
    `clearing`: what, after those, they change or clear."""

    def __init__(
        self, connection: sqlite3.Connection, name: str, changing: Sequence[str], clearing: Sequence[str] = ()
    ) -> None:
        columns = [column for _, column, *_ in connection.execute(f"PRAGMA table_info({name})")]
        self._connection = connection
        marks = ", ".join("?" * len(columns))
        self._insert = f"INSERT OR REPLACE INTO {name} VALUES ({marks})"
        sets = [f"{column} = coalesce(?, {column})" for column in changing]
        sets += [f"{column} = nullif(coalesce(?, {column}), '{CLEARED}')" for column in clearing]
        self._update = f"UPDATE {name} SET {', '.join(sets)} WHERE {columns[0]} = ?"
        self._changing = [columns.index(column) for column in (*changing, *clearing)]
        self._clearing = {columns.index(column) for column in clearing}
        self._rows: dict[int, list[Value]] = {}
        self._changes: dict[int, list[Value]] = {}

    def add(self, row: list[Value], key: int) -> None:
        """A new row, in the order of the columns in schema.sql."""
        self._rows[key] = row

    def change(self, key: int, *values: Value) -> None:
        """New values of the changing and clearing columns, in their order; None leaves one as it is."""
        row = self._rows.get(key)
        if row is not None:
            for index, value in zip(self._changing, values, strict=True):
                if value is not None:
                    row[index] = None if value == CLEARED and index in self._clearing else value
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


class Links:
    """The pending rows of a table that is all primary key; a row that is there already stays."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        marks = ", ".join("?" for _ in connection.execute(f"PRAGMA table_info({name})"))
        self._connection = connection
        self._insert = f"INSERT OR IGNORE INTO {name} VALUES ({marks})"
        self.rows: list[tuple[Value, ...]] = []

    def write(self) -> None:
        """Write what is pending."""
        if self.rows:
            self._connection.executemany(self._insert, self.rows)

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self.rows.clear()
