"""Compensation: what has completed is undone by the activities that its model connects with it.

Rules: an activity that can be undone is subscribed for when it completes, in the scope that it was in; so is a
sub-process in which something can be undone. An event takes over what its scope has then, each once, all at once, and
completes when the last of the activities that undo has. They run in the scope of the event.
Sources: BPMN 2.0.2, 10.7 and 13.5.5; Camunda 8 "Compensation events"; Zeebe, which keeps no order either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec
from msgspec import structs

from engine.bpmn.migration import Plan
from engine.bpmn.model import (
    AD_HOC_SUB_PROCESS,
    AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    EVENT_SUB_PROCESS,
    MULTI_INSTANCE_BODY,
    SUB_PROCESS,
    Compensation,
    Element,
)
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT, NONE
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View, key_tail, pack
from engine.records import CompensationSubscription

from . import work as kinds
from .compensation_tables import (
    COMPENSATION_HANDLERS,
    COMPENSATIONS,
    COMPENSATIONS_OF,
    CompensationRow,
    Handled,
)
from .execution import Deciding, Execution
from .flows import end_after
from .tables import ELEMENT_INSTANCES, HOLDS_COMPENSATIONS, ElementInstance, mark_holder
from .work import Work

FAMILY = "COMPENSATION_SUBSCRIPTION"

#: Subscriptions that one piece of work forgets.
PAGE_SIZE = 20

#: Scopes that, completed, can be undone by undoing what is in them.
UNDOABLE_SCOPES = (SUB_PROCESS, AD_HOC_SUB_PROCESS, AD_HOC_SUB_PROCESS_INNER_INSTANCE, MULTI_INSTANCE_BODY)


# what completes


def subscribe(execution: Execution, key: int, row: ElementInstance, element: Element) -> Effects:
    """An element completes: from now on it can be undone, if something undoes it or something in it."""
    boundary = _boundary_of(execution, element)
    if boundary is None and not (_keeps(element) and _holds(execution, key, row)):
        return
    made = CompensationRow(
        activity_id=element.id, activity_key=key, scope_key=row.scope_key, handler_id=_handler_of(boundary)
    )
    yield _event(execution, "CREATED", execution.view.next_key(), made)


def forgets_first(execution: Execution, work: Work, row: ElementInstance) -> bool:
    """Whether the end of an element instance, which is this work, comes only after what it owns here is forgotten."""
    if not _holds(execution, work.key, row):
        return False
    if work.kind == kinds.COMPLETE and _keeps(execution.graph.part(row.element_id, row.element_type)):
        return False
    execution.push(Work(kinds.FORGET_COMPENSATIONS, work.key), work)
    return True


def forget(execution: Execution, work: Work) -> Effects:
    """Work FORGET_COMPENSATIONS: what this element instance owns, and what is in that, can be undone no longer."""
    page = execution.view.scan(COMPENSATIONS, work.key, limit=PAGE_SIZE)
    for row_key, row in page:
        if execution.view.scan(COMPENSATIONS, row.activity_key, limit=1):
            execution.push(Work(kinds.FORGET_COMPENSATIONS, row.activity_key), work)
            return
        yield _event(execution, "DELETED", key_tail(row_key), row)
    if len(page) == PAGE_SIZE:
        execution.push(work)


def _keeps(element: Element) -> bool:
    """Whether what was done in a scope can be undone after it has completed. What undoes is not undone itself."""
    return element.type in UNDOABLE_SCOPES and not element.for_compensation


def _holds(execution: Execution, key: int, row: ElementInstance) -> bool:
    return bool(row.holds & HOLDS_COMPENSATIONS) and bool(execution.view.scan(COMPENSATIONS, key, limit=1))


def _boundary_of(execution: Execution, element: Element) -> Element | None:
    """The compensation boundary event of an activity."""
    events = (execution.graph.elements[name] for name in element.boundaries)
    return next((event for event in events if isinstance(event.event, Compensation)), None)


def _handler_of(boundary: Element | None) -> str:
    return boundary.event.handler if boundary is not None and isinstance(boundary.event, Compensation) else ""


# what becomes of it when the instance goes on with another definition


def below(view: View, owner: int) -> Iterator[tuple[int, CompensationRow]]:
    """What can be undone, or is being, of what this element instance owns, and what is in that; with their keys."""
    for row_key, row in view.scan(COMPENSATIONS, owner):
        yield key_tail(row_key), row
        yield from below(view, row.activity_key)


def undone_as(plan: Plan, row: CompensationRow) -> CompensationRow | None:
    """The subscription as the target of a plan has it. None: what it is about is not mapped.

    That is the boundary event by which the activity is undone, or the sub-process itself; and, once they are active,
    the activity that undoes and the event that triggers it.
    """
    if not row.handler_id:
        activity_id, handler_id = plan.elements.get(row.activity_id, ""), ""
    else:
        elements = (plan.source.elements[name] for name in plan.source.elements[row.activity_id].boundaries)
        boundary = next(element for element in elements if isinstance(element.event, Compensation))
        found = plan.target.elements.get(plan.elements.get(boundary.id, ""))
        activity_id, handler_id = (found.attached_to, _handler_of(found)) if found is not None else ("", "")
    under_way = {row.throw_id, row.handler_id if row.handler_key != NONE else ""} - {""}
    if not activity_id or not under_way <= plan.elements.keys():
        return None
    if row.handler_key != NONE and plan.elements[row.handler_id] != handler_id:
        return None
    throw_id = plan.elements.get(row.throw_id, "")
    return structs.replace(row, activity_id=activity_id, handler_id=handler_id, throw_id=throw_id)


def migrated(execution: Execution, key: int, row: CompensationRow) -> Event:
    """The record of a subscription as it is now."""
    return _event(execution, "MIGRATED", key, row)


# what triggers it


def compensate(execution: Execution, key: int, compensation: Compensation) -> Effects:
    """The event `key` is active: undo what was done in its scope; in an event sub-process, also in the one around."""
    yield from ()
    view = execution.view
    thrower = view.get(ELEMENT_INSTANCES, key)
    assert thrower is not None
    owners = [thrower.scope_key]
    scope = view.get(ELEMENT_INSTANCES, thrower.scope_key)
    if scope is not None and scope.element_type == EVENT_SUB_PROCESS:
        owners.append(scope.scope_key)
    searches = [_search(key, owner, view.last_key, compensation.activity) for owner in owners]
    execution.push(*searches, Work(kinds.COMPENSATED, key))


def _search(key: int, owner: int, until: int, activity_id: str = "") -> Work:
    """What the event `key` triggers in a scope: subscriptions with keys up to `until`, of one activity or of all."""
    return Work(kinds.COMPENSATE, key, activity_id, msgspec.json.encode((owner, until)).decode())


def trigger(execution: Execution, work: Work) -> Effects:
    """Work COMPENSATE: trigger the next subscription, and look again. With the event, all of it ends."""
    view = execution.view
    thrower = view.get(ELEMENT_INSTANCES, work.key)
    if thrower is None:
        return
    owner, until = msgspec.json.decode(work.data, type=tuple[int, int])
    key = _first(execution, owner, until, work.element_id)
    row = view.get(COMPENSATIONS, owner, key) if key is not None else None
    if key is not None and row is not None:
        execution.push(work)
        yield from _trigger(execution, thrower, key, structs.replace(row, throw_key=work.key), until)


def _first(execution: Execution, owner: int, until: int, activity_id: str) -> int | None:
    """The key of the first subscription up to `until` that is not triggered; of an activity, or of any."""
    scan = execution.view.scan
    if activity_id:
        named = scan(COMPENSATIONS_OF, owner, activity_id, limit=1, until=pack((owner, activity_id, until + 1)))
        return key_tail(named[0][0]) if named else None
    first = scan(COMPENSATIONS, owner, limit=1, until=pack((owner, until + 1)))
    return key_tail(first[0][0]) if first else None


def _trigger(execution: Execution, thrower: ElementInstance, key: int, row: CompensationRow, until: int) -> Effects:
    """What is in a sub-process is triggered before what undoes it begins, so that nothing in it is left behind."""
    graph = execution.graph
    boundary = _boundary_of(execution, graph.elements[row.activity_id]) if row.handler_id else None
    works = [_search(row.throw_key, row.activity_key, until)]
    row = structs.replace(row, throw_id=thrower.element_id)
    if boundary is None:
        yield _event(execution, "TRIGGERED", key, row)
        execution.push(*works, Work(kinds.COMPENSATED, row.throw_key, data=str(key)))
        return
    if (yield from _pass_boundary(execution, boundary, thrower.scope_key)):
        return
    handler_key = execution.view.next_key()
    yield _event(execution, "TRIGGERED", key, structs.replace(row, handler_key=handler_key))
    handler = graph.elements[row.handler_id]
    yield execution.activating(handler.body or handler, handler_key, thrower.scope_key)
    execution.push(*works, Work(kinds.RESUME_ACTIVATION, handler_key))


def _pass_boundary(execution: Execution, boundary: Element, scope_key: int) -> Deciding:
    """The boundary event begins and completes at once. True: the instance was created to end after it."""
    key = execution.view.next_key()
    yield execution.activating(boundary, key, scope_key)
    row = execution.view.get(ELEMENT_INSTANCES, key)
    assert row is not None
    for intent in ("ELEMENT_ACTIVATED", "ELEMENT_COMPLETING", "ELEMENT_COMPLETED"):
        yield execution.lifecycle(intent, key, row)
    return end_after(execution, row)


# what completes it


def complete_handler(execution: Execution, key: int) -> Effects:
    """A compensation activity is done."""
    handled = execution.view.get(COMPENSATION_HANDLERS, key)
    if handled is None:  # it was begun by someone else, before chosen elements
        return
    row = execution.view.get(COMPENSATIONS, handled.throw_key, handled.subscription_key)
    assert row is not None
    yield _event(execution, "COMPLETED", handled.subscription_key, row)
    execution.push(Work(kinds.COMPENSATED, handled.throw_key))


def finish(execution: Execution, work: Work) -> Effects:
    """Work COMPENSATED: the event `key` completes if nothing is left of what it triggers."""
    view = execution.view
    row = view.get(COMPENSATIONS, work.key, int(work.data)) if work.data else None
    if row is not None:
        yield _event(execution, "COMPLETED", int(work.data), row)
    on_it = (kinds.COMPENSATE, kinds.COMPENSATED)
    goes_on = any(other.key == work.key and other.kind in on_it for other in execution.stack)
    if not goes_on and not view.scan(COMPENSATIONS, work.key, limit=1):
        execution.push(Work(kinds.COMPLETE, work.key))


def _event(execution: Execution, intent: str, key: int, row: CompensationRow) -> Event:
    value = CompensationSubscription(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        root_process_instance_key=execution.root_key,
        compensable_activity_id=row.activity_id,
        compensable_activity_instance_key=row.activity_key,
        compensable_activity_scope_key=row.scope_key,
        compensation_handler_id=row.handler_id,
        compensation_handler_instance_key=row.handler_key,
        throw_event_id=row.throw_id,
        throw_event_instance_key=row.throw_key,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type=FAMILY, intent=intent, key=key, value=value)


# appliers


def _row(value: CompensationSubscription) -> CompensationRow:
    return CompensationRow(
        activity_id=value.compensable_activity_id,
        activity_key=value.compensable_activity_instance_key,
        scope_key=value.compensable_activity_scope_key,
        handler_id=value.compensation_handler_id,
        throw_id=value.throw_event_id,
        throw_key=value.throw_event_instance_key,
        handler_key=value.compensation_handler_instance_key,
    )


def _apply_created(fact: Fact, state: State) -> None:
    row = _row(cast(CompensationSubscription, fact.value))
    state.put(COMPENSATIONS, row.scope_key, fact.key, value=row)
    state.put(COMPENSATIONS_OF, row.scope_key, row.activity_id, fact.key, value=True)
    mark_holder(state, row.scope_key, HOLDS_COMPENSATIONS)


def _apply_migrated(fact: Fact, state: State) -> None:
    row = _row(cast(CompensationSubscription, fact.value))
    if row.throw_key != NONE:
        state.put(COMPENSATIONS, row.throw_key, fact.key, value=row)
        return
    _delete_waiting(state, fact.key, state.require(COMPENSATIONS, row.scope_key, fact.key))
    state.put(COMPENSATIONS, row.scope_key, fact.key, value=row)
    state.put(COMPENSATIONS_OF, row.scope_key, row.activity_id, fact.key, value=True)


def _apply_triggered(fact: Fact, state: State) -> None:
    row = _row(cast(CompensationSubscription, fact.value))
    _delete_waiting(state, fact.key, row)
    state.put(COMPENSATIONS, row.throw_key, fact.key, value=row)
    mark_holder(state, row.throw_key, HOLDS_COMPENSATIONS)
    if row.handler_key != NONE:
        handled = Handled(throw_key=row.throw_key, subscription_key=fact.key)
        state.put(COMPENSATION_HANDLERS, row.handler_key, value=handled)


def _apply_gone(fact: Fact, state: State) -> None:
    row = _row(cast(CompensationSubscription, fact.value))
    if row.throw_key == NONE:
        _delete_waiting(state, fact.key, row)
        return
    state.delete(COMPENSATIONS, row.throw_key, fact.key)
    if row.handler_key != NONE:
        state.delete(COMPENSATION_HANDLERS, row.handler_key)


def _delete_waiting(state: State, key: int, row: CompensationRow) -> None:
    state.delete(COMPENSATIONS, row.scope_key, key)
    state.delete(COMPENSATIONS_OF, row.scope_key, row.activity_id, key)


PART = Part(
    appliers={
        (FAMILY, "CREATED"): _apply_created,
        (FAMILY, "MIGRATED"): _apply_migrated,
        (FAMILY, "TRIGGERED"): _apply_triggered,
        (FAMILY, "COMPLETED"): _apply_gone,
        (FAMILY, "DELETED"): _apply_gone,
    },
    tables=table_values(COMPENSATIONS, COMPENSATIONS_OF, COMPENSATION_HANDLERS),
)
