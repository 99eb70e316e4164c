"""What a principal may do: his own authorizations and those of his groups, as this partition holds them now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from engine.core.faults import FORBIDDEN, Reject
from engine.core.principal import Principal
from engine.core.state import View

from .permissions import EVERYTHING
from .tables import GRANTS, GROUP_OWNER, MEMBERSHIPS

#: `find()` gives the id of the resource that is asked about, None for one that nobody knows.
Find = Callable[[], "str | None"]


def owners_of(view: View, principal: Principal) -> Iterator[tuple[str, str]]:
    """Type and id of all whose authorizations the principal has; nobody in particular has none."""
    if principal.id:
        yield principal.type, principal.id
        for _, row in view.scan(MEMBERSHIPS, principal.type, principal.id):
            yield GROUP_OWNER, row.group_id


def resources_of(
    view: View, principal: Principal, resource_type: str, permissions: Collection[str]
) -> frozenset[str] | None:
    """Ids of the resources that the principal has one of these permissions for; None for all there are."""
    found: set[str] = set()
    owners = list(owners_of(view, principal))
    for owner in owners:
        row = view.get(GRANTS, *owner, resource_type, EVERYTHING)
        if row is not None and not set(permissions).isdisjoint(row.permission_types):
            return None
    for owner in owners:
        rows = (row for _, row in view.scan(GRANTS, *owner, resource_type))
        found |= {row.resource_id for row in rows if not set(permissions).isdisjoint(row.permission_types)}
    return frozenset(found)


def require(
    view: View,
    principal: Principal,
    resource_type: str,
    permissions: Collection[str],
    find: Find | None,
    *,
    passes_unknown: bool = True,
) -> None:
    """Raises Reject FORBIDDEN, which names the last of the permissions, unless the principal has one of them.

    Who has none for any resource is refused before it is looked for. Without `find`, it takes one for all of them.
    `passes_unknown`: who has one for some resource learns that what he asks about is not there.
    """
    allowed = resources_of(view, principal, resource_type, permissions)
    if allowed is None:
        return
    if allowed and find is not None:
        resource = find()
        if resource in allowed or (resource is None and passes_unknown):
            return
    name = f"{principal.type.lower()} '{principal.id}'" if principal.id else "a caller who is not known"
    wanted = list(permissions)[-1]
    raise Reject(
        FORBIDDEN,
        f"expected permission {wanted} on {resource_type}, got none that lets {name} do this; have it authorized",
    )
