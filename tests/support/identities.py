"""Users, groups and authorizations in scenarios: commands as the gateway and the engine send them."""

from __future__ import annotations

import msgspec

from engine.core.record import Record
from engine.records import Authorization, Group, User

from .scenario import Moment, Scenario, make

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"
ON = {"authorization_enabled": True}


def by(record: Record, claims: str) -> Record:
    """The command as somebody sends it."""
    return msgspec.structs.replace(record, step=msgspec.structs.replace(record.step, claims=claims))


def user(intent: str, username: str, *, name: str = "", email: str = "", password_hash: str = HASH) -> Record:
    value = User(username=username, name=name, email=email, password_hash=password_hash)
    return make("USER", intent, value, request="gateway/1")


def group(intent: str, group_id: str, *, name: str = "", description: str = "") -> Record:
    return make("GROUP", intent, Group(group_id=group_id, name=name, description=description), request="gateway/2")


def member(intent: str, group_id: str, member_id: str, member_type: str = "USER") -> Record:
    value = Group(group_id=group_id, member_type=member_type, member_id=member_id)
    return make("GROUP", intent, value, request="gateway/3")


def authorization(
    owner: str, resource_type: str, *permissions: str, resource_id: str = "*", intent: str = "CREATE", key: int = -1
) -> Record:
    """`owner` as in claims: `user:NAME`, `client:ID`, `group:ID`."""
    owner_type, _, owner_id = owner.partition(":")
    value = Authorization(
        owner_type=owner_type.upper(),
        owner_id=owner_id,
        resource_type=resource_type,
        resource_id=resource_id,
        permission_types=permissions,
    )
    return make("AUTHORIZATION", intent, value, key, request="gateway/4")


def grant(s: Scenario, owner: str, resource_type: str, *permissions: str, resource_id: str = "*") -> int:
    """The engine itself authorizes somebody; gives the key."""
    wish = authorization(owner, resource_type, *permissions, resource_id=resource_id)
    moment = s.when_internal(wish).accepted()
    return moment.all("AUTHORIZATION", "CREATED")[0].key


def revoke(s: Scenario, key: int) -> Moment:
    """The engine itself takes an authorization back."""
    return s.when_internal(make("AUTHORIZATION", "DELETE", Authorization(), key)).accepted()
