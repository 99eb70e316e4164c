"""Authorization: who asks, and one hook that is called for every creation, query and item.

Rule: the hook sees claims and gives claims, so that a later one can check tokens and narrow what a caller sees.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

#: What a request wants: to create something, to search, or to see or change one thing.
CREATE = "CREATE"
QUERY = "QUERY"
ITEM = "ITEM"


class Claims(Struct, frozen=True, kw_only=True):
    """Who asks. `text` goes to the log with every command; the actor is shown with batch operations."""

    text: str = "anonymous"
    actor_type: str = "ANONYMOUS"
    actor_id: str = ""


ANONYMOUS = Claims()


class Authorizer(Protocol):
    """Decides whether a caller may do something."""

    def __call__(self, claims: Claims, action: str, entity: str) -> Claims:
        """The claims to go on with. `action` is CREATE, QUERY or ITEM, `entity` such as PROCESS_INSTANCE.

        Raises Reject with UNAUTHORIZED or FORBIDDEN.
        """


def allow_all(claims: Claims, action: str, entity: str) -> Claims:  # noqa: ARG001 (an Authorizer)
    """The authorizer that lets everybody do everything."""
    return claims
