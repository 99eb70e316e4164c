"""Messages that element instances wait for: subscriptions here and on the partition of the correlation key.

The other partition learns of what is opened and closed by messages that arrive once and in order (law 7), so neither
side asks, repeats or acknowledges. Source: Camunda 8 "Messages", "Message events".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct, structs

from engine.bpmn.feel import EvaluationFailure, Value, brief
from engine.bpmn.model import BOUNDARY_EVENT, Element
from engine.bpmn.model import Message as MessageDefinition
from engine.core.effects import Effects, Event, Send
from engine.core.record import DEFAULT_TENANT, NONE, command, partition_of_name
from engine.core.state import View, key_tail
from engine.records import MessageSubscription, ProcessMessageSubscription

from ..execution import Execution
from ..message_tables import PROCESS_MESSAGE_SUBSCRIPTIONS, ProcessMessageSubscriptionRow
from ..tables import ELEMENT_INSTANCES
from ..variables import Scope

SUBSCRIPTION = "MESSAGE_SUBSCRIPTION"
PROCESS_SUBSCRIPTION = "PROCESS_MESSAGE_SUBSCRIPTION"

#: Bytes of a message's name, and of a correlation key: they are repeated in every record of a message.
TEXT_SIZE_MAX = 4_096


class Awaited(Struct, frozen=True, kw_only=True):
    """The message that is waited for."""

    name: str
    correlation_key: str


class MessageWait:
    """As `Wait`."""

    def evaluate(self, execution: Execution, key: int, catching: Element) -> Awaited:
        message = catching.event
        assert isinstance(message, MessageDefinition)
        assert message.correlation_key is not None
        name = message.name.evaluate(Scope(execution.view, key))
        if not isinstance(name, str) or not name:
            expected = f"expected the message name '{message.name.text}' to be a string"
            raise EvaluationFailure(f"{expected}, got {brief(name)}")
        outside = _outside(execution, key, catching)
        found = message.correlation_key.evaluate(Scope(execution.view, outside))
        correlation_key = _read_correlation_key(message.correlation_key.text, found)
        for what, text in (("message name", name), ("correlation key", correlation_key)):
            if len(text.encode()) > TEXT_SIZE_MAX:
                raise EvaluationFailure(f"expected a {what} of at most {TEXT_SIZE_MAX} bytes, got a longer one")
        return Awaited(name=name, correlation_key=correlation_key)

    def open(self, execution: Execution, key: int, catching: Element, awaited: Awaited) -> Effects:
        row = ProcessMessageSubscriptionRow(
            process_instance_key=execution.instance_key,
            element_id=catching.id,
            message_name=awaited.name,
            correlation_key=awaited.correlation_key,
            interrupting=catching.interrupting,
        )
        yield from _open(execution, key, row)

    def move(self, execution: Execution, key: int, catching: Mapping[str, Element]) -> Effects:
        """The other side is told too: it knows which process waits, and whether that is interrupted."""
        for row_key, row in execution.view.scan(PROCESS_MESSAGE_SUBSCRIPTIONS, key):
            if row.element_id in catching:
                target = catching[row.element_id]
                row = structs.replace(row, element_id=target.id, interrupting=target.interrupting)
                yield subscription_event(execution, "MIGRATED", key_tail(row_key), key, row)
                yield tell(execution.view, "MIGRATE", key_tail(row_key), key, row, process_id=execution.process_id)

    def close(self, execution: Execution, key: int, only: Collection[str] | None) -> Effects:
        for row_key, row in execution.view.scan(PROCESS_MESSAGE_SUBSCRIPTIONS, key):
            if only is None or row.element_id in only:
                yield subscription_event(execution, "DELETED", key_tail(row_key), key, row)
                yield tell(execution.view, "DELETE", key_tail(row_key), key, row)


def _open(execution: Execution, host: int, row: ProcessMessageSubscriptionRow) -> Effects:
    key = execution.view.next_key()
    yield subscription_event(execution, "CREATED", key, host, row)
    yield tell(execution.view, "CREATE", key, host, row, process_id=execution.process_id)


def reopen(execution: Execution, host: int, key: int) -> Effects:
    """Open a subscription of the element instance `host` anew, so that the messages that are kept for it come."""
    row = execution.view.get(PROCESS_MESSAGE_SUBSCRIPTIONS, host, key)
    if row is not None:
        yield subscription_event(execution, "DELETED", key, host, row)
        yield tell(execution.view, "DELETE", key, host, row)
        yield from _open(execution, host, structs.replace(row, message_key=NONE))


def _outside(execution: Execution, key: int, catching: Element) -> int:
    """A correlation key on the border of an activity does not see the variables of its input mappings, as in Zeebe."""
    row = execution.view.get(ELEMENT_INSTANCES, key)
    return row.scope_key if row is not None and catching.type == BOUNDARY_EVENT else key


def _read_correlation_key(text: str, value: Value) -> str:
    """A string, or a number, of which the whole part counts, as in Zeebe."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value))
    raise EvaluationFailure(f"expected the correlation key '{text}' to be a string or a number, got {brief(value)}")


def subscription_event(
    execution: Execution, intent: str, key: int, host: int, row: ProcessMessageSubscriptionRow, **message: object
) -> Event:
    """A record about a subscription of the element instance `host`; `message`: its key and variables."""
    value = ProcessMessageSubscription(
        **structs.asdict(row),
        element_instance_key=host,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    value = structs.replace(value, **message) if message else value
    return Event(value_type=PROCESS_SUBSCRIPTION, intent=intent, key=key, value=value)


def tell(
    view: View,
    intent: str,
    key: int,
    host: int,
    subscription: ProcessMessageSubscriptionRow | ProcessMessageSubscription,
    *,
    process_id: str = "",
    variables: str = "",
) -> Send:
    """A command about a subscription of the element instance `host`, for the partition of its correlation key."""
    value = MessageSubscription(
        process_instance_key=subscription.process_instance_key,
        element_instance_key=host,
        bpmn_process_id=process_id,
        message_name=subscription.message_name,
        correlation_key=subscription.correlation_key,
        interrupting=subscription.interrupting,
        message_key=subscription.message_key,
        variables=variables,
        tenant_id=DEFAULT_TENANT,
    )
    partition = partition_of_name(subscription.correlation_key, view.partition_count)
    return Send(partition=partition, command=command(SUBSCRIPTION, intent, value, key=key))
