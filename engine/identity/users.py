"""Users who log in with a password. The gateway hashes it: nothing here ever sees one.

Deleting a user ends his memberships and authorizations, so whoever gets his name later has none of them.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct, structs

from engine.core.effects import Effects, Event
from engine.core.faults import ALREADY_EXISTS, NOT_FOUND, Reject
from engine.core.record import Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records.user import VALUE_TYPE, User

from .authorizations import revoke_all
from .distribution import TEXT_LENGTH_MAX, on_all_partitions, one_event, problems_of_name, problems_of_texts, refuse
from .groups import leave_all
from .tables import USERS, UserRow

#: How a hash begins that tells its algorithm, parameters and salt.
HASH_PREFIX = "$argon2"


def _check_create(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(User, command.value)
    problems = problems_of_name("username", wish.username) + problems_of_texts(name=wish.name, email=wish.email)
    refuse(problems + _problems_of_hash(wish.password_hash))
    if view.get(USERS, wish.username) is not None:
        raise Reject(ALREADY_EXISTS, f"expected a new user name, got '{wish.username}', which there is; choose another")
    return view.next_key(), wish


def _check_update(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(User, command.value)
    row = _find(view, wish.username)
    problems = problems_of_texts(name=wish.name, email=wish.email)
    refuse(problems + (_problems_of_hash(wish.password_hash) if wish.password_hash else []))
    return row.key, structs.replace(wish, password_hash=wish.password_hash or row.password_hash)


def _check_delete(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(User, command.value)
    row = _find(view, wish.username)
    return row.key, User(username=wish.username, name=row.name, email=row.email)


def _problems_of_hash(password_hash: str) -> list[str]:
    if password_hash.startswith(HASH_PREFIX) and len(password_hash) <= TEXT_LENGTH_MAX:
        return []
    return ["passwordHash: expected an Argon2 hash, got something else (which is not repeated here)"]


def _find(view: View, username: str) -> UserRow:
    row = view.get(USERS, username)
    if row is None:
        raise Reject(NOT_FOUND, f"expected the name of a user, got '{username}'; check it")
    return row


def _delete(key: int, value: Struct, view: View, answers: bool) -> Effects:
    username = cast(User, value).username
    yield from leave_all(view, "USER", username)
    yield from revoke_all(view, "USER", username)
    yield Event(value_type=VALUE_TYPE, intent="DELETED", key=key, value=value, answers=answers)


def _apply_written(fact: Fact, state: State) -> None:
    value = cast(User, fact.value)
    row = UserRow(key=fact.key, name=value.name, email=value.email, password_hash=value.password_hash)
    state.put(USERS, value.username, value=row)


def _apply_deleted(fact: Fact, state: State) -> None:
    state.delete(USERS, cast(User, fact.value).username)


PART = Part(
    processors={
        (VALUE_TYPE, "CREATE"): on_all_partitions(_check_create, one_event(VALUE_TYPE, "CREATED")),
        (VALUE_TYPE, "UPDATE"): on_all_partitions(_check_update, one_event(VALUE_TYPE, "UPDATED")),
        (VALUE_TYPE, "DELETE"): on_all_partitions(_check_delete, _delete),
    },
    appliers={
        (VALUE_TYPE, "CREATED"): _apply_written,
        (VALUE_TYPE, "UPDATED"): _apply_written,
        (VALUE_TYPE, "DELETED"): _apply_deleted,
    },
    tables=table_values(USERS),
)
