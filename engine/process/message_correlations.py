"""Senders that wait for who gets their message (MESSAGE_CORRELATION): the first process instance, or nobody.

Source: Camunda 8 REST API, "Correlate message".
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT, NONE
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import MessageCorrelation

from .message_buffer import Given
from .message_tables import CORRELATION_REQUESTS, CorrelationRequest

FAMILY = "MESSAGE_CORRELATION"


def correlation_event(intent: str, message: Given, *, instance_key: int = NONE, request: str = "") -> Event:
    """A record about a message whose sender waits; with `request` it is the answer."""
    value = MessageCorrelation(
        name=message.name,
        correlation_key=message.correlation_key,
        message_key=message.key,
        process_instance_key=instance_key,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type=FAMILY, intent=intent, key=message.key, value=value, request=request)


def tell_correlated(view: View, message: Given, instance_key: int) -> Effects:
    """A process instance got the message: the first one is the answer."""
    waiting = view.get(CORRELATION_REQUESTS, message.key)
    if waiting is not None:
        yield correlation_event("CORRELATED", message, instance_key=instance_key, request=waiting.request)


def tell_rejected(view: View, message: Given) -> Effects:
    """Nobody is left whom the message is on its way to."""
    waiting = view.get(CORRELATION_REQUESTS, message.key)
    if waiting is not None and waiting.pending == 0:
        yield correlation_event("NOT_CORRELATED", message, request=waiting.request)


def count_pending(state: State, message_key: int, change: int) -> None:
    """For appliers: a message whose sender waits is on its way to one more, or one less."""
    waiting = state.get(CORRELATION_REQUESTS, message_key)
    if waiting is not None:
        counted = structs.replace(waiting, pending=waiting.pending + change)
        state.put(CORRELATION_REQUESTS, message_key, value=counted)


def _apply_correlating(fact: Fact, state: State) -> None:
    state.put(CORRELATION_REQUESTS, fact.key, value=CorrelationRequest(request=fact.step.request))


def _apply_answered(fact: Fact, state: State) -> None:
    state.delete(CORRELATION_REQUESTS, cast(MessageCorrelation, fact.value).message_key)


PART = Part(
    appliers={
        (FAMILY, "CORRELATING"): _apply_correlating,
        (FAMILY, "CORRELATED"): _apply_answered,
        (FAMILY, "NOT_CORRELATED"): _apply_answered,
    },
    tables=table_values(CORRELATION_REQUESTS),
)
