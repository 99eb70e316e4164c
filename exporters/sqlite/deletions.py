"""Deleted history: rows of process instances that have ended, and of decision evaluations, go with all that they had.

Rule: written after everything else of a transaction, for nothing is told of what was deleted afterwards. Items of batch
operations stay: they belong to the batch operation.
"""

from __future__ import annotations

import sqlite3

import msgspec

from engine.core.record import Record
from engine.records.history_deletion import HistoryDeletion

from .counts import INSTANCES, Counts
from .projection import MULTI_INSTANCE_BODY, Handlers

#: The keys that a statement is about, as a JSON array.
KEYS = "(SELECT value FROM json_each(?))"
#: Tables of what belongs to a process instance.
OWNED = (
    "sequence_flows",
    "element_instances",
    "variables",
    "jobs",
    "incidents",
    "user_tasks",
    "decision_instances",
    "message_subscriptions",
    "message_correlations",
)
DELETE_INSTANCES = (
    f"""DELETE FROM tags WHERE (tag, process_instance_key) IN
        (SELECT t.value, p.key FROM process_instances p, json_each(p.tags) t WHERE p.key IN {KEYS})""",
    f"DELETE FROM candidates WHERE user_task_key IN (SELECT key FROM user_tasks WHERE process_instance_key IN {KEYS})",
    f"DELETE FROM initial_values WHERE key IN (SELECT key FROM variables WHERE process_instance_key IN {KEYS})",
    *(f"DELETE FROM {table} WHERE process_instance_key IN {KEYS}" for table in OWNED),
    f"DELETE FROM process_instances WHERE key IN {KEYS}",
)
DELETE_EVALUATIONS = f"DELETE FROM decision_instances WHERE evaluation_key IN {KEYS}"

COUNT_INSTANCES = f"""
SELECT definition_key, state, count(*) FROM process_instances WHERE key IN {KEYS} GROUP BY 1, 2
"""
COUNT_ELEMENTS = f"""
SELECT definition_key, element_id, state, count(*) FROM element_instances
WHERE process_instance_key IN {KEYS} AND type != '{MULTI_INSTANCE_BODY}' GROUP BY 1, 2, 3
"""
COUNT_VARIABLES = f"""
SELECT definition_key, name, count(*) FROM variables WHERE process_instance_key IN {KEYS} GROUP BY 1, 2
"""
COUNT_INCIDENTS = f"SELECT state, count(*) FROM incidents WHERE process_instance_key IN {KEYS} GROUP BY 1"
#: Counted when they are made, whatever becomes of them.
COUNT_CREATED = {
    f"{table}.CREATED": f"SELECT count(*) FROM {table} WHERE process_instance_key IN {KEYS}"
    for table in ("jobs", "user_tasks")
}


class Deletions:
    """What is to be deleted; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._instances: set[int] = set()
        self._evaluations: set[int] = set()
        self._counts = Counts(connection)

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {("HISTORY_DELETION", "DELETED"): self._deleted}

    def write(self, partition: int) -> None:
        """Delete what is pending; counts that are kept lose it."""
        if self._instances:
            keys = [msgspec.json.encode(sorted(self._instances)).decode()]
            self._count(keys)
            for statement in DELETE_INSTANCES:
                self._connection.execute(statement, keys)
            self._counts.write(partition)
        if self._evaluations:
            keys = [msgspec.json.encode(sorted(self._evaluations)).decode()]
            self._connection.execute(DELETE_EVALUATIONS, keys)

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._instances.clear()
        self._evaluations.clear()
        self._counts.clear()

    def _deleted(self, _: Record, value: HistoryDeletion) -> None:
        pending = self._instances if value.resource_type == "PROCESS_INSTANCE" else self._evaluations
        pending.add(value.resource_key)

    def _count(self, keys: list[str]) -> None:
        """What the counts lose."""
        counts, ask = self._counts, self._connection.execute
        for definition, state, number in ask(COUNT_INSTANCES, keys):
            counts.add(f"process_instances.{state}", -number)
            counts.lose_elements(definition, INSTANCES, state, number)
        for definition, element, state, number in ask(COUNT_ELEMENTS, keys):
            counts.lose_elements(definition, element, state, number)
        for definition, name, number in ask(COUNT_VARIABLES, keys):
            counts.variable(definition, name, -number)
        for state, number in ask(COUNT_INCIDENTS, keys):
            counts.add(f"incidents.{state}", -number)
        for name, statement in COUNT_CREATED.items():
            counts.add(name, -ask(statement, keys).fetchone()[0])
