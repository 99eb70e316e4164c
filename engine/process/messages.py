"""Messages: published, kept for a time, given to who waits for them or starts by them.

Rule: what concerns a correlation key happens on one partition, the CRC-32 of the key's UTF-8 bytes modulo their count.
Limits: all processes (not instances) that a message reaches get it in one step, which holds its variables once for
each: seven times the largest, or some thousands of processes; more is refused. Messages that a process has had are
looked over until they expire when it looks for the next.
Source: Camunda 8 "Messages"; REST API, "Publish message", "Correlate message".
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import ALREADY_EXISTS, EXCEEDED_LIMIT, INVALID_ARGUMENT, NOT_FOUND, Reject
from engine.core.head import clear_due, set_due
from engine.core.record import DEFAULT_TENANT, Record, partition_of_name
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import Message, MessageCorrelation

from .events.message import TEXT_SIZE_MAX
from .message_buffer import Given
from .message_correlations import FAMILY as CORRELATION
from .message_correlations import correlation_event
from .message_starts import start_instances
from .message_subscriptions import give_to_waiting
from .message_tables import BUFFERED_MESSAGES, CORRELATIONS, MESSAGE_IDS, MESSAGES, MessageRow, address
from .variables import VARIABLE_SIZE_MAX, parse_document

FAMILY = "MESSAGE"

#: The name under which messages expire.
MESSAGE_TTL = "MESSAGE_TTL"

#: A hundred years.
TIME_TO_LIVE_MS_MAX = 100 * 366 * 24 * 3_600_000


def publish(command: Record, view: View) -> Effects:
    """MESSAGE PUBLISH: answered at once, whoever gets it."""
    wish = cast(Message, command.value)
    _check(view, wish.name, wish.correlation_key, wish.variables)
    _check_kept(view, wish)
    given = Given(key=view.next_key(), name=wish.name, correlation_key=wish.correlation_key, variables=wish.variables)
    message = structs.replace(wish, deadline=view.now + wish.time_to_live, tenant_id=DEFAULT_TENANT)
    yield Event(value_type=FAMILY, intent="PUBLISHED", key=given.key, value=message, answers=True)
    waiting = yield from give_to_waiting(view, given)
    yield from start_instances(view, given, waiting)
    if not wish.time_to_live:
        yield _expired(given.key, message)


def _check(view: View, name: str, correlation_key: str, variables: str) -> None:
    """Raises Reject."""
    problems = []
    if not name:
        problems.append("expected a message name, got none; give it")
    for what, text in (("message name", name), ("correlation key", correlation_key)):
        if len(text.encode()) > TEXT_SIZE_MAX:
            problems.append(f"expected a {what} of at most {TEXT_SIZE_MAX} bytes, got a longer one; shorten it")
    home = partition_of_name(correlation_key, view.partition_count)
    if home != view.partition:
        problems.append(f"expected a message on the partition of its correlation key, {home}; send it there")
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    if len(variables.encode()) > VARIABLE_SIZE_MAX:
        raise Reject(EXCEEDED_LIMIT, f"expected variables of at most {VARIABLE_SIZE_MAX} bytes, got more; send less")
    parse_document(variables)


def _check_kept(view: View, wish: Message) -> None:
    """What is told of a message that is kept. Raises Reject."""
    if not 0 <= wish.time_to_live <= TIME_TO_LIVE_MS_MAX:
        expected = f"expected a time to live from 0 to {TIME_TO_LIVE_MS_MAX} ms"
        raise Reject(INVALID_ARGUMENT, f"{expected}, got {wish.time_to_live}; correct it")
    if len(wish.message_id.encode()) > TEXT_SIZE_MAX:
        expected = f"expected a message id of at most {TEXT_SIZE_MAX} bytes"
        raise Reject(INVALID_ARGUMENT, f"{expected}, got a longer one; shorten it")
    place = address(wish.name, wish.correlation_key)
    if wish.message_id and view.get(MESSAGE_IDS, place, wish.message_id) is not None:
        expected = f"expected a message id that no other message '{wish.name}' with this correlation key has"
        raise Reject(ALREADY_EXISTS, f"{expected}, got '{wish.message_id}', which was published already")


def correlate(command: Record, view: View) -> Effects:
    """MESSAGE_CORRELATION CORRELATE: answered when a process instance got the message, or when nobody did."""
    wish = cast(MessageCorrelation, command.value)
    _check(view, wish.name, wish.correlation_key, wish.variables)
    given = Given(key=view.next_key(), name=wish.name, correlation_key=wish.correlation_key, variables=wish.variables)
    message = Message(
        name=wish.name,
        correlation_key=wish.correlation_key,
        variables=wish.variables,
        deadline=view.now,
        tenant_id=DEFAULT_TENANT,
    )
    yield Event(value_type=FAMILY, intent="PUBLISHED", key=given.key, value=message)
    yield correlation_event("CORRELATING", given)
    waiting = yield from give_to_waiting(view, given)
    started, blocked = yield from start_instances(view, given, waiting)
    if not waiting and not started:
        raise Reject(NOT_FOUND, _nobody(given, blocked))
    if started:
        answer = correlation_event("CORRELATED", given, instance_key=started[0])
        yield structs.replace(answer, answers=True)
    yield _expired(given.key, message)


def _nobody(message: Given, blocked: list[str]) -> str:
    text = (
        f"expected a process instance that waits for the message '{message.name}' with the correlation key "
        f"'{message.correlation_key}', or a process that it starts, got none"
    )
    if blocked:
        text += f": {', '.join(blocked[:5])} has an instance with this correlation key already"
    return text


def _expired(key: int, message: Message) -> Event:
    return Event(value_type=FAMILY, intent="EXPIRED", key=key, value=structs.replace(message, variables=""))


def expire(key: int, view: View) -> Effects:
    """The time of a message is over."""
    row = view.get(MESSAGES, key)
    if row is not None:
        value = Message(
            name=row.name,
            correlation_key=row.correlation_key,
            message_id=row.message_id,
            deadline=row.deadline,
            tenant_id=DEFAULT_TENANT,
        )
        yield _expired(key, value)


# appliers


def _apply_published(fact: Fact, state: State) -> None:
    value = cast(Message, fact.value)
    if not value.time_to_live:
        return
    row = MessageRow(
        name=value.name,
        correlation_key=value.correlation_key,
        message_id=value.message_id,
        variables=value.variables,
        deadline=value.deadline,
    )
    place = address(value.name, value.correlation_key)
    state.put(MESSAGES, fact.key, value=row)
    state.put(BUFFERED_MESSAGES, place, fact.key, value=True)
    if value.message_id:
        state.put(MESSAGE_IDS, place, value.message_id, value=fact.key)
    set_due(state, value.deadline, MESSAGE_TTL, fact.key)


def _apply_expired(fact: Fact, state: State) -> None:
    row = state.get(MESSAGES, fact.key)
    if row is None:
        return
    place = address(row.name, row.correlation_key)
    state.delete(MESSAGES, fact.key)
    state.delete(BUFFERED_MESSAGES, place, fact.key)
    if row.message_id:
        state.delete(MESSAGE_IDS, place, row.message_id)
    for key, _ in state.scan(CORRELATIONS, fact.key):
        state.delete_row(CORRELATIONS, key)
    clear_due(state, row.deadline, MESSAGE_TTL, fact.key)


PART = Part(
    processors={(FAMILY, "PUBLISH"): publish, (CORRELATION, "CORRELATE"): correlate},
    appliers={(FAMILY, "PUBLISHED"): _apply_published, (FAMILY, "EXPIRED"): _apply_expired},
    timers={MESSAGE_TTL: expire},
    tables=table_values(MESSAGES, BUFFERED_MESSAGES, MESSAGE_IDS, CORRELATIONS),
)
