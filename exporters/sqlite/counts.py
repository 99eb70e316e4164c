"""Counts that screens show of everything: kept while exporting, so that nobody counts millions of rows.

Rule: one row a partition, so that partitions change no row of each other and their order does not matter.
"""

from __future__ import annotations

import sqlite3

#: The element id under which process instances are counted.
INSTANCES = ""

#: Where a state is counted, and what it takes from the active ones.
ELEMENT_CHANGES = {"ACTIVE": (1, 0, 0), "COMPLETED": (-1, 1, 0), "TERMINATED": (-1, 0, 1)}

ADD_COUNT = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
ADD_ELEMENTS = """
INSERT INTO element_counts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET active = active + excluded.active, completed = completed + excluded.completed,
    terminated = terminated + excluded.terminated
"""


class Counts:
    """What one transaction adds to the counts; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._named: dict[str, int] = {}
        self._elements: dict[tuple[int, str, str], int] = {}

    def add(self, name: str, change: int = 1) -> None:
        """Count something of the status page."""
        self._named[name] = self._named.get(name, 0) + change

    def element(self, definition_key: int, element_id: str, state: str) -> None:
        """An element instance (or process instance: INSTANCES) is in this state now."""
        place = (definition_key, element_id, state)
        self._elements[place] = self._elements.get(place, 0) + 1

    def write(self, partition: int) -> None:
        """Write what is pending."""
        self._connection.executemany(ADD_COUNT, [(partition, name, change) for name, change in self._named.items()])
        rows = [
            (definition, element, partition, *(number * change for change in ELEMENT_CHANGES[state]))
            for (definition, element, state), number in self._elements.items()
        ]
        self._connection.executemany(ADD_ELEMENTS, rows)

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._named.clear()
        self._elements.clear()
