"""Users, groups, members and authorizations; see `fields` for what the words mean.

Rule: what is INTERNAL, the hashes of passwords above all, is for the gateway itself: no route shows it.
"""

from __future__ import annotations

from .enums import OWNER_TYPES
from .fields import ENUM, KEY, STRING, STRINGS, Entity, Field, filter_only, shown_only


def _source(kind: str) -> str:
    return f"(SELECT * FROM identities WHERE kind = '{kind}') n"


_IDENTITY = ("n.key",)
_USERNAME = Field("username", STRING, "n.owner_id")
_NAME = Field("name", STRING, "n.name", nullable=True)

USER = Entity(
    "USER",
    _source("USER"),
    _IDENTITY,
    (_USERNAME, _NAME, Field("email", STRING, "n.email", nullable=True)),
    alternatives=True,
)

GROUP = Entity(
    "GROUP",
    _source("GROUP"),
    _IDENTITY,
    (Field("groupId", STRING, "n.owner_id"), _NAME, shown_only("description", STRING, "n.description")),
    alternatives=True,
)

_GROUP_ID = filter_only("groupId", STRING, "n.group_id")
GROUP_USER = Entity("GROUP_USER", _source("GROUP_USER"), _IDENTITY, (_USERNAME, _GROUP_ID))
GROUP_CLIENT = Entity(
    "GROUP_CLIENT", _source("GROUP_CLIENT"), _IDENTITY, (Field("clientId", STRING, "n.owner_id"), _GROUP_ID)
)

AUTHORIZATION = Entity(
    "AUTHORIZATION",
    _source("AUTHORIZATION"),
    _IDENTITY,
    (
        Field("authorizationKey", KEY, "n.key", sorts=False),
        Field("ownerType", ENUM, "n.owner_type", OWNER_TYPES),
        Field("ownerId", STRING, "n.owner_id"),
        Field("resourceType", STRING, "n.resource_type"),
        Field("resourceId", STRING, "n.resource_id"),
        Field("resourceIds", STRING, "n.resource_id", sorts=False, shown=False, only="$in"),
        Field("resourcePropertyName", STRING, "NULL", filters=False, nullable=True),
        Field("resourcePropertyNames", STRING, "NULL", sorts=False, shown=False, nullable=True, only="$in"),
        shown_only("permissionTypes", STRINGS, "n.permission_types"),
    ),
)

IDENTITIES = (USER, GROUP, GROUP_USER, GROUP_CLIENT, AUTHORIZATION)

_MEMBERSHIP = (filter_only("memberId", STRING, "n.owner_id"), shown_only("groupId", STRING, "n.group_id"))
INTERNAL = {
    entity.name: entity
    for entity in (
        Entity(
            "CREDENTIALS",
            _source("USER"),
            _IDENTITY,
            (_USERNAME, shown_only("passwordHash", STRING, "n.password_hash")),
        ),
        Entity("GROUPS_OF_USER", _source("GROUP_USER"), _IDENTITY, _MEMBERSHIP),
        Entity("GROUPS_OF_CLIENT", _source("GROUP_CLIENT"), _IDENTITY, _MEMBERSHIP),
    )
}
