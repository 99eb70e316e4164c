"""Groups, and who is in them. Their members have what the group is authorized to.

Members need not be known here: users and clients may come from an identity provider.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.core.effects import Effects, Event
from engine.core.faults import ALREADY_EXISTS, EXCEEDED_LIMIT, NOT_FOUND, Reject
from engine.core.record import Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records.group import VALUE_TYPE, Group

from .authorizations import revoke_all
from .distribution import on_all_partitions, one_event, problems_of_name, problems_of_texts, refuse
from .tables import (
    GROUP_OWNER,
    GROUPS,
    GROUPS_MAX,
    MEMBER_TYPES,
    MEMBERS,
    MEMBERS_MAX,
    MEMBERSHIPS,
    GroupRow,
    MemberRow,
)


def _check_create(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Group, command.value)
    refuse(problems_of_name("groupId", wish.group_id) + _problems_of_texts(wish))
    if view.get(GROUPS, wish.group_id) is not None:
        raise Reject(ALREADY_EXISTS, f"expected a new group id, got '{wish.group_id}', which there is; choose another")
    return view.next_key(), wish


def _check_update(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Group, command.value)
    row = _find(view, wish.group_id)
    refuse(_problems_of_texts(wish))
    return row.key, wish


def _check_delete(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Group, command.value)
    row = _find(view, wish.group_id)
    return row.key, Group(group_id=wish.group_id, name=row.name, description=row.description)


def _check_add(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Group, command.value)
    problems = problems_of_name("memberId", wish.member_id)
    if wish.member_type not in MEMBER_TYPES:
        problems.append(f"memberType: expected one of {', '.join(MEMBER_TYPES)}, got '{wish.member_type[:40]}'")
    refuse(problems)
    _find(view, wish.group_id)
    if view.get(MEMBERS, wish.group_id, wish.member_type, wish.member_id) is not None:
        raise Reject(ALREADY_EXISTS, f"expected a new member of group '{wish.group_id}', got one that is in it already")
    if len(view.scan(MEMBERS, wish.group_id, limit=MEMBERS_MAX)) == MEMBERS_MAX:
        raise Reject(EXCEEDED_LIMIT, f"expected at most {MEMBERS_MAX} members of a group, got one more; make another")
    if len(view.scan(MEMBERSHIPS, wish.member_type, wish.member_id, limit=GROUPS_MAX)) == GROUPS_MAX:
        raise Reject(EXCEEDED_LIMIT, f"expected at most {GROUPS_MAX} groups of a member, got one more; leave another")
    return view.next_key(), _of_member(wish)


def _check_remove(command: Record, view: View) -> tuple[int, Struct]:
    wish = cast(Group, command.value)
    row = view.get(MEMBERS, wish.group_id, wish.member_type, wish.member_id)
    if row is None:
        raise Reject(NOT_FOUND, f"expected a member of group '{wish.group_id}', got one that is not in it; check it")
    return row.key, _of_member(wish)


def _problems_of_texts(wish: Group) -> list[str]:
    return problems_of_texts(name=wish.name, description=wish.description)


def _of_member(wish: Group | MemberRow) -> Group:
    return Group(group_id=wish.group_id, member_type=wish.member_type, member_id=wish.member_id)


def _find(view: View, group_id: str) -> GroupRow:
    row = view.get(GROUPS, group_id)
    if row is None:
        raise Reject(NOT_FOUND, f"expected the id of a group, got '{group_id}'; check it")
    return row


def _delete(key: int, value: Struct, view: View, answers: bool) -> Effects:
    group_id = cast(Group, value).group_id
    for _, row in view.scan(MEMBERS, group_id):
        yield _removed(row)
    yield from revoke_all(view, GROUP_OWNER, group_id)
    yield Event(value_type=VALUE_TYPE, intent="DELETED", key=key, value=value, answers=answers)


def leave_all(view: View, member_type: str, member_id: str) -> Effects:
    """Who is deleted is in no group any more."""
    for _, row in view.scan(MEMBERSHIPS, member_type, member_id):
        yield _removed(row)


def _removed(row: MemberRow) -> Event:
    return Event(value_type=VALUE_TYPE, intent="MEMBER_REMOVED", key=row.key, value=_of_member(row))


def _apply_written(fact: Fact, state: State) -> None:
    value = cast(Group, fact.value)
    state.put(GROUPS, value.group_id, value=GroupRow(key=fact.key, name=value.name, description=value.description))


def _apply_deleted(fact: Fact, state: State) -> None:
    state.delete(GROUPS, cast(Group, fact.value).group_id)


def _apply_added(fact: Fact, state: State) -> None:
    value = cast(Group, fact.value)
    member = (value.member_type, value.member_id)
    row = MemberRow(key=fact.key, group_id=value.group_id, member_type=value.member_type, member_id=value.member_id)
    state.put(MEMBERS, value.group_id, *member, value=row)
    state.put(MEMBERSHIPS, *member, value.group_id, value=row)


def _apply_removed(fact: Fact, state: State) -> None:
    value = cast(Group, fact.value)
    member = (value.member_type, value.member_id)
    state.delete(MEMBERS, value.group_id, *member)
    state.delete(MEMBERSHIPS, *member, value.group_id)


PART = Part(
    processors={
        (VALUE_TYPE, "CREATE"): on_all_partitions(_check_create, one_event(VALUE_TYPE, "CREATED")),
        (VALUE_TYPE, "UPDATE"): on_all_partitions(_check_update, one_event(VALUE_TYPE, "UPDATED")),
        (VALUE_TYPE, "DELETE"): on_all_partitions(_check_delete, _delete),
        (VALUE_TYPE, "ADD_MEMBER"): on_all_partitions(_check_add, one_event(VALUE_TYPE, "MEMBER_ADDED")),
        (VALUE_TYPE, "REMOVE_MEMBER"): on_all_partitions(_check_remove, one_event(VALUE_TYPE, "MEMBER_REMOVED")),
    },
    appliers={
        (VALUE_TYPE, "CREATED"): _apply_written,
        (VALUE_TYPE, "UPDATED"): _apply_written,
        (VALUE_TYPE, "DELETED"): _apply_deleted,
        (VALUE_TYPE, "MEMBER_ADDED"): _apply_added,
        (VALUE_TYPE, "MEMBER_REMOVED"): _apply_removed,
    },
    tables=table_values(GROUPS, MEMBERS, MEMBERSHIPS),
)
