"""Migrate process instances to another definition."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.record import NONE
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.migration_plans import check_instructions, check_target, check_variables
from engine.process.migrations import migrate_instance
from engine.records.process_instance_migration import MappingInstruction

KEY_MAX = (1 << 63) - 1
KEY_LENGTH_MAX = 19


class Instruction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which element goes on as which; `update_event_trigger`: an event waits anew, as the target says."""

    source_element_id: str
    target_element_id: str
    update_event_trigger: bool = False


class MigrationPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The definition that instances go on with, whichever they have now, and variables that they get with it."""

    target_process_definition_key: str
    mapping_instructions: list[Instruction]
    variables: dict[str, Any] | None = None


class Body(Struct, frozen=True, kw_only=True):
    """What clients give."""

    migration_plan: MigrationPlan


class Parameters(Struct, frozen=True, kw_only=True):
    """The plan; kept once, with the batch operation."""

    target_process_definition_key: int = NONE
    mapping_instructions: tuple[MappingInstruction, ...] = ()
    variables: str = ""


def read(body: Body) -> Parameters:
    plan = body.migration_plan
    key = plan.target_process_definition_key
    is_key = key.isascii() and key.isdecimal() and len(key) <= KEY_LENGTH_MAX
    return Parameters(
        target_process_definition_key=int(key) if is_key else NONE,
        mapping_instructions=tuple(
            MappingInstruction(
                source_element_id=each.source_element_id,
                target_element_id=each.target_element_id,
                update_event_trigger=each.update_event_trigger,
            )
            for each in plan.mapping_instructions
        ),
        variables=msgspec.json.encode(plan.variables).decode() if plan.variables else "",
    )


def check(parameters: Parameters) -> list[str]:
    instructions = parameters.mapping_instructions
    problems = [*check_instructions(instructions), *check_variables(parameters.variables, instructions)]
    if not 0 < parameters.target_process_definition_key <= KEY_MAX:
        problems.insert(0, "targetProcessDefinitionKey: expected the key of a process definition, got none; give it")
    return [f"migrationPlan.{problem}" for problem in problems]


def admit(parameters: Parameters, view: View) -> list[str]:
    """The target must be deployed and have the elements; the instances say which definition they come from."""
    problems = check_target(view, parameters.target_process_definition_key, parameters.mapping_instructions)
    return [f"migrationPlan.{problem}" for problem in problems]


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Let the instance go on with the target, whole or not at all."""
    target, instructions = parameters.target_process_definition_key, parameters.mapping_instructions
    effects = migrate_instance(view, item.key, target, instructions, variables=parameters.variables, at_end=item.at_end)
    return (yield from effects)


OPERATION = Operation(
    name="MIGRATE_PROCESS_INSTANCE",
    path="/process-instances/migration",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    admit=admit,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE", "SUSPENDED")),
    decide=decide,
    body=Body,
    read=read,
)
