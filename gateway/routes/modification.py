"""One process instance changed by hand: tokens activated, moved and terminated."""

from __future__ import annotations

from typing import ClassVar, Literal

from litestar.response.base import ASGIResponse

from engine.core.record import DEFAULT_TENANT, NONE
from engine.records import ProcessInstanceModification
from engine.records.process_instance_modification import (
    ActivateInstruction,
    MoveInstruction,
    TerminateInstruction,
    VariableInstruction,
)
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, Key, Name, OperationReference, parse_key
from gateway.gateway import Gateway, path_key
from gateway.problems import bad_request
from gateway.responses import no_content

from .queries import PREFIX
from .route import Route


class VariablesBody(Body, frozen=True, kw_only=True):
    """Variables, and the element in whose instance they are set; the process instance if none is named."""

    variables: Document
    scope_id: str | None = None


class ActivateBody(Body, frozen=True, kw_only=True):
    """Where a token begins: before an element, behind one, or over a sequence flow."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("element_id", "after_element_id", "sequence_flow_id")

    element_id: Name | None = None
    after_element_id: Name | None = None
    sequence_flow_id: Name | None = None
    ancestor_element_instance_key: str | None = None
    variable_instructions: list[VariablesBody] | None = None


class SourceBody(Body, frozen=True, kw_only=True):
    """What is moved: all active instances of an element, or one element instance."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("source_element_id", "source_element_instance_key")

    source_type: Literal["byId", "byKey"] | None = None
    source_element_id: Name | None = None
    source_element_instance_key: Key | None = None


class AncestorBody(Body, frozen=True, kw_only=True):
    """In which scope the target is activated."""

    ancestor_scope_type: Literal["direct", "inferred", "sourceParent"]
    ancestor_element_instance_key: str | None = None


class MoveBody(Body, frozen=True, kw_only=True):
    """What is moved, and where to."""

    source_element_instruction: SourceBody
    target_element_id: Name
    ancestor_scope_instruction: AncestorBody | None = None
    variable_instructions: list[VariablesBody] | None = None


class TerminateBody(Body, frozen=True, kw_only=True):
    """What is terminated: all active instances of an element, or one element instance."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("element_id", "element_instance_key")

    element_id: Name | None = None
    element_instance_key: Key | None = None


class ModificationBody(Body, frozen=True, kw_only=True):
    """What is done, all of it or nothing."""

    at_least_one_of: ClassVar[tuple[str, ...]] = (
        "activate_instructions",
        "move_instructions",
        "terminate_instructions",
    )

    operation_reference: OperationReference | None = None
    activate_instructions: list[ActivateBody] | None = None
    move_instructions: list[MoveBody] | None = None
    terminate_instructions: list[TerminateBody] | None = None


def _variables(given: list[VariablesBody] | None) -> tuple[VariableInstruction, ...]:
    return tuple(VariableInstruction(variables=each.variables, scope_id=each.scope_id or "") for each in given or ())


def _ancestor(text: str | None) -> int:
    """-1 and nothing are the one active scope of the target. Raises Problem 400."""
    if text in (None, "", "-1"):
        return NONE
    try:
        return parse_key(text)
    except ValueError as error:
        raise bad_request([f"ancestorElementInstanceKey: {error}"]) from None


def _activate(body: ActivateBody) -> ActivateInstruction:
    return ActivateInstruction(
        element_id=body.element_id or "",
        after_element_id=body.after_element_id or "",
        sequence_flow_id=body.sequence_flow_id or "",
        ancestor_element_instance_key=_ancestor(body.ancestor_element_instance_key),
        variable_instructions=_variables(body.variable_instructions),
    )


def _move(body: MoveBody) -> MoveInstruction:
    source, ancestor = body.source_element_instruction, body.ancestor_scope_instruction
    return MoveInstruction(
        source_element_id=source.source_element_id or "",
        source_element_instance_key=int(source.source_element_instance_key or NONE),
        target_element_id=body.target_element_id,
        ancestor_scope_type=ancestor.ancestor_scope_type if ancestor else "",
        ancestor_element_instance_key=_ancestor(ancestor.ancestor_element_instance_key) if ancestor else NONE,
        variable_instructions=_variables(body.variable_instructions),
    )


def _terminate(body: TerminateBody) -> TerminateInstruction:
    return TerminateInstruction(
        element_id=body.element_id or "", element_instance_key=int(body.element_instance_key or NONE)
    )


async def modify_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Activate, move and terminate tokens of an instance."""
    key = path_key(request)
    body = await gateway.bodies.read(request, ModificationBody)
    wish = ProcessInstanceModification(
        activate_instructions=tuple(map(_activate, body.activate_instructions or ())),
        move_instructions=tuple(map(_move, body.move_instructions or ())),
        terminate_instructions=tuple(map(_terminate, body.terminate_instructions or ())),
        process_instance_key=key,
        tenant_id=DEFAULT_TENANT,
    )
    reference = body.operation_reference
    await gateway.change(request, key, "PROCESS_INSTANCE_MODIFICATION", "MODIFY", wish, operation_reference=reference)
    return no_content()


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/process-instances/{{key:str}}/modification",
        summary="Modify a process instance",
        handle=modify_process_instance,
        body=ModificationBody,
        status=204,
    ),
)
