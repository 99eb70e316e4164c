"""Messages that start process instances: what the latest version of each process waits for, on every partition.

Rules: the instance lives on the partition of the correlation key; with a correlation key, one instance of a process at
a time is started, and when it has ended, the next message that is kept may start another.
Source: Camunda 8 "Messages", "Message start events".
"""

from __future__ import annotations

from collections.abc import Generator
from typing import cast

from msgspec import structs

from engine.bpmn.model import Process
from engine.core.effects import Effect, Effects, Event
from engine.core.faults import NOT_FOUND, Reject
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import MessageStartEventSubscription

from .business_ids import put_instance
from .definitions import find_definition
from .execution import Execution
from .lifecycle import start_at
from .message_buffer import START_SUBSCRIPTION as FAMILY
from .message_buffer import Given, first_start, started_by
from .message_tables import (
    CORRELATIONS,
    MESSAGES,
    START_SUBSCRIPTIONS,
    STARTED_INSTANCES,
    StartSubscriptionRow,
)
from .tables import Instance


def renew_subscriptions(view: View, definition_key: int, graph: Process, before: int | None) -> Effects:
    """A version is deployed: what it waits for takes the place of what the version before waited for."""
    if before is not None:
        for name, _ in started_by(find_definition(view, before)[1]):
            row = view.get(START_SUBSCRIPTIONS, name, graph.id)
            if row is not None:
                yield _event("DELETED", row.key, row, name)
    for name, element in started_by(graph):
        row = StartSubscriptionRow(
            key=view.next_key(),
            process_definition_key=definition_key,
            bpmn_process_id=graph.id,
            start_event_id=element.id,
        )
        yield _event("CREATED", row.key, row, name)


def _event(
    intent: str, key: int, row: StartSubscriptionRow, name: str, message: Given | None = None, instance_key: int = NONE
) -> Event:
    value = MessageStartEventSubscription(
        process_definition_key=row.process_definition_key,
        bpmn_process_id=row.bpmn_process_id,
        start_event_id=row.start_event_id,
        message_name=name,
        process_instance_key=instance_key,
        tenant_id=DEFAULT_TENANT,
    )
    if message is not None:
        value = structs.replace(
            value,
            message_key=message.key,
            correlation_key=message.correlation_key,
            variables=message.variables,
        )
    return Event(value_type=FAMILY, intent=intent, key=key, value=value)


def start_instances(
    view: View, message: Given, without: frozenset[str]
) -> Generator[Effect, Reject | None, tuple[list[int], list[str]]]:
    """Start each process that the message starts, but those `without`.

    Gives the keys of the instances, and the ids of the processes that have one with this correlation key already.
    """
    limit = view.effort + view.settings.step_effects_max
    started: list[int] = []
    blocked: list[str] = []
    for _, row in view.scan(START_SUBSCRIPTIONS, message.name):
        if row.bpmn_process_id in without:
            continue
        if _is_blocked(view, row.bpmn_process_id, message.correlation_key):
            blocked.append(row.bpmn_process_id)
            continue
        started.append((yield from _start(view, row, message, limit)))
    return started, blocked


def _is_blocked(view: View, process_id: str, correlation_key: str) -> bool:
    return bool(correlation_key) and view.get(STARTED_INSTANCES, process_id, correlation_key) is not None


def _start(view: View, row: StartSubscriptionRow, message: Given, limit: int) -> Generator[Effect, Reject | None, int]:
    instance_key = view.next_key()
    yield _event("CORRELATED", row.key, row, message.name, message, instance_key)
    definition_key = row.process_definition_key
    execution = Execution(view, instance_key, definition_key, find_definition(view, definition_key))
    yield from start_at(execution, row.start_event_id, message.variables, limit)
    return instance_key


def correlate(command: Record, view: View) -> Effects:
    """MESSAGE_START_EVENT_SUBSCRIPTION CORRELATE: an instance has ended; the oldest message kept starts the next."""
    ended = cast(MessageStartEventSubscription, command.value)
    process_id, correlation_key = ended.bpmn_process_id, ended.correlation_key
    message = None
    if not _is_blocked(view, process_id, correlation_key):
        message = first_start(view, process_id, correlation_key)
    row = view.get(START_SUBSCRIPTIONS, message.name, process_id) if message is not None else None
    if message is None or row is None:
        raise Reject(NOT_FOUND, f"expected a message that starts process '{process_id}' now, got none")
    yield from _start(view, row, message, view.effort + view.settings.step_effects_max)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(MessageStartEventSubscription, fact.value)
    row = StartSubscriptionRow(
        key=fact.key,
        process_definition_key=value.process_definition_key,
        bpmn_process_id=value.bpmn_process_id,
        start_event_id=value.start_event_id,
    )
    state.put(START_SUBSCRIPTIONS, value.message_name, value.bpmn_process_id, value=row)


def _apply_correlated(fact: Fact, state: State) -> None:
    value = cast(MessageStartEventSubscription, fact.value)
    if state.get(MESSAGES, value.message_key) is not None:
        state.put(CORRELATIONS, value.message_key, value.bpmn_process_id, value=True)
    if value.correlation_key:
        state.put(STARTED_INSTANCES, value.bpmn_process_id, value.correlation_key, value=value.process_instance_key)
        instance = Instance(correlation_key=value.correlation_key)
        put_instance(state, value.process_instance_key, value.bpmn_process_id, instance)


def _apply_deleted(fact: Fact, state: State) -> None:
    value = cast(MessageStartEventSubscription, fact.value)
    state.delete(START_SUBSCRIPTIONS, value.message_name, value.bpmn_process_id)


PART = Part(
    processors={(FAMILY, "CORRELATE"): correlate},
    appliers={
        (FAMILY, "CREATED"): _apply_created,
        (FAMILY, "CORRELATED"): _apply_correlated,
        (FAMILY, "DELETED"): _apply_deleted,
    },
    tables=table_values(START_SUBSCRIPTIONS, STARTED_INSTANCES),
)
