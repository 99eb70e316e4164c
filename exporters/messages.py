"""Messages as every store keeps them: who waits or waited for one, and which were given to whom.

A row is written whole by each record about it, so nothing is read back. Sources: Camunda 8 REST API, "Message
subscription", "Correlated message subscription".
"""

from __future__ import annotations

from msgspec import Struct

from engine.core.record import Record
from engine.records.message_start_event_subscription import MessageStartEventSubscription
from engine.records.process_message_subscription import ProcessMessageSubscription

PROCESS_EVENT = "PROCESS_EVENT"
START_EVENT = "START_EVENT"

#: Subscriptions of start events are on every partition: those of this one stand for all.
PARTITION_SHOWN = 1


class SubscriptionRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who waits for a message; fields in the order of the columns of `message_subscriptions`."""

    key: int
    type: str
    state: str
    last_updated: int
    message_name: str
    correlation_key: str | None = None
    process_id: str
    definition_key: int
    process_instance_key: int | None = None
    root_key: int | None = None
    element_id: str
    element_instance_key: int | None = None


class CorrelationRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that was given; fields in the order of the columns of `message_correlations`."""

    message_key: int
    subscription_key: int
    correlation_time: int
    partition_id: int
    message_name: str
    correlation_key: str | None = None
    process_id: str
    definition_key: int
    process_instance_key: int
    root_key: int | None = None
    element_id: str
    element_instance_key: int | None = None

    @property
    def id(self) -> str:
        return f"{self.message_key}-{self.subscription_key}"


def subscription_row(record: Record, value: ProcessMessageSubscription) -> SubscriptionRow:
    """Of PROCESS_MESSAGE_SUBSCRIPTION CREATED, MIGRATED, CORRELATED and DELETED."""
    return SubscriptionRow(
        key=record.key,
        type=PROCESS_EVENT,
        state=record.intent,
        last_updated=record.step.timestamp,
        message_name=value.message_name,
        correlation_key=value.correlation_key,
        process_id=value.bpmn_process_id,
        definition_key=value.process_definition_key,
        process_instance_key=value.process_instance_key,
        root_key=value.root_process_instance_key,
        element_id=value.element_id,
        element_instance_key=value.element_instance_key,
    )


def start_subscription_row(record: Record, value: MessageStartEventSubscription) -> SubscriptionRow:
    """Of MESSAGE_START_EVENT_SUBSCRIPTION CREATED and DELETED."""
    return SubscriptionRow(
        key=record.key,
        type=START_EVENT,
        state=record.intent,
        last_updated=record.step.timestamp,
        message_name=value.message_name,
        process_id=value.bpmn_process_id,
        definition_key=value.process_definition_key,
        element_id=value.start_event_id,
    )


def correlation_row(record: Record, value: ProcessMessageSubscription) -> CorrelationRow:
    """Of PROCESS_MESSAGE_SUBSCRIPTION CORRELATED."""
    return CorrelationRow(
        message_key=value.message_key,
        subscription_key=record.key,
        correlation_time=record.step.timestamp,
        partition_id=record.step.partition_id,
        message_name=value.message_name,
        correlation_key=value.correlation_key,
        process_id=value.bpmn_process_id,
        definition_key=value.process_definition_key,
        process_instance_key=value.process_instance_key,
        root_key=value.root_process_instance_key,
        element_id=value.element_id,
        element_instance_key=value.element_instance_key,
    )


def start_correlation_row(record: Record, value: MessageStartEventSubscription) -> CorrelationRow:
    """Of MESSAGE_START_EVENT_SUBSCRIPTION CORRELATED."""
    return CorrelationRow(
        message_key=value.message_key,
        subscription_key=record.key,
        correlation_time=record.step.timestamp,
        partition_id=record.step.partition_id,
        message_name=value.message_name,
        correlation_key=value.correlation_key or None,
        process_id=value.bpmn_process_id,
        definition_key=value.process_definition_key,
        process_instance_key=value.process_instance_key,
        root_key=value.process_instance_key,
        element_id=value.start_event_id,
    )
