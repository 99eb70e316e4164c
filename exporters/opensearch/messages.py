"""Messages: which record writes which document."""

from __future__ import annotations

from engine.core.record import Record
from engine.records.message_start_event_subscription import MessageStartEventSubscription
from engine.records.process_message_subscription import ProcessMessageSubscription
from exporters.messages import (
    PARTITION_SHOWN,
    CorrelationRow,
    correlation_row,
    start_correlation_row,
    start_subscription_row,
    subscription_row,
)

from .mappings import MESSAGE_CORRELATIONS, MESSAGE_SUBSCRIPTIONS
from .projection import Rule, Rules
from .workspace import Workspace


def _changed(workspace: Workspace, record: Record, value: ProcessMessageSubscription) -> None:
    row = subscription_row(record, value)
    workspace.add_final(MESSAGE_SUBSCRIPTIONS, str(record.key), row, record.position)


def _correlated(workspace: Workspace, record: Record, value: ProcessMessageSubscription) -> None:
    _changed(workspace, record, value)
    _add_correlation(workspace, correlation_row(record, value))


def _start_changed(workspace: Workspace, record: Record, value: MessageStartEventSubscription) -> None:
    if record.step.partition_id == PARTITION_SHOWN:
        row = start_subscription_row(record, value)
        workspace.add_final(MESSAGE_SUBSCRIPTIONS, str(record.key), row, record.position)


def _started(workspace: Workspace, record: Record, value: MessageStartEventSubscription) -> None:
    _add_correlation(workspace, start_correlation_row(record, value))


def _add_correlation(workspace: Workspace, row: CorrelationRow) -> None:
    workspace.add_final(MESSAGE_CORRELATIONS, row.id, row)


RULES: Rules = {
    ("PROCESS_MESSAGE_SUBSCRIPTION", "CREATED"): Rule(_changed),
    ("PROCESS_MESSAGE_SUBSCRIPTION", "MIGRATED"): Rule(_changed),
    ("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED"): Rule(_correlated),
    ("PROCESS_MESSAGE_SUBSCRIPTION", "DELETED"): Rule(_changed),
    ("MESSAGE_START_EVENT_SUBSCRIPTION", "CREATED"): Rule(_start_changed),
    ("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED"): Rule(_started),
    ("MESSAGE_START_EVENT_SUBSCRIPTION", "DELETED"): Rule(_start_changed),
}
