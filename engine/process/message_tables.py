"""The tables of messages and of who waits for them. Appliers write them, processors read them.

What concerns a correlation key lies on one partition, whichever partition the process instances are on.
"""

from __future__ import annotations

from msgspec import Struct

from engine.core.record import NONE
from engine.core.state import Table


class MessageRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A message that is kept until its deadline, ms since 1970 (UTC)."""

    name: str
    correlation_key: str
    message_id: str
    variables: str
    deadline: int


class MessageSubscriptionRow(Struct, frozen=True, kw_only=True, array_like=True):
    """Who waits for a message; `message_key`: the one that is on its way to it."""

    process_instance_key: int
    element_instance_key: int
    bpmn_process_id: str
    message_name: str
    correlation_key: str
    interrupting: bool
    message_key: int = NONE
    #: what was published up to this message is not given to it: it had its turn then, as another process
    after: int = NONE


class ProcessMessageSubscriptionRow(Struct, frozen=True, kw_only=True, array_like=True):
    """What an element instance waits for; `element_id` catches it. `message_key`: the last one that it got."""

    process_instance_key: int
    element_id: str
    message_name: str
    correlation_key: str
    interrupting: bool
    message_key: int = NONE


class StartSubscriptionRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A message that starts the latest version of a process; `key`: that of the subscription on this partition."""

    key: int
    process_definition_key: int
    bpmn_process_id: str
    start_event_id: str


class CorrelationRequest(Struct, frozen=True, kw_only=True, array_like=True):
    """Who waits for what becomes of a message, and how many subscriptions it is on its way to."""

    request: str
    pending: int = 0


def address(name: str, correlation_key: str) -> str:
    """One text of both, so that a key of the state has room for more."""
    return f"{len(name)}:{name}{correlation_key}"


#: (message key,)
MESSAGES = Table(100, "MESSAGES", MessageRow)
#: (address, message key) -> True
BUFFERED_MESSAGES = Table(101, "BUFFERED_MESSAGES", bool)
#: (address, message id) -> message key
MESSAGE_IDS = Table(102, "MESSAGE_IDS", int)
#: (message key, BPMN process id) -> True: what of a buffered message was given, or is on its way
CORRELATIONS = Table(103, "CORRELATIONS", bool)
#: (subscription key,)
MESSAGE_SUBSCRIPTIONS = Table(104, "MESSAGE_SUBSCRIPTIONS", MessageSubscriptionRow)
#: (address, BPMN process id, subscription key) -> True: those that no message is on its way to
OPEN_SUBSCRIPTIONS = Table(105, "OPEN_SUBSCRIPTIONS", bool)
#: (element instance key, subscription key)
PROCESS_MESSAGE_SUBSCRIPTIONS = Table(106, "PROCESS_MESSAGE_SUBSCRIPTIONS", ProcessMessageSubscriptionRow)
#: (message key,)
CORRELATION_REQUESTS = Table(107, "CORRELATION_REQUESTS", CorrelationRequest)
#: (message name, BPMN process id)
START_SUBSCRIPTIONS = Table(108, "START_SUBSCRIPTIONS", StartSubscriptionRow)
#: (BPMN process id, correlation key) -> key of the living process instance that a message with this key started
STARTED_INSTANCES = Table(109, "STARTED_INSTANCES", int)
#: (process instance key, subscription key) -> the element instance that waits
SUBSCRIPTIONS_OF = Table(116, "SUBSCRIPTIONS_OF", int)
