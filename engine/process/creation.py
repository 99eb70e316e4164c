"""The creation of process instances: which definition, where it begins, what it carries, who waits for its end.

Sources: Camunda 8 REST API, "Create process instance"; Zeebe's rules for start instructions and tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from msgspec import structs

from engine.bpmn.model import AD_HOC_SUB_PROCESS, BOUNDARY_EVENT, PROCESS, START_EVENT, Process
from engine.core.draft import REQUEST_HEADER
from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Fact, Part
from engine.core.state import State, View
from engine.records import ProcessInstanceCreation
from engine.records.process_instance_creation import StartInstruction
from engine.records.process_instance_modification import ActivateInstruction

from .beginnings import write_beginnings
from .business_ids import BUSINESS_ID_LENGTH_MAX, check_unique, put_instance
from .definitions import find_definition, find_tagged, find_version
from .execution import Deciding, Execution
from .history import check_kept
from .lifecycle import start
from .modification_plan import place_problems, target_of
from .tables import Instance
from .variables import parse_document

TAGS_MAX = 10
#: Of either kind; they lie in the instance's row of the state.
INSTRUCTIONS_MAX = 1_000
#: Names of variables that a result is narrowed to.
FETCH_VARIABLES_MAX = 1_000
TAG = re.compile(r"[A-Za-z][A-Za-z0-9_\-:.]{0,99}")

#: The one kind of runtime instruction that the API has.
TERMINATE_PROCESS_INSTANCE = "TERMINATE_PROCESS_INSTANCE"

#: Problems with a wish that its rejection names.
PROBLEMS_TOLD_MAX = 20


def create(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE_CREATION CREATE: answered by CREATED, or by the result when it awaits that."""
    yield from create_instance(view, cast(ProcessInstanceCreation, command.value), request=command.step.request)


def create_instance(view: View, wish: ProcessInstanceCreation, *, request: str = "") -> Deciding:
    """Start an instance, for `request` if somebody waits. False: its beginning goes on in later steps.

    Raises Reject NOT_FOUND, INVALID_STATE, INVALID_ARGUMENT.
    """
    _check_restarted(view, wish.restarted_process_instance_key)
    definition_key = _find(view, wish)
    found = find_definition(view, definition_key)
    if not found[1].root.start and not wish.start_instructions:
        expected = f"expected process '{found[1].id}' to have a none start event"
        raise Reject(INVALID_STATE, f"{expected}, got none; start it by what it waits for")
    problems = list(_problems(wish, found[1]))
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems[:PROBLEMS_TOLD_MAX]))
    document = parse_document(wish.variables)
    execution = Execution(view, view.next_key(), definition_key, found)
    check_unique(view, execution.process_id, wish.business_id)
    value = ProcessInstanceCreation(
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        process_definition_key=definition_key,
        process_instance_key=execution.instance_key,
        start_instructions=wish.start_instructions,
        runtime_instructions=wish.runtime_instructions,
        await_result=wish.await_result,
        fetch_variables=wish.fetch_variables,
        tags=tuple(dict.fromkeys(wish.tags)),
        business_id=wish.business_id,
        restarted_process_instance_key=wish.restarted_process_instance_key,
        tenant_id=DEFAULT_TENANT,
    )
    yield _created(request, value)
    execution.restarted = wish.restarted_process_instance_key
    inside = [target_of(_as_activation(instruction), execution.graph) for instruction in wish.start_instructions]
    return (yield from start(execution, document, write_beginnings(inside)))


def _check_restarted(view: View, key: int) -> None:
    """What is restarted has ended: more than that is not known here any more. Raises Reject."""
    if key != NONE:
        check_kept(view, key)


def _created(request: str, value: ProcessInstanceCreation) -> Event:
    """It tells whoever awaits the result that the instance runs, without being the whole answer."""
    return Event(
        value_type="PROCESS_INSTANCE_CREATION",
        intent="CREATED",
        key=value.process_instance_key,
        value=value,
        answers=bool(request) and not value.await_result,
        headers={REQUEST_HEADER: request} if value.await_result and request else None,
    )


