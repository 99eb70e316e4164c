"""Multi-instance activities: a body, and in it one instance of the activity for each item of a list.

Owns what the body does: it takes its items, begins the instances one by one, and makes of their outputs a variable.
Rule: what is under way is a counter in the state, never a list on the stack, so a pause is as small with 100,000
instances as with one. Sources: BPMN 2.0.2, 13.3.7; Camunda 8 "Multi-instance".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec
from msgspec import structs

from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.model import MULTI_INSTANCE_BODY, Element
from engine.bpmn.model import MultiInstance as Definition
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, key_tail
from engine.records import MultiInstance

from . import work as kinds
from .completion_conditions import is_fulfilled
from .execution import Deciding, Execution
from .multi_instance_tables import (
    MULTI_INSTANCE_ITEMS,
    MULTI_INSTANCE_OUTPUTS,
    MULTI_INSTANCES,
    Items,
    MultiInstanceRow,
)
from .tables import ACTIVATED, COMPLETING, ELEMENT_INSTANCES, ElementInstance
from .variables import VARIABLE_SIZE_MAX, MappedScope, Scope, encode_value, merge
from .work import Work

FAMILY = "MULTI_INSTANCE"

#: Items in one record and one row, and characters of them; an item that is larger has one of its own.
ITEMS_PER_CHUNK = 1_000
CHUNK_SIZE_MAX = 64 * 1024

#: Outputs that one record discards, and how many are as much work as one record.
DISCARDED_PER_WORK = 100
DISCARDED_PER_EFFECT = 10

_items = msgspec.json.Decoder(list[msgspec.Raw])


# the body begins


def begin(execution: Execution, key: int, element: Element) -> Effects:
    """Take the items of the input collection, once. Raises EvaluationFailure before anything happens."""
    loop = element.multi_instance
    assert loop is not None
    items = _evaluate_items(execution, key, loop)
    yield _event(execution, "CREATED", key, element, total=len(items), round=execution.round + 1)
    for number, chunk in _chunks(items):
        yield _event(execution, "ITEMS_ADDED", key, element, number=number, items=chunk)


def _evaluate_items(execution: Execution, key: int, loop: Definition) -> list[str]:
    value = loop.input_collection.evaluate(Scope(execution.view, key))
    if not isinstance(value, list):
        expected = f"expected the input collection '{loop.input_collection.text}' to be a list"
        raise EvaluationFailure(f"{expected}, got {brief(value)}")
    text = encode_value("the input collection", value)
    return [bytes(item).decode() for item in _items.decode(text)]


def _chunks(items: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The items in bounded parts, each with the number of items before it."""
    first, size = 0, 0
    for number, item in enumerate(items):
        if number > first and (number - first == ITEMS_PER_CHUNK or size + len(item) > CHUNK_SIZE_MAX):
            yield first, tuple(items[first:number])
            first, size = number, 0
        size += len(item)
    if items:
        yield first, tuple(items[first:])


# instances begin


def next_instance(execution: Execution, key: int) -> tuple[Element, int, dict[str, str]] | None:
    """What the body `key` begins next: an instance of which element, its loop counter, its own variables (JSON texts).

    None: it begins none now. What comes after it is on the stack then.
    """
    view = execution.view
    row, loop = view.get(ELEMENT_INSTANCES, key), view.get(MULTI_INSTANCES, key)
    if row is None or loop is None or row.state != ACTIVATED:
        return None
    inner = execution.graph.elements[row.element_id].inner
    assert inner is not None
    definition = inner.multi_instance
    assert definition is not None
    if loop.begun == loop.total or (definition.is_sequential and loop.begun > loop.ended):
        go_on(execution, key, row)
        return None
    if not definition.is_sequential and loop.begun + 1 < loop.total:
        execution.push(Work(kinds.SPAWN, key))
    # A body that began in an earlier step has got further: however many pauses that takes, it is no endless loop.
    execution.round = min(execution.round, loop.round)
    chunk = view.get(MULTI_INSTANCE_ITEMS, key, loop.chunk)
    assert chunk is not None
    counter = loop.begun + 1
    return inner, counter, _own_variables(definition, counter, chunk.values[loop.begun - loop.chunk])


def _own_variables(definition: Definition, counter: int, item: str) -> dict[str, str]:
    """An output element that is a variable begins as null, so that what the instance sets there stays its own."""
    own = {"loopCounter": str(counter)}
    if definition.output_element is not None and definition.output_element.variable:
        own[definition.output_element.variable] = "null"
    if definition.input_element:
        own[definition.input_element] = item
    return own


def go_on(execution: Execution, key: int, row: ElementInstance) -> None:
    """An instance has ended: begin the next one, in a sequence; after the last one complete the body."""
    loop = execution.view.get(MULTI_INSTANCES, key)
    definition = execution.element_of(row).multi_instance
    if loop is None or definition is None:
        return
    if loop.ended == loop.total:
        execution.push(Work(kinds.COMPLETE, key))
    elif definition.is_sequential and loop.begun == loop.ended:
        execution.push(Work(kinds.SPAWN, key))


# instances and the body complete


def collect(execution: Execution, work: Work) -> Effects:
    """Work COLLECT: an instance has given its variables, so its output is kept; the body makes one variable of them."""
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None or row.state != COMPLETING:
        return
    element = execution.element_of(row)
    if row.element_type == MULTI_INSTANCE_BODY:
        if (yield from _set_output_collection(execution, work.key, row, element)):
            execution.push(Work(kinds.DISCARD, work.key), Work(kinds.LEAVE, work.key))
    else:
        yield from _collect_output(execution, work.key, row, element)


