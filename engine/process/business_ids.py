"""Business ids of process instances: their form, their uniqueness where it is wanted, and assigning one later.

Source: Camunda 8 REST API, "Assign business id to process instance" and `businessId` of its creation.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import ALREADY_EXISTS, INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View, key_tail
from engine.records import ProcessInstanceBusinessId

from .execution import open_execution
from .message_tables import STARTED_INSTANCES
from .tables import BUSINESS_IDS, ELEMENT_INSTANCES, INSTANCES, TERMINATING, Instance

#: Characters of a business id.
BUSINESS_ID_LENGTH_MAX = 256


def check_unique(view: View, bpmn_process_id: str, business_id: str) -> None:
    """For a new root instance. Raises Reject ALREADY_EXISTS if uniqueness is enforced and another one is active."""
    if not business_id or not view.settings.business_id_uniqueness:
        return
    active = view.scan(BUSINESS_IDS, bpmn_process_id, business_id, limit=1)
    if active:
        raise Reject(
            ALREADY_EXISTS,
            f"expected a business id that no active instance of process '{bpmn_process_id}' has, got '{business_id}', "
            f"which process instance {key_tail(active[0][0])} has; choose another one",
        )


def assign(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE_BUSINESS_ID ASSIGN."""
    wish = cast(ProcessInstanceBusinessId, command.value)
    yield from assign_business_id(view, command.key, wish.business_id, answers=True)


def assign_business_id(view: View, instance_key: int, business_id: str, *, answers: bool = False) -> Effects:
    """Give a running root instance its business id, once and for all; the same one again changes nothing.

    Raises Reject NOT_FOUND, INVALID_ARGUMENT or INVALID_STATE.
    """
    execution = open_execution(view, instance_key)
    if not business_id or len(business_id) > BUSINESS_ID_LENGTH_MAX:
        got = "none" if not business_id else f"one of {len(business_id)}"
        message = f"expected a business id of 1 to {BUSINESS_ID_LENGTH_MAX} characters, got {got}; correct it"
        raise Reject(INVALID_ARGUMENT, message)
    what = f"expected to assign a business id to process instance {instance_key}"
    if view.settings.business_id_uniqueness:
        raise Reject(INVALID_STATE, f"{what}, but business ids are unique here; give it when the instance is created")
    row = view.get(ELEMENT_INSTANCES, instance_key)
    if row is None or row.state == TERMINATING:
        raise Reject(INVALID_STATE, f"{what}, but it is being canceled")
    if row.parent_process_instance_key != NONE:
        raise Reject(INVALID_STATE, f"{what}, but it is a called one; assign it to the one that called it")
    if execution.instance.business_id not in ("", business_id):
        raise Reject(INVALID_STATE, f"{what}, but it has another one, which stays")
    value = ProcessInstanceBusinessId(
        business_id=business_id,
        process_instance_key=instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    family = "PROCESS_INSTANCE_BUSINESS_ID"
    yield Event(value_type=family, intent="ASSIGNED", key=instance_key, value=value, answers=answers)


def _apply_assigned(fact: Fact, state: State) -> None:
    value = cast(ProcessInstanceBusinessId, fact.value)
    instance = state.get(INSTANCES, fact.key) or Instance()
    put_instance(state, fact.key, value.bpmn_process_id, structs.replace(instance, business_id=value.business_id))


def put_instance(state: State, key: int, bpmn_process_id: str, instance: Instance) -> None:
    """For appliers: what a process instance got, found by its business id too."""
    state.put(INSTANCES, key, value=instance)
    if instance.business_id:
        state.put(BUSINESS_IDS, bpmn_process_id, instance.business_id, key, value=True)


def delete_instance(state: State, key: int, bpmn_process_id: str) -> None:
    """For appliers: a process instance has ended."""
    instance = state.get(INSTANCES, key)
    if instance is not None:
        state.delete(INSTANCES, key)
        if instance.business_id:
            state.delete(BUSINESS_IDS, bpmn_process_id, instance.business_id, key)
        if instance.correlation_key:
            state.delete(STARTED_INSTANCES, bpmn_process_id, instance.correlation_key)


def check_migration(view: View, key: int, bpmn_process_id: str, target_id: str) -> None:
    """For an instance that becomes one of another process. Raises Reject INVALID_STATE if that has one in its place."""
    instance, row = view.get(INSTANCES, key), view.get(ELEMENT_INSTANCES, key)
    if instance is None or row is None or bpmn_process_id == target_id:
        return
    if row.parent_process_instance_key == NONE:
        try:
            check_unique(view, target_id, instance.business_id)
        except Reject as refusal:
            raise Reject(INVALID_STATE, refusal.reason) from None
    correlation_key = instance.correlation_key
    if correlation_key and view.get(STARTED_INSTANCES, target_id, correlation_key) is not None:
        expected = f"expected no active instance of process '{target_id}' that a message with the correlation key"
        raise Reject(INVALID_STATE, f"{expected} '{correlation_key}' started, got one; there can be only one at a time")


def move_instance(
    state: State, key: int, bpmn_process_id: str, target_id: str, terminate_after: tuple[str, ...]
) -> None:
    """For appliers: a process instance has become one of another process, or version."""
    instance = state.get(INSTANCES, key)
    if instance is None:
        return
    delete_instance(state, key, bpmn_process_id)
    put_instance(state, key, target_id, structs.replace(instance, terminate_after=terminate_after))
    if instance.correlation_key:
        state.put(STARTED_INSTANCES, target_id, instance.correlation_key, value=key)


PART = Part(
    processors={("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN"): assign},
    appliers={("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED"): _apply_assigned},
    tables=table_values(INSTANCES, BUSINESS_IDS),
)
