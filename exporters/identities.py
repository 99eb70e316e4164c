"""Users, groups, members and authorizations as every store keeps them: one kind of row, told apart by `kind`.

A row is written whole by each record about it, so nothing is read back; what was deleted keeps its key alone. Every
partition has the same records: those of one stand for all. Source: Camunda 8 REST API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.record import Record
from engine.records.authorization import Authorization
from engine.records.group import Group
from engine.records.user import User

#: The partition whose records are shown.
PARTITION_SHOWN = 1

USER = "USER"
GROUP = "GROUP"
GROUP_USER = "GROUP_USER"
GROUP_CLIENT = "GROUP_CLIENT"
AUTHORIZATION = "AUTHORIZATION"
DELETED = "DELETED"


class IdentityRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields in the order of the columns of `identities`. `owner_id`: name of a user, id of a client or a group.

    `permission_types`: JSON text.
    """

    key: int
    kind: str
    owner_type: str | None = None
    owner_id: str | None = None
    name: str | None = None
    email: str | None = None
    description: str | None = None
    password_hash: str | None = None
    group_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    permission_types: str | None = None


def user_row(record: Record, value: User) -> IdentityRow:
    """The row of a user."""
    return IdentityRow(
        key=record.key,
        kind=USER,
        owner_id=value.username,
        name=value.name or None,
        email=value.email or None,
        password_hash=value.password_hash,
    )


def group_row(record: Record, value: Group) -> IdentityRow:
    """The row of a group."""
    return IdentityRow(
        key=record.key,
        kind=GROUP,
        owner_id=value.group_id,
        name=value.name or None,
        description=value.description or None,
    )


def member_row(record: Record, value: Group) -> IdentityRow:
    """The row of somebody who is in a group."""
    kind = GROUP_USER if value.member_type == "USER" else GROUP_CLIENT
    return IdentityRow(key=record.key, kind=kind, owner_id=value.member_id, group_id=value.group_id)


def authorization_row(record: Record, value: Authorization) -> IdentityRow:
    """The row of an authorization."""
    return IdentityRow(
        key=record.key,
        kind=AUTHORIZATION,
        owner_type=value.owner_type,
        owner_id=value.owner_id,
        resource_type=value.resource_type,
        resource_id=value.resource_id,
        permission_types=msgspec.json.encode(value.permission_types).decode(),
    )


def deleted_row(record: Record, _: Struct) -> IdentityRow:
    """What is left of what there was."""
    return IdentityRow(key=record.key, kind=DELETED)


#: (value type, intent) -> the row that such a record writes
ROWS: Mapping[tuple[str, str], Callable[[Record, Any], IdentityRow]] = {
    ("USER", "CREATED"): user_row,
    ("USER", "UPDATED"): user_row,
    ("USER", "DELETED"): deleted_row,
    ("GROUP", "CREATED"): group_row,
    ("GROUP", "UPDATED"): group_row,
    ("GROUP", "DELETED"): deleted_row,
    ("GROUP", "MEMBER_ADDED"): member_row,
    ("GROUP", "MEMBER_REMOVED"): deleted_row,
    ("AUTHORIZATION", "CREATED"): authorization_row,
    ("AUTHORIZATION", "UPDATED"): authorization_row,
    ("AUTHORIZATION", "DELETED"): deleted_row,
}