def _find(view: View, wish: ProcessInstanceCreation) -> int:
    """The key of the wanted definition. Raises Reject NOT_FOUND."""
    if wish.process_definition_key != NONE:
        return wish.process_definition_key
    if wish.version_tag:
        return find_tagged(view, wish.bpmn_process_id, wish.version_tag)
    return find_version(view, wish.bpmn_process_id, wish.bpmn_version)


def _problems(wish: ProcessInstanceCreation, graph: Process) -> Iterator[str]:
    yield from _too_many("start instructions", len(wish.start_instructions), INSTRUCTIONS_MAX)
    yield from _too_many("runtime instructions", len(wish.runtime_instructions), INSTRUCTIONS_MAX)
    yield from _too_many("variables to fetch", len(wish.fetch_variables), FETCH_VARIABLES_MAX)
    yield from _too_many("tags", len(wish.tags), TAGS_MAX)
    for instruction in wish.start_instructions:
        yield from _start_problems(instruction, graph)
    for number, runtime in enumerate(wish.runtime_instructions):
        if runtime.type != TERMINATE_PROCESS_INSTANCE:
            expected = f"expected the type of runtime instruction {number} to be {TERMINATE_PROCESS_INSTANCE}"
            yield f"{expected}, got '{_shown(runtime.type)}'; correct it"
        element = graph.elements.get(runtime.after_element_id)
        if element is None or element.type == PROCESS:
            got = _shown(runtime.after_element_id)
            yield f"expected to end after an element of '{graph.id}', got '{got}'; correct it"
    for tag in wish.tags:
        if not TAG.fullmatch(tag):
            expected = "expected a tag to be a letter, then up to 99 letters, digits, '_', '-', ':' and '.'"
            yield f"{expected}, got '{_shown(tag)}'; correct it"
    if len(wish.business_id) > BUSINESS_ID_LENGTH_MAX:
        expected = f"expected a business id of at most {BUSINESS_ID_LENGTH_MAX} characters"
        yield f"{expected}, got {len(wish.business_id)}; shorten it"


def _too_many(what: str, count: int, count_max: int) -> Iterator[str]:
    if count > count_max:
        yield f"expected at most {count_max} {what}, got {count}; give fewer"


def _as_activation(instruction: StartInstruction) -> ActivateInstruction:
    """The same place, as modifications have it."""
    return ActivateInstruction(**structs.asdict(instruction))


def _start_problems(instruction: StartInstruction, graph: Process) -> Iterator[str]:
    element_id = instruction.element_id
    if instruction.after_element_id or instruction.sequence_flow_id:
        activation = _as_activation(instruction)
        problems = list(place_problems("start instruction", activation, graph))
        yield from problems
        if problems:
            return
        element_id = target_of(activation, graph)
    element = graph.elements.get(element_id)
    if element is None or element.type == PROCESS:
        yield f"expected to start before an element of '{graph.id}', got '{_shown(element_id)}'; correct it"
    elif element.type in (START_EVENT, BOUNDARY_EVENT):
        expected = "expected to start before an activity, a gateway or an end event"
        kind = element.type.lower().replace("_", " ")
        yield f"{expected}, got {kind} '{element_id}'; choose another"
    while element is not None and element.type != PROCESS:
        if element.type == AD_HOC_SUB_PROCESS and element.id != element_id:
            expected = f"expected to start outside of ad-hoc sub-processes, got '{_shown(element_id)}'"
            yield f"{expected}; start before '{element.id}', and activate it there"
        if element.multi_instance is not None and element.id != element_id:
            expected = f"expected to start outside of multi-instance activities, got '{_shown(element_id)}'"
            yield f"{expected} in '{element.id}'; start before that"
        element = graph.elements[element.scope]


def _shown(text: str) -> str:
    return text[:100]


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(ProcessInstanceCreation, fact.value)
    instance = Instance(
        tags=value.tags,
        business_id=value.business_id,
        terminate_after=tuple(instruction.after_element_id for instruction in value.runtime_instructions),
        awaited=value.await_result,
        request=fact.step.request if value.await_result else "",
        fetch_variables=value.fetch_variables if value.await_result else (),
    )
    if instance != Instance():
        put_instance(state, fact.key, value.bpmn_process_id, instance)


PART = Part(
    processors={("PROCESS_INSTANCE_CREATION", "CREATE"): create},
    appliers={("PROCESS_INSTANCE_CREATION", "CREATED"): _apply_created},
)