def _collect_output(execution: Execution, key: int, row: ElementInstance, element: Element) -> Effects:
    view, body_key, definition = execution.view, row.scope_key, element.multi_instance
    body, loop = view.get(ELEMENT_INSTANCES, body_key), view.get(MULTI_INSTANCES, body_key)
    assert body is not None
    assert loop is not None
    assert definition is not None
    scope = Scope(view, key)
    try:
        output = None
        if definition.output_element is not None:
            output = encode_value("the output element", definition.output_element.evaluate(scope))
        is_over = body.state == ACTIVATED and _is_over(definition, scope, loop)
    except EvaluationFailure as failure:
        yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=Work(kinds.COLLECT, key))
        return
    if output is not None:
        yield _event(execution, "OUTPUT_COLLECTED", body_key, element, number=row.loop_counter, output=output)
    if is_over:
        # A body that completes begins no other instance.
        yield execution.lifecycle("ELEMENT_COMPLETING", body_key, body)
        execution.push(Work(kinds.END_SCOPE, body_key))
    execution.push(Work(kinds.LEAVE, key))


def _is_over(definition: Definition, scope: Scope, loop: MultiInstanceRow) -> bool:
    """Whether the completion condition is true, now that one more has completed. Raises EvaluationFailure."""
    condition = definition.completion_condition
    if condition is None:
        return False
    counted = MappedScope(scope)
    counted.made["numberOfInstances"] = loop.begun
    counted.made["numberOfActiveInstances"] = loop.begun - loop.ended - 1
    counted.made["numberOfCompletedInstances"] = loop.completed + 1
    counted.made["numberOfTerminatedInstances"] = loop.terminated
    return is_fulfilled(condition, counted)


def _set_output_collection(execution: Execution, key: int, row: ElementInstance, element: Element) -> Deciding:
    """The outputs in the order of the items, null where there is none. False: they are too large for a variable."""
    view, definition = execution.view, element.multi_instance
    loop = view.get(MULTI_INSTANCES, key)
    assert loop is not None
    assert definition is not None
    if not definition.output_collection:
        return True
    outputs = ["null"] * loop.total
    if loop.output_size <= VARIABLE_SIZE_MAX:
        for row_key, output in view.scan(MULTI_INSTANCE_OUTPUTS, key):
            outputs[key_tail(row_key) - 1] = output
    text = f"[{','.join(outputs)}]"
    size = max(len(text.encode()), loop.output_size)
    if size > VARIABLE_SIZE_MAX:
        message = (
            f"expected the output collection '{definition.output_collection}' to take at most {VARIABLE_SIZE_MAX} "
            f"bytes, got {size} or more; cancel the instance, and let each instance inside give less"
        )
        yield execution.incident(key, "MESSAGE_SIZE_EXCEEDED", message, resume=Work(kinds.COLLECT, key))
        return False
    yield from merge(view, row.scope_key, {definition.output_collection: text}, execution.process_id)
    return True


def discard(execution: Execution, work: Work) -> Effects:
    """Work DISCARD: the outputs are needed no longer."""
    loop = execution.view.get(MULTI_INSTANCES, work.key)
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None or loop is None or not loop.output_size:
        return
    outputs = execution.view.scan(MULTI_INSTANCE_OUTPUTS, work.key, limit=1)
    if not outputs:
        return
    element = execution.element_of(row)
    execution.round = min(execution.round, loop.round)
    execution.spent += DISCARDED_PER_WORK // DISCARDED_PER_EFFECT
    yield _event(
        execution, "OUTPUTS_DISCARDED", work.key, element, number=key_tail(outputs[0][0]), count=DISCARDED_PER_WORK
    )
    execution.push(work)


def _event(execution: Execution, intent: str, key: int, element: Element, **fields: Any) -> Event:
    value = MultiInstance(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        element_id=element.id,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
        **fields,
    )
    return Event(value_type=FAMILY, intent=intent, key=key, value=value)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(MultiInstance, fact.value)
    state.put(MULTI_INSTANCES, fact.key, value=MultiInstanceRow(total=value.total, round=value.round))


def _apply_items(fact: Fact, state: State) -> None:
    value = cast(MultiInstance, fact.value)
    state.put(MULTI_INSTANCE_ITEMS, fact.key, value.number, value=Items(value.items))


def _apply_output(fact: Fact, state: State) -> None:
    value = cast(MultiInstance, fact.value)
    row = state.require(MULTI_INSTANCES, fact.key)
    state.put(MULTI_INSTANCE_OUTPUTS, fact.key, value.number, value=value.output)
    size = row.output_size + len(value.output)
    state.put(MULTI_INSTANCES, fact.key, value=structs.replace(row, output_size=size))


def _apply_discarded(fact: Fact, state: State) -> None:
    value = cast(MultiInstance, fact.value)
    for number in range(value.number, value.number + value.count):
        if state.get(MULTI_INSTANCE_OUTPUTS, fact.key, number) is not None:
            state.delete(MULTI_INSTANCE_OUTPUTS, fact.key, number)


PART = Part(
    appliers={
        (FAMILY, "CREATED"): _apply_created,
        (FAMILY, "ITEMS_ADDED"): _apply_items,
        (FAMILY, "OUTPUT_COLLECTED"): _apply_output,
        (FAMILY, "OUTPUTS_DISCARDED"): _apply_discarded,
    },
    tables=table_values(MULTI_INSTANCES, MULTI_INSTANCE_ITEMS, MULTI_INSTANCE_OUTPUTS),
)
