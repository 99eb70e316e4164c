"""Four eyes: which plans need that another user approves them before they are committed, by the settings.

Rule: whoever created a plan cannot approve it. Where plans of a kind need approval, nothing of that kind is created
without a plan, or approval could be gone round.
"""

from __future__ import annotations

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import FORBIDDEN, INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.principal import NOBODY, principal_of
from engine.core.record import NONE, Record
from engine.core.settings import MachineSettings
from engine.core.state import View
from engine.records import BatchOperationCreation, BatchOperationLifecycleManagement

from .life import ENDED, UNKNOWN, state_of
from .lifecycle import MANAGEMENT
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
        raise Reject(FORBIDDEN, f"expected another user than the creator of plan {key} to approve it, got the same one")
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


def refuse_without_plan(wish: BatchOperationCreation, settings: MachineSettings, *, is_small: bool = False) -> None:
    """Raises Reject INVALID_ARGUMENT for what may only be done by a plan, or only with a reason.

    `is_small`: it is known that a plan of it would need nobody's approval for its size.
    """
    if settings.batch_reason_required and not wish.options.reason:
        raise Reject(
            INVALID_ARGUMENT, "reason: expected one, as this installation requires, got none; say why it is done"
        )
    if wish.options.dry_run or wish.options.plan_key != NONE:
        return
    if (settings.approval_items_min and not is_small) or wish.batch_operation_type in settings.approval_types:
        raise Reject(
            INVALID_ARGUMENT,
            f"expected a plan for {wish.batch_operation_type}, because another user may have to approve it, got none; "
            "create it with dryRun and keepPlan, have it approved, and commit it",
        )
