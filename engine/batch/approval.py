"""Four eyes: which plans need that another user approves them before they are committed, by the settings.

Rule: whoever created a plan cannot approve it. Where plans of a kind need approval, nothing of that kind is created
without a plan, or approval could be gone round.
"""

from __future__ import annotations

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import FORBIDDEN, INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.principal import NOBODY, principal_of
from engine.core.record import NONE, Record, partition_of
from engine.core.settings import MachineSettings
from engine.core.state import View, key_tail
from engine.process.tables import CHILDREN, ELEMENT_INCIDENTS, ELEMENT_INSTANCES, HOLDS_INCIDENTS
from engine.records import BatchOperationCreation, BatchOperationLifecycleManagement

from .life import ENDED, UNKNOWN, state_of
from .lifecycle import MANAGEMENT, is_filter
from .operation import Operation
from .tables import ENDED_BATCHES, Ended


def approve(command: Record, view: View) -> Effects:
    """APPROVE: another user than its creator has seen a plan and agrees."""
    key, principal = command.key, principal_of(command.step.claims)
    ended, state = view.get(ENDED_BATCHES, key), state_of(view, command.key)
    if state == UNKNOWN:
        raise Reject(NOT_FOUND, f"expected a plan to approve, got key {key} of none; check the key")
    if ended is None or not ended.keeps_plan:
        got = state if ended is None else "no plan"
        raise Reject(INVALID_STATE, f"expected a plan in state {ENDED} to approve, got {key}, which is {got}")
    if principal in (NOBODY, ended.creator):
        got = "the same one"
        if principal == NOBODY and not view.settings.authorization_enabled:
            got = "nobody, for authorization is off and users are not told apart; set authorization.enabled"
        raise Reject(FORBIDDEN, f"expected another user than the creator of plan {key} to approve it, got {got}")
    if ended.approved_by != NOBODY:
        expected = f"expected plan {key} not to be approved yet"
        raise Reject(INVALID_STATE, f"{expected}, got one approved already by {ended.approved_by.id}; commit it")
    value = BatchOperationLifecycleManagement(
        batch_operation_key=key, batch_operation_type=ended.type, actor_type=principal.type, actor_id=principal.id
    )
    yield Event(value_type=MANAGEMENT, intent="APPROVED", key=key, value=value, answers=True)


def approved(ended: Ended, value: BatchOperationLifecycleManagement) -> Ended:
    """For appliers: the plan with who approved it."""
    return structs.replace(ended, approved_by=principal_of(f"{value.actor_type}:{value.actor_id}"))


def refuse_unapproved(ended: Ended, key: int, settings: MachineSettings) -> None:
    """Raises Reject INVALID_STATE for a plan that has to be approved first."""
    is_large = bool(settings.approval_items_min) and ended.total >= settings.approval_items_min
    if (is_large or ended.type in settings.approval_types) and ended.approved_by == NOBODY:
        raise Reject(INVALID_STATE, f"expected plan {key} to be approved by another user first, got one that is not")


def refuse_without_plan(
    wish: BatchOperationCreation, operation: Operation, settings: MachineSettings, items_max: int | None
) -> None:
    """Raises Reject INVALID_ARGUMENT for what may only be done by a plan, or only with a reason.

    `items_max`: it will have no more items than this, None if that is not known.
    """
    if settings.batch_reason_required and not wish.options.reason.strip():
        raise Reject(
            INVALID_ARGUMENT, "reason: expected one, as this installation requires, got none; say why it is done"
        )
    if wish.options.dry_run or wish.options.plan_key != NONE:
        return
    smallest = settings.approval_items_min
    is_small = not smallest or (items_max is not None and items_max < smallest)
    is_named = operation.name in settings.approval_types
    if is_small and not is_named:
        return
    way_out = "create it with dryRun and keepPlan, have it approved, and commit it"
    if unplanned := operation.unplanned(undoes=wish.options.undoes):
        way_out = f"no plan can be made of {unplanned}: {_without_plan(wish, settings, is_named=is_named)}"
    expected = f"expected a plan for {operation.name}, because another user may have to approve it, got none"
    raise Reject(INVALID_ARGUMENT, f"{expected}; {way_out}")


def _without_plan(wish: BatchOperationCreation, settings: MachineSettings, *, is_named: bool) -> str:
    """What to do instead of what no plan can be made of."""
    if wish.options.undoes:
        return "it cannot be divided either; set the values with SET_VARIABLES, of which a plan can be made"
    if is_named:
        return "who runs this installation has to take the type out of the setting batchOperation.approvalTypes"
    return f"create it in smaller parts, each by less than {settings.approval_items_min} keys"


def items_at_most(wish: BatchOperationCreation, operation: Operation, view: View) -> int | None:
    """How many items a batch operation that is created here can have; None if only a query will tell, or the count
    would be more work than a step may be."""
    parent = view.get(ENDED_BATCHES, wish.options.parent_key) if wish.options.parent_key != NONE else None
    if parent is not None and parent.is_unsure:
        return None
    if parent is not None:
        return parent.completed if wish.options.undoes else parent.failed
    if is_filter(wish.filter):
        return None
    keys = sorted(set(wish.item_keys) - set(wish.excluded_keys))
    if operation.selects.entity == operation.selects.filtered:
        return len(keys)
    return _incidents_of(keys, view)


def _incidents_of(instances: list[int], view: View) -> int | None:
    """The open incidents of these process instances, one for each that is not there; None if some live elsewhere."""
    if any(partition_of(key) != view.partition for key in instances):
        return None
    count, budget = 0, view.settings.step_effects_max
    scopes = list(instances)
    while scopes:
        key = scopes.pop()
        row = view.get(ELEMENT_INSTANCES, key)
        if row is None:
            count += 1
            continue
        if row.holds & HOLDS_INCIDENTS:
            incidents = len(view.scan(ELEMENT_INCIDENTS, key, limit=budget + 1))
            count, budget = count + incidents, budget - incidents
        children = view.scan(CHILDREN, key, limit=budget + 1)
        budget -= len(children)
        if budget < 0:
            return None
        scopes += [key_tail(child) for child, _ in children]
    return count
