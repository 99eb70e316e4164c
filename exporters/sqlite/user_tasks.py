"""User tasks: which record changes which row.

Rule: ASSIGNED and UPDATED carry the whole task as it is after them; an empty text or list is none.
"""

from __future__ import annotations

import sqlite3

import msgspec

from engine.core.record import Record
from engine.records.user_task import UserTask
from exporters.facts import date_given, key_given

from .counts import Counts
from .projection import Handlers
from .tables import CLEARED, Links, Table, Value

CHANGING = (
    "state",
    "completion_date",
    "candidate_groups",
    "candidate_users",
    "priority",
    "definition_key",
    "element_id",
)
CLEARING = ("assignee", "follow_up_date", "due_date")


class UserTasks:
    """Projects user tasks; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tasks = Table(connection, "user_tasks", CHANGING, CLEARING)
        self._candidates = Links(connection, "candidates")
        #: Tasks whose candidates are others now.
        self._changed: set[int] = set()
        self._counts = Counts(connection)

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {
            ("USER_TASK", "CREATED"): self._created,
            ("USER_TASK", "ASSIGNED"): self._updated,
            ("USER_TASK", "UPDATED"): self._updated,
            ("USER_TASK", "MIGRATED"): self._migrated,
            ("USER_TASK", "COMPLETED"): self._ended,
            ("USER_TASK", "CANCELED"): self._ended,
        }

    def write(self, partition: int) -> None:
        """Write what is pending."""
        self._tasks.write()
        changed = [(key,) for key in self._changed]
        self._connection.executemany("DELETE FROM candidates WHERE user_task_key = ?", changed)
        self._candidates.write()
        self._counts.write(partition)

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._tasks.clear()
        self._candidates.clear()
        self._changed.clear()
        self._counts.clear()

    def _created(self, record: Record, value: UserTask) -> None:
        key = record.key
        people = (value.assignee or None, _json(value.candidate_groups), _json(value.candidate_users))
        dates = (record.step.timestamp, None, date_given(value.follow_up_date), date_given(value.due_date))
        row: list[Value] = [key, "CREATED", value.name or None, *people, *dates]
        row += [value.priority, value.external_form_reference or None, key_given(value.form_key), value.custom_headers]
        row += [value.process_instance_key, value.process_definition_key, value.element_id, value.element_instance_key]
        self._tasks.add([*row, value.root_process_instance_key], key)
        self._candidates.rows += _candidates(key, value)
        self._counts.add("user_tasks.CREATED")

    def _updated(self, record: Record, value: UserTask) -> None:
        key = record.key
        dates = (_or_cleared(date_given(value.follow_up_date)), _or_cleared(date_given(value.due_date)))
        candidates = (_json(value.candidate_groups), _json(value.candidate_users))
        self._tasks.change(key, None, None, *candidates, value.priority, None, None, value.assignee or CLEARED, *dates)
        self._changed.add(key)
        self._candidates.rows = [row for row in self._candidates.rows if row[0] != key]
        self._candidates.rows += _candidates(key, value)

    def _ended(self, record: Record, _: UserTask) -> None:
        kept = (None,) * 8
        self._tasks.change(record.key, record.intent, record.step.timestamp, *kept)

    def _migrated(self, record: Record, value: UserTask) -> None:
        moved = (value.process_definition_key, value.element_id)
        self._tasks.change(record.key, None, None, None, None, None, *moved, None, None, None)


def _candidates(key: int, value: UserTask) -> list[tuple[Value, ...]]:
    kinds = (("GROUP", value.candidate_groups), ("USER", value.candidate_users))
    return [(key, kind, name) for kind, names in kinds for name in names]


def _json(texts: tuple[str, ...]) -> str:
    return msgspec.json.encode(texts).decode()


def _or_cleared(date: int | None) -> int | str:
    return CLEARED if date is None else date
