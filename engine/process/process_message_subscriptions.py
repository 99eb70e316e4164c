"""Messages that arrive for element instances, and what is kept here of what they wait for.

Rule: a message is accepted exactly if its subscription is still open here and the process instance is not suspended;
whoever comes too late, or too early, gets it back at once.
"""

from __future__ import annotations

from typing import cast

import msgspec
from msgspec import structs

from engine.core.effects import Effects, Event, Send
from engine.core.record import Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import ProcessMessageSubscription

from . import work as kinds
from .events.message import PROCESS_SUBSCRIPTION, subscription_event, tell
from .events.waits import close_excluded
from .execution import open_execution
from .lifecycle import run
from .message_tables import PROCESS_MESSAGE_SUBSCRIPTIONS, SUBSCRIPTIONS_OF, ProcessMessageSubscriptionRow
from .tables import HELD, HELD_MESSAGE, HOLDS_WAITS, PAUSES, hold, is_suspended, mark_holder
from .work import Work


def correlate(command: Record, view: View) -> Effects:
    """PROCESS_MESSAGE_SUBSCRIPTION CORRELATE, from the partition of the correlation key."""
    message = cast(ProcessMessageSubscription, command.value)
    row = view.get(PROCESS_MESSAGE_SUBSCRIPTIONS, message.element_instance_key, command.key)
    if row is None or is_suspended(view, row.process_instance_key):
        value = structs.replace(message, variables="")
        yield Event(value_type=PROCESS_SUBSCRIPTION, intent="REJECTED", key=command.key, value=value)
        yield _answer(view, "REJECT", command.key, message, variables=message.variables)
        return
    execution = open_execution(view, row.process_instance_key)
    given = {"message_key": message.message_key, "variables": message.variables}
    yield subscription_event(execution, "CORRELATED", command.key, message.element_instance_key, row, **given)
    paused = view.get(PAUSES, row.process_instance_key) is not None
    if paused and row.interrupting:
        yield from close_excluded(execution, message.element_instance_key, row.element_id)
    if not paused or row.interrupting:
        yield _answer(view, "CORRELATE", command.key, message)
        execution.push(_happened(row, message))
    else:
        # The next message is given when this one has been dealt with, so that they do not pile up in the pause.
        data = msgspec.json.encode(structs.replace(message, variables="")).decode()
        execution.push(_happened(row, message), Work(kinds.FOLLOW_UP, command.key, PROCESS_SUBSCRIPTION, data))
    yield from run(execution)


def confirm(key: int, data: str, view: View) -> Effects:
    """A message that came while its instance was paused has been dealt with."""
    yield _answer(view, "CORRELATE", key, msgspec.json.decode(data, type=ProcessMessageSubscription))


def _happened(row: ProcessMessageSubscriptionRow, message: ProcessMessageSubscription) -> Work:
    return Work(kinds.HAPPENED, message.element_instance_key, row.element_id, message.variables)


def message_work(command: Record, view: View) -> Work | None:
    """What a CORRELATE that failed should have done, for the incident; nothing if its subscription is gone."""
    message = cast(ProcessMessageSubscription, command.value)
    row = view.get(PROCESS_MESSAGE_SUBSCRIPTIONS, message.element_instance_key, command.key)
    return _happened(row, message) if row is not None else None


def _answer(view: View, intent: str, key: int, message: ProcessMessageSubscription, variables: str = "") -> Send:
    """To the partition that gave the message; what is given back comes with its variables."""
    host, process_id = message.element_instance_key, message.bpmn_process_id
    return tell(view, intent, key, host, message, process_id=process_id, variables=variables)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(ProcessMessageSubscription, fact.value)
    row = ProcessMessageSubscriptionRow(
        process_instance_key=value.process_instance_key,
        element_id=value.element_id,
        message_name=value.message_name,
        correlation_key=value.correlation_key,
        interrupting=value.interrupting,
    )
    state.put(PROCESS_MESSAGE_SUBSCRIPTIONS, value.element_instance_key, fact.key, value=row)
    state.put(SUBSCRIPTIONS_OF, value.process_instance_key, fact.key, value=value.element_instance_key)
    mark_holder(state, value.element_instance_key, HOLDS_WAITS)


def _apply_migrated(fact: Fact, state: State) -> None:
    value = cast(ProcessMessageSubscription, fact.value)
    place = (value.element_instance_key, fact.key)
    row = state.require(PROCESS_MESSAGE_SUBSCRIPTIONS, *place)
    moved = structs.replace(row, element_id=value.element_id, interrupting=value.interrupting)
    state.put(PROCESS_MESSAGE_SUBSCRIPTIONS, *place, value=moved)


def _apply_correlated(fact: Fact, state: State) -> None:
    value = cast(ProcessMessageSubscription, fact.value)
    if value.interrupting:
        _apply_deleted(fact, state)
        return
    if value.direct:
        return  # what the other partition has given stays what it will be asked for
    place = (value.element_instance_key, fact.key)
    row = state.require(PROCESS_MESSAGE_SUBSCRIPTIONS, *place)
    state.put(PROCESS_MESSAGE_SUBSCRIPTIONS, *place, value=structs.replace(row, message_key=value.message_key))


def _apply_rejected(fact: Fact, state: State) -> None:
    """One that is still open is that of a suspended instance: it is opened anew at the resumption."""
    host = cast(ProcessMessageSubscription, fact.value).element_instance_key
    row = state.get(PROCESS_MESSAGE_SUBSCRIPTIONS, host, fact.key)
    if row is not None:
        hold(state, row.process_instance_key, HELD_MESSAGE, host, fact.key)


def _apply_deleted(fact: Fact, state: State) -> None:
    value = cast(ProcessMessageSubscription, fact.value)
    state.delete(PROCESS_MESSAGE_SUBSCRIPTIONS, value.element_instance_key, fact.key)
    state.delete(SUBSCRIPTIONS_OF, value.process_instance_key, fact.key)
    if state.get(HELD, value.process_instance_key, fact.key) is not None:
        state.delete(HELD, value.process_instance_key, fact.key)


PART = Part(
    processors={(PROCESS_SUBSCRIPTION, "CORRELATE"): correlate},
    appliers={
        (PROCESS_SUBSCRIPTION, "CREATED"): _apply_created,
        (PROCESS_SUBSCRIPTION, "MIGRATED"): _apply_migrated,
        (PROCESS_SUBSCRIPTION, "CORRELATED"): _apply_correlated,
        (PROCESS_SUBSCRIPTION, "REJECTED"): _apply_rejected,
        (PROCESS_SUBSCRIPTION, "DELETED"): _apply_deleted,
    },
    follow_ups={PROCESS_SUBSCRIPTION: confirm},
    tables=table_values(PROCESS_MESSAGE_SUBSCRIPTIONS, SUBSCRIPTIONS_OF),
)
