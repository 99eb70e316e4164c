"""Users, groups and what they are authorized to, as one partition of the model knows it.

Source: docs/authorization.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.core.principal import Principal

EVERYTHING = "*"
#: What belongs to no process -> the resource type, and the permission to read it.
ALL_OR_NONE = {
    "DECISION_INSTANCE": ("DECISION_DEFINITION", "READ_DECISION_INSTANCE"),
    "BATCH_OPERATION": ("BATCH", "READ"),
}
#: Ids of resources; None for all there are.
Resources = frozenset[str] | None


class Grant(NamedTuple):
    """An authorization."""

    key: int
    permissions: tuple[str, ...]


@dataclass(slots=True)
class Rights:
    """See the module's docstring."""

    #: name, or id -> key
    users: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    #: (group, type of the member, its id) -> key
    members: dict[tuple[str, str, str], int] = field(default_factory=dict)
    #: (type of the owner, its id, type of the resource, its id) -> what is granted
    grants: dict[tuple[str, str, str, str], Grant] = field(default_factory=dict)

    def owners(self, who: Principal) -> Iterator[tuple[str, str]]:
        """Whose authorizations somebody has: his own and those of his groups. Nobody has none."""
        if who.id:
            yield who.type, who.id
            yield from (("GROUP", group) for group, *member in self.members if member == [who.type, who.id])

    def of(self, who: Principal, resource_type: str, permissions: Collection[str]) -> Resources:
        """The resources that somebody has one of these permissions for."""
        owners = set(self.owners(who))
        found = {
            id_
            for (*owner, kind, id_), grant in self.grants.items()
            if tuple(owner) in owners and kind == resource_type and not set(permissions).isdisjoint(grant.permissions)
        }
        return None if EVERYTHING in found else frozenset(found)


class Reading:
    """What somebody could read at some time, and all the time, since this began."""

    def __init__(self, who: Principal, entity: str = "PROCESS_INSTANCE") -> None:
        """`entity`: what is looked for."""
        self._who = who
        self._all_or_none = ALL_OR_NONE.get(entity)
        self._seen: list[Resources] = []

    def look(self, rights: Rights, *, is_enabled: bool) -> None:
        """What it is now."""
        now = self._now(rights) if is_enabled else None
        if now not in self._seen:
            self._seen.append(now)

    def _now(self, rights: Rights) -> Resources:
        """What belongs to no process is read all or none."""
        if self._all_or_none is None:
            return rights.of(self._who, "PROCESS_DEFINITION", ("READ_PROCESS_INSTANCE",))
        resource_type, permission = self._all_or_none
        found = rights.of(self._who, resource_type, (permission,))
        return None if found is None else frozenset()

    def ever(self, process_id: str) -> bool:
        return any(ids is None or process_id in ids for ids in self._seen)

    def always(self, process_id: str) -> bool:
        return all(ids is None or process_id in ids for ids in self._seen)

    @property
    def always_all(self) -> bool:
        """Whether there was nothing that he could not read."""
        return all(ids is None for ids in self._seen)
