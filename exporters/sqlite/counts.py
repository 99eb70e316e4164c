"""Counts that screens show of everything: kept while exporting, so that nobody counts millions of rows.

Rule: one row a partition, so that partitions change no row of each other and their order does not matter.
"""

from __future__ import annotations

import sqlite3

#: The element id under which process instances are counted.
INSTANCES = ""

#: Where a state is counted, and what it takes from the active ones.
#: Where a state is counted no more when what was in it is deleted.
ELEMENT_LOSSES = {"ACTIVE": (-1, 0, 0), "COMPLETED": (0, -1, 0), "TERMINATED": (0, 0, -1)}
ELEMENT_CHANGES = {"ACTIVE": (1, 0, 0), "COMPLETED": (-1, 1, 0), "TERMINATED": (-1, 0, 1), "MIGRATED": (-1, 0, 0)}

ADD_COUNT = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
ADD_ELEMENTS = """
INSERT INTO element_counts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET active = active + excluded.active, completed = completed + excluded.completed,
    terminated = terminated + excluded.terminated
"""
ADD_NAMES = "INSERT INTO variable_names VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number"
DELETE_NAMES = "DELETE FROM variable_names WHERE definition_key = ? AND name = ? AND number = 0"


class Counts:
    """What one transaction adds to the counts; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._named: dict[str, int] = {}
        self._elements: dict[tuple[int, str, tuple[int, int, int]], int] = {}
        self._names: dict[tuple[int, str], int] = {}

    def add(self, name: str, change: int = 1) -> None:
        """Count something of the status page."""
        self._named[name] = self._named.get(name, 0) + change

    def element(self, definition_key: int, element_id: str, state: str) -> None:
        """An element instance (or process instance: INSTANCES) is in this state now."""
        place = (definition_key, element_id, ELEMENT_CHANGES[state])
        self._elements[place] = self._elements.get(place, 0) + 1

    def lose_elements(self, definition_key: int, element_id: str, state: str, number: int) -> None:
        """So many element instances (or process instances: INSTANCES) in this state are deleted."""
        place = (definition_key, element_id, ELEMENT_LOSSES[state])
        self._elements[place] = self._elements.get(place, 0) + number

    def variable(self, definition_key: int, name: str, change: int = 1) -> None:
        """Instances of a definition have so many variables of this name more."""
        place = (definition_key, name)
        self._names[place] = self._names.get(place, 0) + change

    def move(self, source: tuple[int, str], target: tuple[int, str]) -> None:
        """What is active at one definition and element goes on at another."""
        self.element(*source, "MIGRATED")
        self.element(*target, "ACTIVE")

    def write(self, partition: int) -> None:
        """Write what is pending."""
        self._connection.executemany(ADD_COUNT, [(partition, name, change) for name, change in self._named.items()])
        rows = [
            (definition, element, partition, *(number * change for change in changes))
            for (definition, element, changes), number in self._elements.items()
        ]
        self._connection.executemany(ADD_ELEMENTS, rows)
        self._connection.executemany(ADD_NAMES, [(*place, change) for place, change in self._names.items()])
        self._connection.executemany(DELETE_NAMES, [place for place, change in self._names.items() if change < 0])

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._named.clear()
        self._elements.clear()
        self._names.clear()
