"""Signals: whoever waits for one when it arrives at his partition gets it, page by page, and those later do not.

Rules: a process with a signal start event is started on the partition that broadcasts, in its latest version. One
who fails is set aside with an incident, and the others get the signal.
Limit: a broadcast is one step, in which the variables are repeated about twice for each other partition.
Source: Camunda 8 "Signals"; REST API, "Broadcast signal".
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.bpmn.model import Process
from engine.bpmn.model import Signal as SignalDefinition
from engine.core.effects import Attempt, Effects, Event, Send
from engine.core.faults import EXCEEDED_LIMIT, INVALID_ARGUMENT, Reject
from engine.core.head import apply_nothing
from engine.core.record import NONE, Record, partition_of
from engine.core.record import command as make_command
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View, key_tail, pack
from engine.records import Signal, SignalSubscription

from . import work as kinds
from .broadcasts import FAMILY, TRIGGER, broadcast
from .definitions import find_definition
from .events.message import TEXT_SIZE_MAX
from .events.signal import SUBSCRIPTION, subscription_event
from .execution import Execution, open_execution
from .lifecycle import run, start_at
from .signal_tables import SIGNAL_SUBSCRIPTIONS, SIGNALS_OF, SignalSubscriptionRow
from .tables import HOLDS_WAITS, is_suspended, mark_holder
from .variables import VARIABLE_SIZE_MAX, parse_document
from .work import Work

#: Subscriptions that one step looks at.
PAGE_SIZE = 100


def broadcast_signal(command: Record, view: View) -> Effects:
    """SIGNAL BROADCAST: answered at once, whoever gets it."""
    wish = cast(Signal, command.value)
    if not wish.signal_name:
        raise Reject(INVALID_ARGUMENT, "expected a signal name, got none; give it")
    if len(wish.signal_name.encode()) > TEXT_SIZE_MAX:
        raise Reject(INVALID_ARGUMENT, f"expected a signal name of at most {TEXT_SIZE_MAX} bytes; shorten it")
    if len(wish.variables.encode()) > VARIABLE_SIZE_MAX:
        raise Reject(EXCEEDED_LIMIT, f"expected variables of at most {VARIABLE_SIZE_MAX} bytes, got more; send less")
    parse_document(wish.variables)
    yield from broadcast(view, wish.signal_name, wish.variables, answers=True)


def trigger(command: Record, view: View) -> Effects:
    """SIGNAL TRIGGER: give a signal to the next of those who wait; as many as fit a step, the rest in a later one.

    `after`: the last subscription that had it; `until`: the first one that came too late, NONE before the first page.
    """
    signal = cast(Signal, command.value)
    until = view.next_key() if signal.until == NONE else signal.until
    begin = pack((signal.signal_name, signal.after)) if signal.after != NONE else b""
    end = pack((signal.signal_name, until))
    page = view.scan(SIGNAL_SUBSCRIPTIONS, signal.signal_name, limit=PAGE_SIZE, after=begin, until=end)
    yield Event(value_type=FAMILY, intent="TRIGGERED", key=command.key, value=structs.replace(signal, variables=""))
    limit = view.effort + view.settings.step_effects_max
    after = signal.after
    for row_key, row in page:
        if view.effort >= limit:
            break
        after = key_tail(row_key)
        refusal = yield Attempt(effects=_give(view, command.key, signal, after, limit))
        if refusal is not None and row.element_instance_key != NONE:
            yield Attempt(effects=_set_aside(view, row, signal, refusal))
    if page and (len(page) == PAGE_SIZE or after != key_tail(page[-1][0])):
        rest = structs.replace(signal, after=after, until=until)
        yield Send(partition=view.partition, command=make_command(FAMILY, TRIGGER, rest, key=command.key))


def _give(view: View, signal_key: int, signal: Signal, key: int, limit: int) -> Effects:
    row = view.get(SIGNAL_SUBSCRIPTIONS, signal.signal_name, key)
    if row is None:  # what came before in this page has ended it
        return
    if row.element_instance_key != NONE:
        if is_suspended(view, row.process_instance_key):  # it has missed the signal
            return
        execution = open_execution(view, row.process_instance_key)
        execution.push(_happened(row, signal))
        yield from run(execution, limit=limit)
    elif partition_of(signal_key) == view.partition:
        found = find_definition(view, row.process_definition_key)
        execution = Execution(view, view.next_key(), row.process_definition_key, found)
        yield from start_at(execution, row.element_id, signal.variables, limit)


def _happened(row: SignalSubscriptionRow, signal: Signal) -> Work:
    return Work(kinds.HAPPENED, row.element_instance_key, row.element_id, signal.variables)


def _set_aside(view: View, row: SignalSubscriptionRow, signal: Signal, refusal: Reject) -> Effects:
    """Law 12: the instance that failed gets an incident; resolved, it gets the signal again."""
    message = f"signal '{signal.signal_name}' failed: {refusal.reason}; resolve the incident to try again, or cancel"
    execution = open_execution(view, row.process_instance_key)
    yield execution.incident(row.element_instance_key, "UNKNOWN", message, resume=_happened(row, signal))


# start events


def renew_subscriptions(view: View, definition_key: int, graph: Process, before: int | None) -> Effects:
    """A version is deployed: what it is started by takes the place of what the version before was started by."""
    if before is not None:
        for row_key, name in view.scan(SIGNALS_OF, before):
            row = view.get(SIGNAL_SUBSCRIPTIONS, name, key_tail(row_key))
            if row is not None:
                yield subscription_event("DELETED", key_tail(row_key), name, row, NONE)
    for start in (graph.elements[name] for name in graph.root.event_starts):
        if isinstance(start.event, SignalDefinition):
            row = SignalSubscriptionRow(
                process_instance_key=NONE,
                element_instance_key=NONE,
                process_definition_key=definition_key,
                bpmn_process_id=graph.id,
                element_id=start.id,
            )
            yield subscription_event("CREATED", view.next_key(), start.event.name.text, row, NONE)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(SignalSubscription, fact.value)
    state.put(SIGNAL_SUBSCRIPTIONS, value.signal_name, fact.key, value=_row(value))
    state.put(SIGNALS_OF, _owner(value), fact.key, value=value.signal_name)
    mark_holder(state, value.element_instance_key, HOLDS_WAITS)


def _apply_migrated(fact: Fact, state: State) -> None:
    value = cast(SignalSubscription, fact.value)
    state.put(SIGNAL_SUBSCRIPTIONS, value.signal_name, fact.key, value=_row(value))


def _apply_deleted(fact: Fact, state: State) -> None:
    value = cast(SignalSubscription, fact.value)
    state.delete(SIGNAL_SUBSCRIPTIONS, value.signal_name, fact.key)
    state.delete(SIGNALS_OF, _owner(value), fact.key)


def _row(value: SignalSubscription) -> SignalSubscriptionRow:
    return SignalSubscriptionRow(
        process_instance_key=value.process_instance_key,
        element_instance_key=value.element_instance_key,
        process_definition_key=value.process_definition_key,
        bpmn_process_id=value.bpmn_process_id,
        element_id=value.element_id,
    )


def _owner(value: SignalSubscription) -> int:
    """The element instance that waits, or the definition whose start event it is."""
    return value.process_definition_key if value.element_instance_key == NONE else value.element_instance_key


PART = Part(
    processors={(FAMILY, "BROADCAST"): broadcast_signal, (FAMILY, TRIGGER): trigger},
    appliers={
        (FAMILY, "BROADCASTED"): apply_nothing,
        (FAMILY, "TRIGGERED"): apply_nothing,
        (SUBSCRIPTION, "CREATED"): _apply_created,
        (SUBSCRIPTION, "MIGRATED"): _apply_migrated,
        (SUBSCRIPTION, "DELETED"): _apply_deleted,
    },
    tables=table_values(SIGNAL_SUBSCRIPTIONS, SIGNALS_OF),
)
