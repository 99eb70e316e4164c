"""What secondary storage says about callers: hashes of passwords, groups and authorizations. Nothing is decided here.

It lags behind the log by as much as every search does; what was found is used for `REMEMBERED_SECONDS`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine.core.ports import Clock
from engine.core.principal import USER, Principal
from exporters.search.store import SearchStore

from .access import Person, Resources

EVERYTHING = "*"
REMEMBERED_SECONDS = 1.0
REMEMBERED_MAX = 1_000
PAGE_SIZE = 1_000


class Rights(Struct, frozen=True):
    """Groups of a caller; resource type and permission -> ids of the resources that he has it for."""

    groups: tuple[str, ...]
    granted: Mapping[tuple[str, str], frozenset[str]]


class Directory:
    """Looks callers up."""

    def __init__(self, search: SearchStore, clock: Clock) -> None:
        self._search = search
        self._clock = clock
        self._remembered: OrderedDict[Principal, tuple[float, Rights]] = OrderedDict()

    async def password_hash(self, username: str) -> str | None:
        """The hash of a user's password; None for a user who is not known."""
        found = await self._all("CREDENTIALS", {"username": username})
        return str(found[0]["passwordHash"]) if found else None

    async def person(self, principal: Principal) -> Person:
        """What is known of a caller."""
        groups = (await self.rights(principal)).groups
        found = await self._all("USER", {"username": principal.id}) if principal.type == USER else []
        known = found[0] if found else {}
        return Person(name=known.get("name"), email=known.get("email"), groups=groups)

    async def resources(self, principal: Principal, resource_type: str, permissions: tuple[str, ...]) -> Resources:
        """As `Access.resources`."""
        granted = (await self.rights(principal)).granted
        ids = frozenset[str]().union(*(granted.get((resource_type, name), frozenset()) for name in permissions))
        return None if EVERYTHING in ids else ids

    async def rights(self, principal: Principal) -> Rights:
        """Those of a caller and of his groups; nobody in particular has none."""
        if not principal.id:
            return Rights((), {})
        now = self._clock.monotonic()
        until, rights = self._remembered.get(principal, (0.0, None))
        if rights is None or until <= now:
            rights = await self._look_up(principal)
            self._remembered[principal] = (now + REMEMBERED_SECONDS, rights)
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return rights

    async def _look_up(self, principal: Principal) -> Rights:
        found = await self._all(f"GROUPS_OF_{principal.type}", {"memberId": principal.id})
        groups = tuple(sorted(str(each["groupId"]) for each in found))
        owners = {(principal.type, principal.id), *(("GROUP", group) for group in groups)}
        granted: dict[tuple[str, str], set[str]] = {}
        for each in await self._all("AUTHORIZATION", {"ownerId": {"$in": sorted({id_ for _, id_ in owners})}}):
            if (each["ownerType"], each["ownerId"]) in owners:
                for permission in each["permissionTypes"]:
                    granted.setdefault((each["resourceType"], permission), set()).add(each["resourceId"])
        return Rights(groups, {name: frozenset(ids) for name, ids in granted.items()})

    async def _all(self, entity: str, wanted: Mapping[str, object]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        page: dict[str, object] = {"limit": PAGE_SIZE}
        while True:
            found = await self._search.search(entity, {"filter": wanted, "page": page})
            items += found.items
            if len(found.items) < PAGE_SIZE or found.end_cursor is None:
                return items
            page["after"] = found.end_cursor
