"""Restart process instances that have ended."""

from __future__ import annotations

from msgspec import Struct, structs

from engine.batch.operation import FINISHED, Item, Operation, Selects
from engine.core.faults import EXCEEDED_LIMIT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.ports import INITIAL_VARIABLES, LAST_VARIABLES
from engine.core.state import View
from engine.process.creation import INSTRUCTIONS_MAX, create_instance
from engine.process.execution import Deciding
from engine.process.history import check_kept
from engine.process.modification_plan import place_problems
from engine.records import ProcessInstanceCreation
from engine.records.process_instance_creation import StartInstruction
from engine.records.process_instance_modification import ActivateInstruction


class Start(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where a token begins: before an element, behind one, or over a sequence flow (Camunda 7's kinds)."""

    element_id: str = ""
    after_element_id: str = ""
    sequence_flow_id: str = ""


class Body(Struct, frozen=True, kw_only=True):
    """What clients give. `initial_variables`: with the values that it began with, not with the last ones."""

    start_instructions: tuple[Start, ...] = ()
    initial_variables: bool = False
    without_business_id: bool = False


class Parameters(Struct, frozen=True, kw_only=True):
    """As in a PROCESS_INSTANCE_CREATION; kept once, with the batch operation."""

    start_instructions: tuple[StartInstruction, ...] = ()
    initial_variables: bool = False
    without_business_id: bool = False


def read(body: Body) -> Parameters:
    return Parameters(
        start_instructions=tuple(StartInstruction(**structs.asdict(start)) for start in body.start_instructions),
        initial_variables=body.initial_variables,
        without_business_id=body.without_business_id,
    )


def check(parameters: Parameters) -> list[str]:
    count = len(parameters.start_instructions)
    if count > INSTRUCTIONS_MAX:
        return [f"startInstructions: expected at most {INSTRUCTIONS_MAX}, got {count}; give fewer"]
    return [
        problem
        for number, start in enumerate(parameters.start_instructions)
        for problem in place_problems(
            f"startInstructions[{number}]", ActivateInstruction(**structs.asdict(start)), None
        )
    ]


def variables(parameters: Parameters) -> str:
    """Which values of variables the new instance begins with."""
    return INITIAL_VARIABLES if parameters.initial_variables else LAST_VARIABLES


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Start a new instance of the same definition with what the old one had. The old one stays as it is.

    A large one goes on to begin in later steps, as one that is created; what is done at once has to be one step.
    """
    facts = item.facts
    check_kept(view, item.key)
    if facts is None or not facts.state:
        raise Reject(NOT_FOUND, f"expected a process instance, got {item.key}, of which nothing is known; check it")
    if facts.state not in FINISHED:
        raise Reject(
            INVALID_STATE, f"expected {item.key} to have ended when it was looked up, but it ran; select it again"
        )
    if facts.variables_size and not facts.variables:
        expected = f"expected the variables of {item.key} to fit one command"
        raise Reject(EXCEEDED_LIMIT, f"{expected}, got {facts.variables_size} characters; start it anew by hand")
    has_begun = yield from create_instance(
        view,
        ProcessInstanceCreation(
            process_definition_key=facts.process_definition_key,
            variables=facts.variables,
            start_instructions=parameters.start_instructions,
            tags=facts.tags,
            business_id="" if parameters.without_business_id else facts.business_id,
            restarted_process_instance_key=item.key,
        ),
    )
    return has_begun or item.awaited


OPERATION = Operation(
    name="RESTART_PROCESS_INSTANCE",
    path="/process-instances/restart",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", expects=("COMPLETED", "TERMINATED")),
    decide=decide,
    body=Body,
    read=read,
    permission="CREATE_PROCESS_INSTANCE",
    variables=variables,
    starts_instances=True,
)
