"""Who waits for messages with the correlation keys of this partition, and which message each is given.

Rules: a subscription is given one message at a time, the oldest first; of a process (all versions and instances
together) one subscription gets a message; what comes back is given to another one, or is kept again.
Source: Camunda 8 "Messages"; Zeebe's message correlation.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import cast

from msgspec import structs

from engine.core.effects import Effect, Effects, Event, Send
from engine.core.faults import NOT_FOUND, Reject
from engine.core.record import DEFAULT_TENANT, NONE, Record, partition_of
from engine.core.record import command as make_command
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View, key_tail, pack
from engine.records import MessageSubscription, ProcessMessageSubscription

from .events.message import PROCESS_SUBSCRIPTION, SUBSCRIPTION
from .message_buffer import Given, first_buffered
from .message_correlations import count_pending, tell_correlated, tell_rejected
from .message_tables import (
    CORRELATIONS,
    MESSAGE_SUBSCRIPTIONS,
    MESSAGES,
    OPEN_SUBSCRIPTIONS,
    MessageSubscriptionRow,
    address,
)


def give_to_waiting(view: View, message: Given) -> Generator[Effect, Reject | None, frozenset[str]]:
    """One open subscription of each process that waits for the message gets it. Gives the ids of these processes."""
    place = address(message.name, message.correlation_key)
    process_ids: list[str] = []
    after = b""
    while rows := view.scan(OPEN_SUBSCRIPTIONS, place, limit=1, after=after):
        key = key_tail(rows[0][0])
        row = _require(view, key)
        yield from _give(key, row, message)
        process_ids.append(row.bpmn_process_id)
        after = pack((place, row.bpmn_process_id)) + b"\xff" * 8
    return frozenset(process_ids)


def _give(key: int, row: MessageSubscriptionRow, message: Given) -> Effects:
    yield _event("CORRELATING", key, row, message.key)
    value = ProcessMessageSubscription(
        process_instance_key=row.process_instance_key,
        element_instance_key=row.element_instance_key,
        bpmn_process_id=row.bpmn_process_id,
        message_name=row.message_name,
        correlation_key=row.correlation_key,
        interrupting=row.interrupting,
        message_key=message.key,
        variables=message.variables,
        tenant_id=DEFAULT_TENANT,
    )
    given = make_command(PROCESS_SUBSCRIPTION, "CORRELATE", value, key=key)
    yield Send(partition=partition_of(row.process_instance_key), command=given)


def _event(intent: str, key: int, row: MessageSubscriptionRow, message_key: int) -> Event:
    fields = {**structs.asdict(row), "message_key": message_key}
    del fields["after"]
    value = MessageSubscription(**fields, tenant_id=DEFAULT_TENANT)
    return Event(value_type=SUBSCRIPTION, intent=intent, key=key, value=value)


def _require(view: View, key: int) -> MessageSubscriptionRow:
    """Raises Reject NOT_FOUND."""
    row = view.get(MESSAGE_SUBSCRIPTIONS, key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected the message subscription {key}, got none")
    return row


def _give_next(view: View, key: int) -> Effects:
    """The oldest message that fits, if there is one."""
    row = _require(view, key)
    message = first_buffered(view, row.message_name, row.correlation_key, row.bpmn_process_id, row.after)
    if message is not None:
        yield from _give(key, row, message)


def create(command: Record, view: View) -> Effects:
    """MESSAGE_SUBSCRIPTION CREATE, from the partition of the process instance."""
    value = cast(MessageSubscription, command.value)
    yield Event(value_type=SUBSCRIPTION, intent="CREATED", key=command.key, value=value)
    yield from _give_next(view, command.key)


def migrate(command: Record, view: View) -> Effects:
    """MESSAGE_SUBSCRIPTION MIGRATE: who waits has become another process, or is interrupted otherwise."""
    value = cast(MessageSubscription, command.value)
    row = _require(view, command.key)
    moved = structs.replace(row, bpmn_process_id=value.bpmn_process_id, interrupting=value.interrupting)
    becomes_another = value.bpmn_process_id != row.bpmn_process_id
    last = max(value.message_key, row.message_key) if becomes_another else row.after
    yield _event("MIGRATED", command.key, moved, last)
    if view.get(OPEN_SUBSCRIPTIONS, *_place(command.key, moved)) is not None:
        yield from _give_next(view, command.key)


def correlate(command: Record, view: View) -> Effects:
    """MESSAGE_SUBSCRIPTION CORRELATE: the message has come; one that does not interrupt waits for the next."""
    value = cast(MessageSubscription, command.value)
    row = _require(view, command.key)
    yield _event("CORRELATED", command.key, row, value.message_key)
    yield from tell_correlated(view, _given(value), row.process_instance_key)
    if not row.interrupting:
        yield from _give_next(view, command.key)


def reject(command: Record, view: View) -> Effects:
    """MESSAGE_SUBSCRIPTION REJECT: the message came too late; another subscription of the process may have it."""
    value = cast(MessageSubscription, command.value)
    message = _given(value)
    yield Event(value_type=SUBSCRIPTION, intent="REJECTED", key=command.key, value=structs.replace(value, variables=""))
    place = address(message.name, message.correlation_key)
    others = view.scan(OPEN_SUBSCRIPTIONS, place, value.bpmn_process_id, limit=1)
    if others:
        key = key_tail(others[0][0])
        yield from _give(key, _require(view, key), message)
    yield from tell_rejected(view, message)


def delete(command: Record, view: View) -> Effects:
    """MESSAGE_SUBSCRIPTION DELETE. A message that is on its way will come back, unless it came before the end."""
    value = cast(MessageSubscription, command.value)
    row = _require(view, command.key)
    yield _event("DELETED", command.key, row, row.message_key)
    if row.message_key != NONE and row.message_key == value.message_key:
        yield from tell_correlated(view, _given(value), row.process_instance_key)


def _given(value: MessageSubscription) -> Given:
    return Given(
        key=value.message_key,
        name=value.message_name,
        correlation_key=value.correlation_key,
        variables=value.variables,
    )


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(MessageSubscription, fact.value)
    row = MessageSubscriptionRow(
        process_instance_key=value.process_instance_key,
        element_instance_key=value.element_instance_key,
        bpmn_process_id=value.bpmn_process_id,
        message_name=value.message_name,
        correlation_key=value.correlation_key,
        interrupting=value.interrupting,
    )
    state.put(MESSAGE_SUBSCRIPTIONS, fact.key, value=row)
    state.put(OPEN_SUBSCRIPTIONS, *_place(fact.key, row), value=True)


def _apply_migrated(fact: Fact, state: State) -> None:
    value = cast(MessageSubscription, fact.value)
    row = state.require(MESSAGE_SUBSCRIPTIONS, fact.key)
    moved = structs.replace(
        row, bpmn_process_id=value.bpmn_process_id, interrupting=value.interrupting, after=value.message_key
    )
    state.put(MESSAGE_SUBSCRIPTIONS, fact.key, value=moved)
    if state.get(OPEN_SUBSCRIPTIONS, *_place(fact.key, row)) is not None:
        state.delete(OPEN_SUBSCRIPTIONS, *_place(fact.key, row))
        state.put(OPEN_SUBSCRIPTIONS, *_place(fact.key, moved), value=True)


def _apply_correlating(fact: Fact, state: State) -> None:
    value = cast(MessageSubscription, fact.value)
    row = state.require(MESSAGE_SUBSCRIPTIONS, fact.key)
    state.put(MESSAGE_SUBSCRIPTIONS, fact.key, value=structs.replace(row, message_key=value.message_key))
    state.delete(OPEN_SUBSCRIPTIONS, *_place(fact.key, row))
    count_pending(state, value.message_key, 1)
    if state.get(MESSAGES, value.message_key) is not None:
        state.put(CORRELATIONS, value.message_key, value.bpmn_process_id, value=True)


def _apply_correlated(fact: Fact, state: State) -> None:
    row = state.require(MESSAGE_SUBSCRIPTIONS, fact.key)
    if row.interrupting:
        state.delete(MESSAGE_SUBSCRIPTIONS, fact.key)
        return
    state.put(MESSAGE_SUBSCRIPTIONS, fact.key, value=structs.replace(row, message_key=NONE))
    state.put(OPEN_SUBSCRIPTIONS, *_place(fact.key, row), value=True)


def _apply_rejected(fact: Fact, state: State) -> None:
    value = cast(MessageSubscription, fact.value)
    count_pending(state, value.message_key, -1)
    state.delete(CORRELATIONS, value.message_key, value.bpmn_process_id)


def _apply_deleted(fact: Fact, state: State) -> None:
    row = state.require(MESSAGE_SUBSCRIPTIONS, fact.key)
    state.delete(MESSAGE_SUBSCRIPTIONS, fact.key)
    state.delete(OPEN_SUBSCRIPTIONS, *_place(fact.key, row))


def _place(key: int, row: MessageSubscriptionRow) -> tuple[str, str, int]:
    return address(row.message_name, row.correlation_key), row.bpmn_process_id, key


PART = Part(
    processors={
        (SUBSCRIPTION, "CREATE"): create,
        (SUBSCRIPTION, "MIGRATE"): migrate,
        (SUBSCRIPTION, "CORRELATE"): correlate,
        (SUBSCRIPTION, "REJECT"): reject,
        (SUBSCRIPTION, "DELETE"): delete,
    },
    appliers={
        (SUBSCRIPTION, "CREATED"): _apply_created,
        (SUBSCRIPTION, "MIGRATED"): _apply_migrated,
        (SUBSCRIPTION, "CORRELATING"): _apply_correlating,
        (SUBSCRIPTION, "CORRELATED"): _apply_correlated,
        (SUBSCRIPTION, "REJECTED"): _apply_rejected,
        (SUBSCRIPTION, "DELETED"): _apply_deleted,
    },
    tables=table_values(MESSAGE_SUBSCRIPTIONS, OPEN_SUBSCRIPTIONS),
)
