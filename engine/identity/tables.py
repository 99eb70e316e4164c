"""The tables of users, groups and authorizations. Every partition holds all of them, under the same keys."""

from __future__ import annotations

from msgspec import Struct

from engine.core.state import Table

GROUP_OWNER = "GROUP"
#: Owners of authorizations, and what of them may be member of a group.
OWNER_TYPES = ("USER", "CLIENT", GROUP_OWNER)
MEMBER_TYPES = ("USER", "CLIENT")

#: Authorizations of one owner, groups of one member, members of one group: what a deletion ends in one step.
AUTHORIZATIONS_MAX = 200
GROUPS_MAX = 50
MEMBERS_MAX = 500


class UserRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A user who may log in with a password."""

    key: int
    name: str
    email: str
    password_hash: str


class GroupRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A group."""

    key: int
    name: str
    description: str


class MemberRow(Struct, frozen=True, kw_only=True, array_like=True):
    """That somebody is in a group."""

    key: int
    group_id: str
    member_type: str
    member_id: str


class GrantRow(Struct, frozen=True, kw_only=True, array_like=True):
    """An authorization."""

    key: int
    owner_type: str
    owner_id: str
    resource_type: str
    resource_id: str
    permission_types: tuple[str, ...]


#: (user name,)
USERS = Table(125, "USERS", UserRow)
#: (group id,)
GROUPS = Table(126, "GROUPS", GroupRow)
#: (group id, member type, member id)
MEMBERS = Table(127, "MEMBERS", MemberRow)
#: (member type, member id, group id)
MEMBERSHIPS = Table(128, "MEMBERSHIPS", MemberRow)
#: (owner type, owner id, resource type, resource id)
GRANTS = Table(129, "GRANTS", GrantRow)
#: (authorization key,)
AUTHORIZATIONS = Table(130, "AUTHORIZATIONS", GrantRow)
