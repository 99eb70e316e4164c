"""Who asks, and what he may read: the port that every request goes through, and what it is while authorization is off.

Rule: whether a command is allowed is decided by the machine, with the claims that the gateway gives it. Here it is
decided who the caller is and which documents he sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Protocol

from msgspec import Struct

from engine.core.principal import NOBODY, Principal

from .bodies import HttpRequest

#: Who sent the request that is being handled.
CALLER: ContextVar[Principal] = ContextVar("caller", default=NOBODY)

READ_INSTANCES = ("PROCESS_DEFINITION", ("READ_PROCESS_INSTANCE",))
READ_BATCHES = ("BATCH", ("READ",))
READ_DECISIONS = ("DECISION_DEFINITION", ("READ_DECISION_INSTANCE",))
READ_GROUPS = ("GROUP", ("READ",))

#: What is searched -> resource type, and the permissions of which one lets a caller see it.
READS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "PROCESS_DEFINITION": ("PROCESS_DEFINITION", ("READ_PROCESS_DEFINITION",)),
    "PROCESS_INSTANCE": READ_INSTANCES,
    "ELEMENT_INSTANCE": READ_INSTANCES,
    "VARIABLE": READ_INSTANCES,
    "VARIABLE_NAME": READ_INSTANCES,
    "JOB": READ_INSTANCES,
    "INCIDENT": READ_INSTANCES,
    "WAIT_STATE": READ_INSTANCES,
    "MESSAGE_SUBSCRIPTION": READ_INSTANCES,
    "CORRELATED_MESSAGE_SUBSCRIPTION": READ_INSTANCES,
    "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION": READ_INSTANCES,
    "PROCESS_INSTANCES_BY_PROCESS": READ_INSTANCES,
    "PROCESS_INSTANCES_BY_VERSION": READ_INSTANCES,
    "PROCESS_INSTANCES_BY_ERROR": READ_INSTANCES,
    "PROCESS_INSTANCES_BY_DEFINITION": READ_INSTANCES,
    "JOBS_IN_ALL": READ_INSTANCES,
    "JOBS_BY_TYPE": READ_INSTANCES,
    "JOBS_BY_WORKER": READ_INSTANCES,
    "JOBS_BY_TIME": READ_INSTANCES,
    "JOBS_BY_ERROR": READ_INSTANCES,
    "USER_TASK": ("PROCESS_DEFINITION", ("READ_PROCESS_INSTANCE", "READ_USER_TASK")),
    "DECISION_DEFINITION": ("DECISION_DEFINITION", ("READ_DECISION_DEFINITION",)),
    "DECISION_REQUIREMENTS": ("DECISION_REQUIREMENTS_DEFINITION", ("READ",)),
    "DECISION_INSTANCE": READ_DECISIONS,
    "DECISION_INSTANCE_DETAILS": READ_DECISIONS,
    "FORM": ("RESOURCE", ("READ",)),
    "RESOURCE": ("RESOURCE", ("READ",)),
    "BATCH_OPERATION": READ_BATCHES,
    "BATCH_OPERATION_ITEM": READ_BATCHES,
    "USER": ("USER", ("READ",)),
    "GROUP": READ_GROUPS,
    "GROUP_USER": READ_GROUPS,
    "GROUP_CLIENT": READ_GROUPS,
    "AUTHORIZATION": ("AUTHORIZATION", ("READ",)),
}
#: To have an expression evaluated.
EVALUATE = ("EXPRESSION", ("EVALUATE",))

#: Ids of resources; None for all there are.
Resources = frozenset[str] | None


class Person(Struct, frozen=True, kw_only=True):
    """What is known of a caller."""

    name: str | None = None
    email: str | None = None
    groups: tuple[str, ...] = ()


class Access(Protocol):
    """Who callers are and what they may see."""

    #: Whether there is anything that a caller may not do.
    is_guarded: bool

    async def authenticate(self, request: HttpRequest) -> Principal:
        """Who sent this. Raises Problem 401, or 429 after too many failures."""

    async def resources(self, principal: Principal, resource_type: str, permissions: tuple[str, ...]) -> Resources:
        """The resources that he has one of these permissions for."""

    async def person(self, principal: Principal) -> Person:
        """What is known of him."""


class OpenAccess:
    """Everybody may do everything, and nobody is asked who he is."""

    is_guarded = False

    async def authenticate(self, request: HttpRequest) -> Principal:  # noqa: ARG002 (an Access)
        """Nobody in particular."""
        return NOBODY

    async def resources(
        self,
        principal: Principal,  # noqa: ARG002
        resource_type: str,  # noqa: ARG002
        permissions: tuple[str, ...],  # noqa: ARG002
    ) -> Resources:
        """All."""
        return None

    async def person(self, principal: Principal) -> Person:  # noqa: ARG002 (an Access)
        """Nothing."""
        return Person()
