"""Commands about users, groups and authorizations: decided on partition 1, and then the same on the others.

Source: docs/authorization.md, "Users, groups, authorizations". No user of the simulation comes near a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.core.faults import ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND
from engine.core.record import Record
from engine.identity.permissions import PERMISSIONS
from engine.records import Authorization, Group, User

from .rights import Grant
from .world import Refused, Rule, World

LEAD = 1
NAME = re.compile(r"[A-Za-z0-9_~@.+-]{1,256}")
TEXT_LENGTH_MAX = 256
OWNERS, MEMBERS = ("USER", "CLIENT", "GROUP"), ("USER", "CLIENT")


def everywhere(check: Callable[[World, Any, int], int | None], happen: Callable[[World, Any, int], None]) -> Rule:
    """A command that partition 1 checks; `check` gives the key of what it is about, None for something new."""

    def rule(world: World, command: Record) -> None:
        key = command.key
        if command.step.sender_partition == 0:
            if world.partition != LEAD:
                raise Refused(INVALID_ARGUMENT)
            known = check(world, command.value, key)
            key = new_key(world, command.value_type) if known is None else known
            for partition in world.others:
                world.expect_sent(partition)
        happen(world, command.value, key)

    return rule


def new_key(world: World, value_type: str) -> int:
    """Of what the step makes, as the log says."""
    found = [record.key for record in world.step.events if record.value_type == value_type]
    if not found:
        world.differ(f"something new of {value_type} should be there")
    return found[-1] if found else world.history.born(value_type)


def insist(*, holds: bool, code: str = INVALID_ARGUMENT) -> None:
    if not holds:
        raise Refused(code)


def are_short(*texts: str) -> bool:
    return all(len(text) <= TEXT_LENGTH_MAX for text in texts)


# users


def check_new_user(world: World, wish: User, _key: int) -> None:
    insist(holds=bool(NAME.fullmatch(wish.username)) and are_short(wish.name, wish.email))
    insist(holds=wish.password_hash.startswith("$argon2"))
    insist(holds=wish.username not in world.rights.users, code=ALREADY_EXISTS)


def check_user(world: World, wish: User, _key: int) -> int:
    insist(holds=wish.username in world.rights.users, code=NOT_FOUND)
    insist(holds=are_short(wish.name, wish.email))
    return world.rights.users[wish.username]


def write_user(intent: str) -> Callable[[World, User, int], None]:
    def write(world: World, wish: User, key: int) -> None:
        world.rights.users[wish.username] = key
        world.expect("USER", intent, key, username=wish.username)

    return write


def delete_user(world: World, wish: User, key: int) -> None:
    world.rights.users.pop(wish.username, None)
    for group, *member in list(world.rights.members):
        if member == ["USER", wish.username]:
            leave(world, group, "USER", wish.username)
    revoke(world, "USER", wish.username)
    world.expect("USER", "DELETED", key, username=wish.username)


# groups


def check_new_group(world: World, wish: Group, _key: int) -> None:
    insist(holds=bool(NAME.fullmatch(wish.group_id)) and are_short(wish.name, wish.description))
    insist(holds=wish.group_id not in world.rights.groups, code=ALREADY_EXISTS)


def check_group(world: World, wish: Group, _key: int) -> int:
    insist(holds=wish.group_id in world.rights.groups, code=NOT_FOUND)
    insist(holds=are_short(wish.name, wish.description))
    return world.rights.groups[wish.group_id]


def check_new_member(world: World, wish: Group, _key: int) -> None:
    insist(holds=bool(NAME.fullmatch(wish.member_id)) and wish.member_type in MEMBERS)
    insist(holds=wish.group_id in world.rights.groups, code=NOT_FOUND)
    member = (wish.group_id, wish.member_type, wish.member_id)
    insist(holds=member not in world.rights.members, code=ALREADY_EXISTS)


def check_member(world: World, wish: Group, _key: int) -> int:
    member = (wish.group_id, wish.member_type, wish.member_id)
    insist(holds=member in world.rights.members, code=NOT_FOUND)
    return world.rights.members[member]


def write_group(intent: str) -> Callable[[World, Group, int], None]:
    def write(world: World, wish: Group, key: int) -> None:
        world.rights.groups[wish.group_id] = key
        expect_group(world, intent, key, wish.group_id, wish.member_type, wish.member_id)

    return write


def delete_group(world: World, wish: Group, key: int) -> None:
    world.rights.groups.pop(wish.group_id, None)
    for group, type_, id_ in list(world.rights.members):
        if group == wish.group_id:
            leave(world, group, type_, id_)
    revoke(world, "GROUP", wish.group_id)
    expect_group(world, "DELETED", key, wish.group_id)


def add(world: World, wish: Group, key: int) -> None:
    world.rights.members[wish.group_id, wish.member_type, wish.member_id] = key
    expect_group(world, "MEMBER_ADDED", key, wish.group_id, wish.member_type, wish.member_id)


def remove(world: World, wish: Group, _key: int) -> None:
    leave(world, wish.group_id, wish.member_type, wish.member_id)


def leave(world: World, group: str, member_type: str, member_id: str) -> None:
    key = world.rights.members.pop((group, member_type, member_id))
    expect_group(world, "MEMBER_REMOVED", key, group, member_type, member_id)


def expect_group(world: World, intent: str, key: int, group: str, member_type: str = "", member_id: str = "") -> None:
    world.expect("GROUP", intent, key, group_id=group, member_type=member_type, member_id=member_id)


# authorizations


def check_grant(world: World, wish: Authorization, own: int | None = None) -> None:
    known = PERMISSIONS.get(wish.resource_type, ())
    insist(holds=bool(NAME.fullmatch(wish.owner_id)) and wish.owner_type in OWNERS)
    insist(holds=0 < len(wish.resource_id) <= TEXT_LENGTH_MAX)
    insist(holds=bool(wish.permission_types) and set(wish.permission_types) <= set(known))
    insist(holds=wish.owner_type != "GROUP" or wish.owner_id in world.rights.groups, code=NOT_FOUND)
    there = world.rights.grants.get(place_of(wish))
    insist(holds=there is None or there.key == own, code=ALREADY_EXISTS)


def check_new_grant(world: World, wish: Authorization, _key: int) -> None:
    check_grant(world, wish)


def check_other_grant(world: World, wish: Authorization, key: int) -> int:
    insist(holds=place_by_key(world, key) is not None, code=NOT_FOUND)
    check_grant(world, wish, key)
    return key


def check_known_grant(world: World, _wish: Authorization, key: int) -> int:
    insist(holds=place_by_key(world, key) is not None, code=NOT_FOUND)
    return key


def place_of(wish: Authorization) -> tuple[str, str, str, str]:
    return wish.owner_type, wish.owner_id, wish.resource_type, wish.resource_id


def place_by_key(world: World, key: int) -> tuple[str, str, str, str] | None:
    return next((place for place, grant in world.rights.grants.items() if grant.key == key), None)


def write_grant(intent: str) -> Callable[[World, Authorization, int], None]:
    def write(world: World, wish: Authorization, key: int) -> None:
        before = place_by_key(world, key)
        if before is not None:
            del world.rights.grants[before]
        grant = world.rights.grants[place_of(wish)] = Grant(key, tuple(sorted(set(wish.permission_types))))
        expect_grant(world, intent, place_of(wish), grant)

    return write


def delete_grant(world: World, _wish: Authorization, key: int) -> None:
    place = place_by_key(world, key)
    if place is not None:
        expect_grant(world, "DELETED", place, world.rights.grants.pop(place))


def revoke(world: World, owner_type: str, owner_id: str) -> None:
    """Whoever is deleted is authorized to nothing."""
    for place in [place for place in world.rights.grants if place[:2] == (owner_type, owner_id)]:
        expect_grant(world, "DELETED", place, world.rights.grants.pop(place))


def expect_grant(world: World, intent: str, place: tuple[str, str, str, str], grant: Grant) -> None:
    names = ("owner_type", "owner_id", "resource_type", "resource_id")
    told = dict(zip(names, place, strict=True))
    world.expect("AUTHORIZATION", intent, grant.key, **told, permission_types=grant.permissions)


RULES: dict[tuple[str, str], Rule] = {
    ("USER", "CREATE"): everywhere(check_new_user, write_user("CREATED")),
    ("USER", "UPDATE"): everywhere(check_user, write_user("UPDATED")),
    ("USER", "DELETE"): everywhere(check_user, delete_user),
    ("GROUP", "CREATE"): everywhere(check_new_group, write_group("CREATED")),
    ("GROUP", "UPDATE"): everywhere(check_group, write_group("UPDATED")),
    ("GROUP", "DELETE"): everywhere(check_group, delete_group),
    ("GROUP", "ADD_MEMBER"): everywhere(check_new_member, add),
    ("GROUP", "REMOVE_MEMBER"): everywhere(check_member, remove),
    ("AUTHORIZATION", "CREATE"): everywhere(check_new_grant, write_grant("CREATED")),
    ("AUTHORIZATION", "UPDATE"): everywhere(check_other_grant, write_grant("UPDATED")),
    ("AUTHORIZATION", "DELETE"): everywhere(check_known_grant, delete_grant),
}
