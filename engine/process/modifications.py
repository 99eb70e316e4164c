"""Process instances changed by hand: tokens that end, move and begin (Zeebe's PROCESS_INSTANCE_MODIFICATION).

What ends is told first while the tokens that begin are on their way, so that no scope is taken for empty in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import EXCEEDED_LIMIT, INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Part
from engine.core.state import View
from engine.records import ProcessInstanceModification

from . import work as kinds
from .beginnings import beginnings
from .execution import Deciding, Execution, open_execution
from .instances import terminate_instance
from .lifecycle import run
from .modification_plan import Beginning, Living, Plan, Planner
from .tables import ELEMENT_INSTANCES, PAUSES, TERMINATING
from .variables import VARIABLE_SIZE_MAX, merge_local, parse_document
from .work import Work, decode_work

FAMILY = "PROCESS_INSTANCE_MODIFICATION"


def modify(command: Record, view: View) -> Effects:
    """MODIFY: accepted with the first record; what is large goes on over several steps."""
    yield from modify_instance(view, command.key, cast(ProcessInstanceModification, command.value), answers=True)


def modify_instance(
    view: View, key: int, wish: ProcessInstanceModification, *, at_end: Work | None = None, answers: bool = False
) -> Deciding:
    """End, move and begin tokens. True: that is done; False: it goes on in later steps, `at_end` last.

    Raises Reject NOT_FOUND, INVALID_STATE, INVALID_ARGUMENT (with all that is wrong) or EXCEEDED_LIMIT.
    """
    execution = open_execution(view, key)
    _refuse_busy(view, key)
    planner = Planner(execution, wish)
    plan = planner.plan()
    problems = [*planner.problems, *_variable_problems(plan)]
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    ends_all = key in plan.ends
    if ends_all and execution.caller[0] != NONE:
        expected = f"expected something to be left of process instance {key}, which another one called"
        raise Reject(INVALID_STATE, f"{expected}; begin something in it, or cancel the root one")
    yield _modified(execution, wish, answers=answers)
    if ends_all:
        return (yield from terminate_instance(execution, at_end=at_end))
    for scope, document in _known_variables(planner.living, plan):
        yield from merge_local(view, scope, document, execution.process_id)
    begins = [work for begin in _grouped(plan.begins) for work in _works(execution, planner.living, begin)]
    execution.push(*(Work(kinds.TERMINATE, end) for end in plan.ends), *begins, *_checks(planner.living, plan))
    return (yield from run(execution, at_end=at_end, stands_still=True))


def _refuse_busy(view: View, key: int) -> None:
    """An instance in the middle of a long step has tokens that are nowhere yet. Raises Reject INVALID_STATE."""
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING:
        raise Reject(INVALID_STATE, f"expected process instance {key} to be active, got one that is being canceled")
    pause = view.get(PAUSES, key)
    if pause is not None and decode_work(pause.work):
        raise Reject(
            INVALID_STATE, f"expected process instance {key} to wait, but it is in the middle of its work; retry"
        )


def _modified(execution: Execution, wish: ProcessInstanceModification, *, answers: bool) -> Event:
    """What was wished, without the variables, which have events of their own."""
    value = ProcessInstanceModification(
        activate_instructions=tuple(structs.replace(i, variable_instructions=()) for i in wish.activate_instructions),
        move_instructions=tuple(structs.replace(i, variable_instructions=()) for i in wish.move_instructions),
        terminate_instructions=wish.terminate_instructions,
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type=FAMILY, intent="MODIFIED", key=execution.instance_key, value=value, answers=answers)


# variables


def _variable_problems(plan: Plan) -> Iterator[str]:
    size = 0
    for begin in plan.begins:
        for instruction in begin.variables:
            size += len(instruction.variables.encode())
            try:
                parse_document(instruction.variables)
            except Reject as refusal:
                yield f"variables for '{begin.element_id}': {refusal.reason}"
    if size > VARIABLE_SIZE_MAX:
        raise Reject(EXCEEDED_LIMIT, f"expected variables of at most {VARIABLE_SIZE_MAX} bytes, got {size}; give fewer")


def _known_variables(living: Living, plan: Plan) -> Iterator[tuple[int, dict[str, str]]]:
    """What is set at scopes that live already: the process instance, or one around where a token begins."""
    for begin in plan.begins:
        around = {living.rows[key].element_id: key for key in living.around(begin.scope_key)}
        for instruction in begin.variables:
            key = around.get(instruction.scope_id) if instruction.scope_id else living.instance_key
            if key is not None:
                yield key, parse_document(instruction.variables)


def _new_variables(begin: Beginning, known: set[str]) -> dict[str, msgspec.Raw]:
    """By element: what is set at scopes that begin."""
    documents: dict[str, dict[str, msgspec.Raw]] = {}
    for instruction in begin.variables:
        if instruction.scope_id and instruction.scope_id not in known:
            given = msgspec.json.decode(instruction.variables or "{}", type=dict[str, msgspec.Raw])
            documents.setdefault(instruction.scope_id, {}).update(given)
    return {name: msgspec.Raw(msgspec.json.encode(document)) for name, document in documents.items()}


# tokens


def _grouped(begins: Sequence[Beginning]) -> list[list[Beginning]]:
    """Those in the same living scope, which share the scopes that begin in it."""
    groups: dict[int, list[Beginning]] = {}
    for begin in begins:
        groups.setdefault(begin.scope_key, []).append(begin)
    return list(groups.values())


def _works(execution: Execution, living: Living, begins: list[Beginning]) -> list[Work]:
    key = begins[0].scope_key
    known = {living.rows[around].element_id for around in living.around(key)}
    element = execution.element_of(living.rows[key])
    return beginnings(
        execution.graph, element, key, [(each.element_id, _new_variables(each, known)) for each in begins]
    )


def _checks(living: Living, plan: Plan) -> list[Work]:
    """A multi-instance activity goes on when one of its instances has ended; it may have been the last."""
    scopes = dict.fromkeys(living.rows[key].scope_key for key in plan.ends if living.rows[key].loop_counter)
    return [Work(kinds.CHECK_SCOPE, scope) for scope in scopes]


PART = Part(
    processors={(FAMILY, "MODIFY"): modify},
    appliers={(FAMILY, "MODIFIED"): apply_nothing},
)
