"""What a person or a worker wants to happen in an ad-hoc sub-process: begin elements, or complete it.

A person sends a command (AD_HOC_SUB_PROCESS_INSTRUCTION ACTIVATE); a worker says it with the completion of its job.
Rule: all that is wrong is told at once, and before anything happens.
Sources: Camunda 8 REST API, "Activate activities within an ad-hoc sub-process" and "Complete job"; Zeebe's records.
"""

from __future__ import annotations

from typing import cast

import msgspec
from msgspec import Struct, structs

from engine.bpmn.model import AD_HOC_SUB_PROCESS
from engine.core.effects import Effects
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.head import apply_nothing
from engine.core.record import Record
from engine.core.registry import Fact, Part
from engine.core.state import State, View
from engine.records import AdHocSubProcessInstruction

from . import work as kinds
from .ad_hoc import (
    INSTRUCTION,
    NO_VARIABLES,
    Activation,
    ad_hoc_of,
    begin_work,
    end_remaining,
    instruction,
    problems_of,
)
from .execution import Execution, open_execution
from .held import refuse_suspended
from .lifecycle import run
from .tables import ACTIVATED, ELEMENT_INSTANCES, ElementInstance
from .variables import merge_local, parse_document
from .work import Work


class ElementToActivate(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """As the API has it."""

    element_id: str = ""
    variables: dict[str, msgspec.Raw] | None = None


class WorkerResult(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a worker decides, as the API has it."""

    type: str = "adHocSubProcess"
    activate_elements: tuple[ElementToActivate, ...] | None = None
    is_completion_condition_fulfilled: bool | None = None
    is_cancel_remaining_instances: bool | None = None


_results = msgspec.json.Decoder(WorkerResult)


def activate(command: Record, view: View) -> Effects:
    """ACTIVATE: begin elements in an active sub-process. Raises Reject NOT_FOUND, INVALID_STATE or INVALID_ARGUMENT."""
    key, wish = command.key, cast(AdHocSubProcessInstruction, command.value)
    row = _find(view, key)
    execution = open_execution(view, row.process_instance_key)
    activations = [
        Activation(each.element_id, msgspec.Raw(each.variables.encode()) if each.variables else NO_VARIABLES)
        for each in wish.activate_elements
    ]
    problems = _problems(execution, row, activations)
    ids = [activation.element_id for activation in activations]
    if not ids:
        problems.append("expected elements to activate, got none; give at least one")
    repeated = sorted({element_id for element_id in ids if ids.count(element_id) > 1})
    if repeated:
        names = ", ".join(f"'{name[:100]}'" for name in repeated[:5])
        problems.append(f"expected each element once, got {names} more than once; send another command for each")
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    yield instruction(
        execution, "ACTIVATED", key, row, activations, cancels=wish.cancel_remaining_instances, answers=True
    )
    execution.push(begin_work(key, activations, cancels=wish.cancel_remaining_instances))
    yield from run(execution)


def _find(view: View, key: int) -> ElementInstance:
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.element_type != AD_HOC_SUB_PROCESS:
        raise Reject(NOT_FOUND, f"expected an active ad-hoc sub-process with key {key}, got none; it may have ended")
    if row.state != ACTIVATED or row.interrupted or row.fulfilled:
        raise Reject(INVALID_STATE, f"expected ad-hoc sub-process {key} to be active, but nothing more begins in it")
    refuse_suspended(view, row.process_instance_key, f"begin elements in ad-hoc sub-process {key}")
    return row


def _problems(execution: Execution, row: ElementInstance, activations: list[Activation]) -> list[str]:
    problems = problems_of(ad_hoc_of(execution.element_of(row)), [each.element_id for each in activations])
    for activation in activations:
        try:
            parse_document(bytes(activation.variables).decode())
        except Reject as refusal:
            problems.append(f"variables of '{activation.element_id[:100]}': {refusal.reason}")
    return problems


# the worker


def read_result(execution: Execution, row: ElementInstance, text: str) -> WorkerResult:
    """What a worker gave with its job on the element instance. Raises Reject INVALID_ARGUMENT."""
    try:
        result = _results.decode(text) if text else WorkerResult()
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Reject(INVALID_ARGUMENT, f"expected the result of an ad-hoc sub-process, got: {error}") from None
    problems = _problems(execution, row, _activations(result))
    if result.type != "adHocSubProcess":
        problems.append(f"expected a result of type adHocSubProcess, got '{result.type[:100]}'; correct it")
    if result.is_completion_condition_fulfilled and result.activate_elements:
        problems.append("expected either elements to activate or a fulfilled completion condition, got both; give one")
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    return result


def _activations(result: WorkerResult) -> list[Activation]:
    return [
        Activation(each.element_id, msgspec.Raw(msgspec.json.encode(each.variables or {})))
        for each in result.activate_elements or ()
    ]


def follow(execution: Execution, key: int, row: ElementInstance, result: WorkerResult, variables: str) -> Effects:
    """The job of the sub-process is done: do what its worker said. Its variables stay in the sub-process."""
    view, activations = execution.view, _activations(result)
    cancels = bool(result.is_cancel_remaining_instances)
    yield from merge_local(view, key, parse_document(variables), execution.process_id)
    if row.state != ACTIVATED or row.interrupted:
        return
    if activations or (cancels and not result.is_completion_condition_fulfilled):
        yield instruction(execution, "ACTIVATED", key, row, activations, cancels=cancels)
        execution.push(begin_work(key, activations, cancels=cancels))
    elif result.is_completion_condition_fulfilled:
        if cancels:
            yield from end_remaining(execution, key, row)
        else:
            yield instruction(execution, "COMPLETED", key, row, (), cancels=False)
            execution.push(Work(kinds.CHECK_SCOPE, key))


def _apply_completed(fact: Fact, state: State) -> None:
    row = state.require(ELEMENT_INSTANCES, fact.key)
    state.put(ELEMENT_INSTANCES, fact.key, value=structs.replace(row, fulfilled=True))


PART = Part(
    processors={(INSTRUCTION, "ACTIVATE"): activate},
    appliers={(INSTRUCTION, "ACTIVATED"): apply_nothing, (INSTRUCTION, "COMPLETED"): _apply_completed},
)
