"""Messages: which record writes which row."""

from __future__ import annotations

import sqlite3

from msgspec.structs import astuple

from engine.core.record import Record
from engine.records.message_start_event_subscription import MessageStartEventSubscription
from engine.records.process_message_subscription import ProcessMessageSubscription
from exporters.messages import (
    PARTITION_SHOWN,
    correlation_row,
    start_correlation_row,
    start_subscription_row,
    subscription_row,
)

from .projection import Handlers
from .tables import Links, Table


class Messages:
    """Projects who waits for messages and who got them; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._subscriptions = Table(connection, "message_subscriptions", ())
        self._correlations = Links(connection, "message_correlations")

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {
            ("PROCESS_MESSAGE_SUBSCRIPTION", "CREATED"): self._changed,
            ("PROCESS_MESSAGE_SUBSCRIPTION", "MIGRATED"): self._changed,
            ("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED"): self._correlated,
            ("PROCESS_MESSAGE_SUBSCRIPTION", "DELETED"): self._changed,
            ("MESSAGE_START_EVENT_SUBSCRIPTION", "CREATED"): self._start_changed,
            ("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED"): self._started,
            ("MESSAGE_START_EVENT_SUBSCRIPTION", "DELETED"): self._start_changed,
        }

    def write(self) -> None:
        """Write what is pending."""
        self._subscriptions.write()
        self._correlations.write()

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._subscriptions.clear()
        self._correlations.clear()

    def _changed(self, record: Record, value: ProcessMessageSubscription) -> None:
        self._subscriptions.add(list(astuple(subscription_row(record, value))), record.key)

    def _correlated(self, record: Record, value: ProcessMessageSubscription) -> None:
        self._changed(record, value)
        self._correlations.rows.append(astuple(correlation_row(record, value)))

    def _start_changed(self, record: Record, value: MessageStartEventSubscription) -> None:
        if record.step.partition_id == PARTITION_SHOWN:
            self._subscriptions.add(list(astuple(start_subscription_row(record, value))), record.key)

    def _started(self, record: Record, value: MessageStartEventSubscription) -> None:
        self._correlations.rows.append(astuple(start_correlation_row(record, value)))
