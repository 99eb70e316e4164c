"""Migration plans as commands give them, against the definitions that are deployed here.

A plan is a memo of a pure function (two files and the instructions decide it), so it is not state.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.bpmn.migration import Plan, missing_targets
from engine.bpmn.model import Process
from engine.core.faults import INVALID_ARGUMENT, Reject
from engine.core.state import View
from engine.records.process_instance_migration import MappingInstruction

from .definitions import find_definition
from .tables import Definition
from .variables import VARIABLE_SIZE_MAX, parse_document

#: Instructions of one plan.
INSTRUCTIONS_MAX = 5_000

#: Plans kept in memory, the oldest given up first.
PLANS_MAX = 20

#: Problems that one text tells.
PROBLEMS_MAX = 20

#: A definition and its graph.
Found = tuple[Definition, Process]

_plans: dict[tuple[object, ...], Plan] = {}


def check_instructions(instructions: Sequence[MappingInstruction]) -> list[str]:
    """What is wrong with instructions whatever the definitions are."""
    if not instructions:
        return ["mappingInstructions: expected at least one, got none; map the elements that are active"]
    if len(instructions) > INSTRUCTIONS_MAX:
        return [f"mappingInstructions: expected at most {INSTRUCTIONS_MAX}, got {len(instructions)}; give fewer"]
    problems: list[str] = []
    seen: set[str] = set()
    for at, instruction in enumerate(instructions):
        given = {"sourceElementId": instruction.source_element_id, "targetElementId": instruction.target_element_id}
        for name in (name for name, element_id in given.items() if not element_id):
            problems.append(f"mappingInstructions[{at}].{name}: expected the id of an element, got none; give it")
        source = instruction.source_element_id
        if source and source in seen:
            expected = f"mappingInstructions[{at}].sourceElementId: expected '{source}' to be mapped once"
            problems.append(f"{expected}, got it again; leave one of them out")
        seen.add(source)
    return problems


def check_variables(variables: str, instructions: Sequence[MappingInstruction]) -> list[str]:
    """What is wrong with the variables of a plan, a JSON object as a text: with the instructions they fit a record."""
    size = len(variables.encode()) + sum(
        len(name.encode()) for each in instructions for name in (each.source_element_id, each.target_element_id)
    )
    if size > VARIABLE_SIZE_MAX:
        expected = f"expected at most {VARIABLE_SIZE_MAX} bytes of JSON and of ids in mappingInstructions"
        return [f"variables: {expected}, got {size}; give fewer"]
    try:
        parse_document(variables)
    except Reject as refusal:
        return [f"variables: {refusal.reason}"]
    return []


def check_target(view: View, definition_key: int, instructions: Sequence[MappingInstruction]) -> list[str]:
    """What is wrong with a plan whose source is not known yet."""
    try:
        _, target = find_definition(view, definition_key)
    except Reject as refusal:
        return [f"targetProcessDefinitionKey: {refusal.reason}"]
    return [f"mappingInstructions: {problem}" for problem in missing_targets(target, _pairs(instructions))]


def open_plan(source: Found, target: Found, instructions: tuple[MappingInstruction, ...]) -> Plan:
    """A plan that nothing is wrong with. Raises Reject INVALID_ARGUMENT, naming each instruction that is."""
    names = ((definition.checksum, definition.bpmn_process_id) for definition, _ in (source, target))
    place = (*names, instructions)
    plan = _plans.get(place)
    if plan is None:
        if len(_plans) >= PLANS_MAX:
            del _plans[next(iter(_plans))]
        plan = _plans[place] = Plan(source[1], target[1], _pairs(instructions), renewed(instructions))
    told = [f"'{p.source_element_id}' to '{p.target_element_id}': {p.message}" for p in plan.problems]
    if told:
        raise Reject(INVALID_ARGUMENT, tell(told))
    return plan


def renewed(instructions: Sequence[MappingInstruction]) -> frozenset[str]:
    """The elements of the source whose events are to wait anew."""
    return frozenset(each.source_element_id for each in instructions if each.update_event_trigger)


def tell(problems: list[str]) -> str:
    """Problems as one text."""
    more = [f"and {len(problems) - PROBLEMS_MAX} more"] if len(problems) > PROBLEMS_MAX else []
    return "; ".join([*problems[:PROBLEMS_MAX], *more])


def _pairs(instructions: Sequence[MappingInstruction]) -> list[tuple[str, str]]:
    return [(instruction.source_element_id, instruction.target_element_id) for instruction in instructions]
