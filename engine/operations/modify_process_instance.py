"""Modify process instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.modification_plan import DIRECT, SOURCE_PARENT, problems_of
from engine.process.modifications import modify_instance
from engine.records import ProcessInstanceModification
from engine.records.process_instance_modification import ActivateInstruction, MoveInstruction, TerminateInstruction


class Move(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Every active instance of the source ends, and the target is activated once for each of them.

    `ancestor_scope_type`: where; in the scope of the source (sourceParent, as in Camunda 8), in one of those around it
    (inferred), or in the one active scope of the target, which begins if there is none (direct).
    """

    source_element_id: str
    target_element_id: str
    ancestor_scope_type: str = SOURCE_PARENT


class Activate(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where a token begins: before an element, behind one, or over a sequence flow (Camunda 7's kinds)."""

    element_id: str = ""
    after_element_id: str = ""
    sequence_flow_id: str = ""


class Terminate(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Every active instance of an element ends."""

    element_id: str


class Body(Struct, frozen=True, kw_only=True):
    """What clients give."""

    move_instructions: tuple[Move, ...] = ()
    activate_instructions: tuple[Activate, ...] = ()
    terminate_instructions: tuple[Terminate, ...] = ()


class Parameters(Struct, frozen=True, kw_only=True):
    """As in a PROCESS_INSTANCE_MODIFICATION; kept once, with the batch operation."""

    activate_instructions: tuple[ActivateInstruction, ...] = ()
    move_instructions: tuple[MoveInstruction, ...] = ()
    terminate_instructions: tuple[TerminateInstruction, ...] = ()


def read(body: Body) -> Parameters:
    return Parameters(
        activate_instructions=tuple(
            ActivateInstruction(
                element_id=each.element_id,
                after_element_id=each.after_element_id,
                sequence_flow_id=each.sequence_flow_id,
            )
            for each in body.activate_instructions
        ),
        move_instructions=tuple(
            MoveInstruction(
                source_element_id=each.source_element_id,
                target_element_id=each.target_element_id,
                ancestor_scope_type=each.ancestor_scope_type or DIRECT,
            )
            for each in body.move_instructions
        ),
        terminate_instructions=tuple(
            TerminateInstruction(element_id=each.element_id) for each in body.terminate_instructions
        ),
    )


def check(parameters: Parameters) -> list[str]:
    return list(problems_of(_wish(parameters), None))


def _wish(parameters: Parameters) -> ProcessInstanceModification:
    return ProcessInstanceModification(
        activate_instructions=parameters.activate_instructions,
        move_instructions=parameters.move_instructions,
        terminate_instructions=parameters.terminate_instructions,
    )


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """End, move and begin tokens of one instance; a large one goes on over several steps."""
    return (yield from modify_instance(view, item.key, _wish(parameters), at_end=item.at_end))


OPERATION = Operation(
    name="MODIFY_PROCESS_INSTANCE",
    path="/process-instances/modification",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE",)),
    decide=decide,
    permission="MODIFY_PROCESS_INSTANCE",
    body=Body,
    read=read,
)
