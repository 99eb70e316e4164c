"""Migration: a process instance goes on with another definition, all that is alive in it with it.

Rules: first everything is looked at, then everything happens, in one step; what is refused names every element that
stands in the way. Keys, variables, jobs, user tasks, timers, subscriptions, incidents, the state of multi-instance
activities and the links to callers and called instances stay. What the target waits for in addition is opened, what it
waits for no longer is closed. A suspended instance stays suspended. One that pauses in the middle of work moves if all
that it has before it can be mapped; one that is too large for a step is refused.
Sources: Camunda 8 "Process instance migration"; Zeebe's records; Camunda 7.24 "Process Instance Migration".
"""

from __future__ import annotations

from typing import cast

from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.record import DEFAULT_TENANT, Record
from engine.core.registry import Fact, Part
from engine.core.state import State, View
from engine.records import ProcessInstanceMigration
from engine.records.process_instance_migration import MappingInstruction

from .business_ids import check_migration, move_instance
from .definitions import find_definition
from .execution import Deciding, Execution, open_execution
from .lifecycle import run
from .message_buffer import start_next
from .migrating import Migration
from .migration_plans import check_instructions, check_variables, open_plan, renewed, tell
from .tables import ELEMENT_INSTANCES, PAUSES, TERMINATING
from .variables import parse_document
from .work import Work

FAMILY = "PROCESS_INSTANCE_MIGRATION"


def migrate(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE_MIGRATION MIGRATE."""
    wish = cast(ProcessInstanceMigration, command.value)
    target, instructions = wish.target_process_definition_key, wish.mapping_instructions
    problems = [*check_instructions(instructions), *check_variables(wish.variables, instructions)]
    if problems:
        raise Reject(INVALID_ARGUMENT, tell(problems))
    yield from migrate_instance(view, command.key, target, instructions, variables=wish.variables, answers=True)


def migrate_instance(
    view: View,
    key: int,
    target_key: int,
    instructions: tuple[MappingInstruction, ...],
    *,
    variables: str = "",
    at_end: Work | None = None,
    answers: bool = False,
) -> Deciding:
    """Let a process instance go on with another definition. True: it waits again; False: it goes on in later steps.

    `variables`: a JSON object, set at the instance before anything that the target waits for in addition is opened.
    Raises Reject NOT_FOUND, INVALID_ARGUMENT (the plan is wrong), INVALID_STATE or EXCEEDED_LIMIT (the instance is).
    """
    source = _open_source(view, key)
    target = _open_target(source, target_key)
    plan = open_plan((source.definition, source.graph), (target.definition, target.graph), instructions)
    migration = Migration(source, target, plan, renewed(instructions), parse_document(variables))
    problems = migration.problems()
    if problems:
        raise Reject(INVALID_STATE, f"process instance {key}: {tell(problems)}")
    limit = view.effort + view.settings.migration_effects_max
    for effect in migration.effects():
        yield effect
        if view.effort > limit:
            raise migration.too_large()
    value = ProcessInstanceMigration(
        target_process_definition_key=target_key,
        mapping_instructions=instructions if answers else (),
        process_instance_key=key,
        process_definition_key=source.definition_key,
        bpmn_process_id=source.process_id,
        target_bpmn_process_id=target.process_id,
        terminate_after=migration.terminate_after(),
        root_process_instance_key=source.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    yield Event(value_type=FAMILY, intent="MIGRATED", key=key, value=value, answers=answers)
    if source.process_id != target.process_id:
        yield from start_next(source)
    target.push(*migration.joins())
    if view.get(PAUSES, key) is None:
        return (yield from run(target, at_end=at_end))
    yield from run(target)  # what follows from it waits with the rest, and the migration for none of it
    return True


def _open_source(view: View, key: int) -> Execution:
    """The instance as it is. Raises Reject NOT_FOUND or INVALID_STATE."""
    source = open_execution(view, key)
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING:
        raise Reject(INVALID_STATE, f"expected process instance {key} to be active, got one that is being canceled")
    return source


def _open_target(source: Execution, target_key: int) -> Execution:
    """The same instance with the other definition. Raises Reject NOT_FOUND or INVALID_STATE."""
    view, key = source.view, source.instance_key
    found = find_definition(view, target_key)
    check_migration(view, key, source.process_id, found[0].bpmn_process_id)
    return Execution(view, key, target_key, found, source.root_key, caller=source.caller)


def _apply_migrated(fact: Fact, state: State) -> None:
    value = cast(ProcessInstanceMigration, fact.value)
    move_instance(state, fact.key, value.bpmn_process_id, value.target_bpmn_process_id, value.terminate_after)


PART = Part(
    processors={(FAMILY, "MIGRATE"): migrate},
    appliers={(FAMILY, "MIGRATED"): _apply_migrated},
)
