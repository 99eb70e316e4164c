"""The attributes of a user task: evaluated from the model, or given by a command, and what is wrong with them.

Source: Camunda 8 "User tasks"; names of changed attributes as Zeebe writes them.
"""

from __future__ import annotations

from msgspec import Struct

from engine.bpmn.dates import read_date_time
from engine.bpmn.feel import EvaluationFailure, Expression, Value, brief
from engine.bpmn.model import UserTask as UserTaskDefinition
from engine.records import UserTask

from ..tables import UserTaskRow
from ..variables import Scope
from .job_task import read_number

PRIORITY_DEFAULT = 50
PRIORITY_MAX = 100

#: Bytes that the texts of a task may take together: every event of the task repeats them.
ATTRIBUTES_SIZE_MAX = 1_048_576

#: name in `changed_attributes` -> field of the record
CHANGEABLE = {
    "candidateGroupsList": "candidate_groups",
    "candidateUsersList": "candidate_users",
    "dueDate": "due_date",
    "followUpDate": "follow_up_date",
    "priority": "priority",
}
DATES = ("due_date", "follow_up_date")


class Attributes(Struct, frozen=True, kw_only=True):
    """What a model may say about a user task, evaluated."""

    assignee: str
    candidate_groups: tuple[str, ...]
    candidate_users: tuple[str, ...]
    due_date: str
    follow_up_date: str
    priority: int
    external_form_reference: str


def evaluate_attributes(task: UserTaskDefinition, scope: Scope) -> Attributes:
    """Raises EvaluationFailure with what is wrong."""
    attributes = Attributes(
        assignee=evaluate_text(task.assignee, scope),
        candidate_groups=_texts(task.candidate_groups, scope),
        candidate_users=_texts(task.candidate_users, scope),
        due_date=_date(task.due_date, scope),
        follow_up_date=_date(task.follow_up_date, scope),
        priority=_priority(task.priority, scope),
        external_form_reference=evaluate_text(task.external_form_reference, scope),
    )
    size = size_of(attributes)
    if size > ATTRIBUTES_SIZE_MAX:
        raise EvaluationFailure(f"expected attributes of at most {ATTRIBUTES_SIZE_MAX} bytes together, got {size}")
    return attributes


def size_of(attributes: Attributes | UserTaskRow) -> int:
    """Bytes of the texts among the attributes."""
    size = 0
    for name in Attributes.__struct_fields__:
        value = getattr(attributes, name)
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        size += sum(len(text.encode()) for text in texts)
    return size


def read_changes(wish: UserTask) -> tuple[dict[str, object], list[str]]:
    """Field -> value that an UPDATE gives, dates in their one form, and all that is wrong with it."""
    problems = [
        f"expected to change {', '.join(CHANGEABLE)}, got '{name[:40]}'; leave it out"
        for name in wish.changed_attributes
        if name not in CHANGEABLE
    ]
    changes: dict[str, object] = {}
    for name, field in CHANGEABLE.items():
        if name not in wish.changed_attributes:
            continue
        value = changes[field] = getattr(wish, field)
        if field in DATES and value:
            changes[field] = read_date_time(value)
            if changes[field] is None:
                problems.append(f"expected {name} to be a date and time with an offset, got '{value[:40]}'; correct it")
        elif field == "priority" and not 0 <= value <= PRIORITY_MAX:
            problems.append(f"expected a priority from 0 to {PRIORITY_MAX}, got {value}; correct it")
    return changes, problems


def _refused(expression: Expression, expected: str, value: Value) -> EvaluationFailure:
    return EvaluationFailure(f"expected '{expression.text}' to be {expected}, got {brief(value)}")


def evaluate_text(expression: Expression | None, scope: Scope) -> str:
    """Empty if there is no expression. Raises EvaluationFailure."""
    if expression is None:
        return ""
    value = expression.evaluate(scope)
    if not isinstance(value, str):
        raise _refused(expression, "a string", value)
    return value


def _texts(expression: Expression | None, scope: Scope) -> tuple[str, ...]:
    """A list of strings. A model's names with commas in between have become one when it was parsed."""
    if expression is None:
        return ()
    value = expression.evaluate(scope)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise _refused(expression, "a list of strings", value)
    return tuple(str(name) for name in value)


def _date(expression: Expression | None, scope: Scope) -> str:
    """Null and an empty string are no date."""
    value = expression.evaluate(scope) if expression is not None else None
    if expression is None or value is None or value == "":
        return ""
    date = read_date_time(value) if isinstance(value, str) else None
    if date is None:
        raise _refused(expression, "a date and time with an offset or zone", value)
    return date


def _priority(expression: Expression | None, scope: Scope) -> int:
    if expression is None:
        return PRIORITY_DEFAULT
    value = read_number(expression.evaluate(scope))
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= PRIORITY_MAX:
        raise _refused(expression, f"a number from 0 to {PRIORITY_MAX}", value)
    return value
