"""What the gateway must know of a batch operation to offer it: a new operation needs nothing else here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct


class NoParameters(Struct, frozen=True, kw_only=True):
    """Parameters of an operation that has none."""


def as_given(parameters: Struct) -> Struct:
    """What clients give is kept."""
    return parameters


def check_nothing(parameters: Struct) -> Sequence[str]:  # noqa: ARG001 (a check of parameters)
    """No problems."""
    return ()


def check_no_filter(text: str) -> Sequence[str]:  # noqa: ARG001 (a check of filters)
    """No filter contradicts it."""
    return ()


def facts_of_none(parameters: Struct) -> str:  # noqa: ARG001 (a choice by parameters)
    """Nothing is looked up."""
    return ""


def encode_nothing(parameters: Struct) -> bytes:  # noqa: ARG001 (an encoder of parameters)
    """The bytes of no parameters."""
    return b""


class OperationDescription(Struct, frozen=True, kw_only=True):
    """One batch operation type. The request body is `filter`, `operationReference` and the fields of `parameters`."""

    name: str
    #: below /v2
    path: str
    summary: str = ""
    #: of BATCH: to create one of this type, and no other
    permission: str
    #: what a filter selects
    entity: str = "PROCESS_INSTANCE"
    #: what an item is, where that is something else, and what is forced on the matches of a filter
    item_entity: str = "PROCESS_INSTANCE"
    states: tuple[str, ...] = ()
    roots_only: bool = False
    #: whether no item can be of what has ended
    only_running: bool = True
    #: what clients give: a Struct whose fields become properties of the body, in camelCase
    parameters: type[Struct] = NoParameters
    #: What is kept on the log, of what clients gave; `check` and `encode` are about that
    read: Callable[[Any], Struct] = as_given
    #: What can be refused before the log, as texts
    check: Callable[[Any], Sequence[str]] = check_nothing
    encode: Callable[[Any], bytes] = encode_nothing
    #: Which values of variables must be looked up of items that have ended, as `Search.facts` has it; empty for nothing
    facts: Callable[[Any], str] = facts_of_none
    #: What of the JSON text of a filter contradicts this type, as texts
    contradictions: Callable[[str], Sequence[str]] = check_no_filter


CANCEL_PROCESS_INSTANCE = OperationDescription(
    name="CANCEL_PROCESS_INSTANCE",
    path="/process-instances/cancellation",
    summary="Cancel the process instances that a filter selects",
    permission="CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE",
)
RESOLVE_INCIDENT = OperationDescription(
    name="RESOLVE_INCIDENT",
    path="/process-instances/incident-resolution",
    summary="Resolve the incidents of the process instances that a filter selects",
    permission="CREATE_BATCH_OPERATION_RESOLVE_INCIDENT",
)
