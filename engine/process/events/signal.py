"""Signals that element instances wait for: subscriptions on the partition of the instance (Camunda 8 "Signals")."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import structs

from engine.bpmn.feel import EvaluationFailure, Variables, brief
from engine.bpmn.model import Element
from engine.bpmn.model import Signal as SignalDefinition
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.core.state import key_tail
from engine.records import SignalSubscription

from ..execution import Execution
from ..signal_tables import SIGNAL_SUBSCRIPTIONS, SIGNALS_OF, SignalSubscriptionRow
from ..variables import Scope
from .message import TEXT_SIZE_MAX

SUBSCRIPTION = "SIGNAL_SUBSCRIPTION"


class SignalWait:
    """As `Wait`; what is awaited is the name of the signal."""

    def evaluate(self, execution: Execution, key: int, catching: Element) -> str:
        assert isinstance(catching.event, SignalDefinition)
        return evaluate_name(catching.event, Scope(execution.view, key))

    def open(self, execution: Execution, key: int, catching: Element, awaited: str) -> Effects:
        row = SignalSubscriptionRow(
            process_instance_key=execution.instance_key,
            element_instance_key=key,
            process_definition_key=execution.definition_key,
            bpmn_process_id=execution.process_id,
            element_id=catching.id,
        )
        yield subscription_event("CREATED", execution.view.next_key(), awaited, row, execution.root_key)

    def move(self, execution: Execution, key: int, catching: Mapping[str, Element]) -> Effects:
        for row_key, name in execution.view.scan(SIGNALS_OF, key):
            row = execution.view.get(SIGNAL_SUBSCRIPTIONS, name, key_tail(row_key))
            if row is not None and row.element_id in catching:
                row = structs.replace(
                    row,
                    process_definition_key=execution.definition_key,
                    bpmn_process_id=execution.process_id,
                    element_id=catching[row.element_id].id,
                )
                yield subscription_event("MIGRATED", key_tail(row_key), name, row, execution.root_key)

    def close(self, execution: Execution, key: int, only: Collection[str] | None) -> Effects:
        for row_key, name in execution.view.scan(SIGNALS_OF, key):
            row = execution.view.get(SIGNAL_SUBSCRIPTIONS, name, key_tail(row_key))
            if row is not None and (only is None or row.element_id in only):
                yield subscription_event("DELETED", key_tail(row_key), name, row, execution.root_key)


def evaluate_name(signal: SignalDefinition, variables: Variables) -> str:
    """Raises EvaluationFailure."""
    name = signal.name.evaluate(variables)
    if not isinstance(name, str) or not name:
        raise EvaluationFailure(f"expected the signal name '{signal.name.text}' to be a string, got {brief(name)}")
    if len(name.encode()) > TEXT_SIZE_MAX:
        raise EvaluationFailure(f"expected a signal name of at most {TEXT_SIZE_MAX} bytes, got a longer one")
    return name


def subscription_event(intent: str, key: int, name: str, row: SignalSubscriptionRow, root_key: int) -> Event:
    """A record about who waits for a signal."""
    value = SignalSubscription(
        **structs.asdict(row), signal_name=name, root_process_instance_key=root_key, tenant_id=DEFAULT_TENANT
    )
    return Event(value_type=SUBSCRIPTION, intent=intent, key=key, value=value)
