"""Authorizations: what an owner (user, client or group) may do to a resource. One for each owner and resource.

Users and clients need not be known here: they may come from an identity provider. Groups must be.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.core.effects import Effects, Event
from engine.core.faults import ALREADY_EXISTS, EXCEEDED_LIMIT, NOT_FOUND, Reject
from engine.core.record import Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records.authorization import VALUE_TYPE, Authorization

from .distribution import TEXT_LENGTH_MAX, on_all_partitions, one_event, problems_of_name, refuse
from .permissions import PERMISSIONS
from .tables import AUTHORIZATIONS, AUTHORIZATIONS_MAX, GRANTS, GROUP_OWNER, GROUPS, OWNER_TYPES, GrantRow


def _check_create(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Authorization, command.value)
    _check(wish, view)
    _refuse_another(wish, None, view)
    _refuse_one_more(wish, view)
    return view.next_key(), _normal(wish)


def _check_update(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Authorization, command.value)
    row = _find(view, command.key)
    _check(wish, view)
    _refuse_another(wish, command.key, view)
    if (wish.owner_type, wish.owner_id) != (row.owner_type, row.owner_id):
        _refuse_one_more(wish, view)
    return command.key, _normal(wish)


def _check_delete(command: Record, view: View) -> tuple[int, Struct]:
    return command.key, _value(_find(view, command.key))


def _check(wish: Authorization, view: View) -> None:
    problems = problems_of_name("ownerId", wish.owner_id)
    if wish.owner_type not in OWNER_TYPES:
        problems.append(f"ownerType: expected one of {', '.join(OWNER_TYPES)}, got '{wish.owner_type[:40]}'")
    if not 0 < len(wish.resource_id) <= TEXT_LENGTH_MAX:
        problems.append(f"resourceId: expected 1 to {TEXT_LENGTH_MAX} characters, or * for all")
    known = PERMISSIONS.get(wish.resource_type)
    if known is None:
        problems.append(f"resourceType: expected one of {', '.join(PERMISSIONS)}, got '{wish.resource_type[:40]}'")
    else:
        unknown = sorted(set(wish.permission_types) - set(known))
        if unknown or not wish.permission_types:
            got = ", ".join(unknown)[:TEXT_LENGTH_MAX] or "none"
            problems.append(f"permissionTypes: expected some of {', '.join(known)}, got {got}")
    refuse(problems)
    if wish.owner_type == GROUP_OWNER and view.get(GROUPS, wish.owner_id) is None:
        raise Reject(NOT_FOUND, f"expected the id of a group as owner, got '{wish.owner_id}'; create the group first")


def _refuse_another(wish: Authorization, key: int | None, view: View) -> None:
    there = view.get(GRANTS, wish.owner_type, wish.owner_id, wish.resource_type, wish.resource_id)
    if there is not None and there.key != key:
        what = f"{wish.owner_type} '{wish.owner_id}' for {wish.resource_type} '{wish.resource_id}'"
        raise Reject(ALREADY_EXISTS, f"expected no authorization yet of {what}, got {there.key}; update that")


def _refuse_one_more(wish: Authorization, view: View) -> None:
    if len(view.scan(GRANTS, wish.owner_type, wish.owner_id, limit=AUTHORIZATIONS_MAX)) == AUTHORIZATIONS_MAX:
        text = f"expected at most {AUTHORIZATIONS_MAX} authorizations of an owner, got one more"
        raise Reject(EXCEEDED_LIMIT, f"{text}; authorize groups, or * instead of single resources")


def _normal(wish: Authorization) -> Authorization:
    return Authorization(
        owner_type=wish.owner_type,
        owner_id=wish.owner_id,
        resource_type=wish.resource_type,
        resource_id=wish.resource_id,
        permission_types=tuple(sorted(set(wish.permission_types))),
    )


def _find(view: View, key: int) -> GrantRow:
    row = view.get(AUTHORIZATIONS, key) if key >= 0 else None
    if row is None:
        raise Reject(NOT_FOUND, f"expected the key of an authorization, got {key}; check it")
    return row


def _value(row: GrantRow) -> Authorization:
    return Authorization(
        owner_type=row.owner_type,
        owner_id=row.owner_id,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        permission_types=row.permission_types,
    )


def revoke_all(view: View, owner_type: str, owner_id: str) -> Effects:
    """Who is deleted is authorized to nothing any more."""
    for _, row in view.scan(GRANTS, owner_type, owner_id):
        yield Event(value_type=VALUE_TYPE, intent="DELETED", key=row.key, value=_value(row))


def _apply_written(fact: Fact, state: State) -> None:
    value = cast(Authorization, fact.value)
    before = state.get(AUTHORIZATIONS, fact.key)
    if before is not None:
        state.delete(GRANTS, before.owner_type, before.owner_id, before.resource_type, before.resource_id)
    row = GrantRow(
        key=fact.key,
        owner_type=value.owner_type,
        owner_id=value.owner_id,
        resource_type=value.resource_type,
        resource_id=value.resource_id,
        permission_types=value.permission_types,
    )
    state.put(AUTHORIZATIONS, fact.key, value=row)
    state.put(GRANTS, value.owner_type, value.owner_id, value.resource_type, value.resource_id, value=row)


def _apply_deleted(fact: Fact, state: State) -> None:
    value = cast(Authorization, fact.value)
    state.delete(AUTHORIZATIONS, fact.key)
    state.delete(GRANTS, value.owner_type, value.owner_id, value.resource_type, value.resource_id)


PART = Part(
    processors={
        (VALUE_TYPE, "CREATE"): on_all_partitions(_check_create, one_event(VALUE_TYPE, "CREATED")),
        (VALUE_TYPE, "UPDATE"): on_all_partitions(_check_update, one_event(VALUE_TYPE, "UPDATED")),
        (VALUE_TYPE, "DELETE"): on_all_partitions(_check_delete, one_event(VALUE_TYPE, "DELETED")),
    },
    appliers={
        (VALUE_TYPE, "CREATED"): _apply_written,
        (VALUE_TYPE, "UPDATED"): _apply_written,
        (VALUE_TYPE, "DELETED"): _apply_deleted,
    },
    tables=table_values(GRANTS, AUTHORIZATIONS),
)
