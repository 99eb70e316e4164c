"""Four eyes: plans that another user has to approve, and reasons that have to be given."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.record import Record
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import MANAGEMENT, counts, populate
from tests.support.fixture import MakeScenario
from tests.unit.batch.test_plans import commit, end, make_plan, newest

FOUR_EYES = [{"approval_items_min": 2}, {"approval_types": ("CANCEL_PROCESS_INSTANCE",)}]


def by(command: Record, claims: str) -> Record:
    return msgspec.structs.replace(command, step=msgspec.structs.replace(command.step, claims=claims))


@pytest.mark.parametrize("settings", FOUR_EYES)
def test_a_plan_is_committed_when_another_user_has_approved_it(
    scenario: MakeScenario, settings: dict[str, object]
) -> None:
    s = scenario(2, settings=settings)
    populate(s, 3)
    s.when(by(batch(options=BatchOptions(dry_run=True, keep_plan=True)), "user:ada")).accepted()
    plan = newest(s)
    s.when(by(commit(plan), "user:ada")).rejected("INVALID_STATE", "to be approved by another user first")
    for claims in ("user:ada", "anonymous"):
        s.when(by(manage("APPROVE", plan), claims)).rejected("FORBIDDEN", "expected another user than the creator")
    approval = s.when(by(manage("APPROVE", plan), "user:bob")).accepted().one(MANAGEMENT, "APPROVED")
    assert (approval.value.actor_type, approval.value.actor_id) == ("USER", "bob")
    moment = s.when(by(commit(plan), "user:ada")).accepted()
    assert counts(end(moment)) == (3, 3, 0, 0, 0)


@pytest.mark.parametrize("settings", FOUR_EYES)
def test_approval_cannot_be_gone_round(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    populate(s, 3)
    s.when(batch()).rejected("INVALID_ARGUMENT", "expected a plan for CANCEL_PROCESS_INSTANCE")


def test_a_small_plan_of_another_type_needs_nobody(scenario: MakeScenario) -> None:
    s = scenario(settings={"approval_items_min": 9, "approval_types": ("SUSPEND_PROCESS_INSTANCE",)})
    populate(s, 3)
    moment = s.when(commit(make_plan(s))).accepted()
    assert counts(end(moment)) == (3, 3, 0, 0, 0)


def test_only_a_plan_is_approved(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.when(by(manage("APPROVE", 999), "user:bob")).rejected("NOT_FOUND", "expected a plan to approve")
    s.when(batch(options=BatchOptions(start_suspended=True))).accepted()
    s.when(by(manage("APPROVE", newest(s)), "user:bob")).rejected("INVALID_STATE", "which is SUSPENDED")
    s.when(batch()).accepted()
    s.when(by(manage("APPROVE", newest(s)), "user:bob")).rejected("INVALID_STATE", "which is no plan")


def test_a_reason_is_required_where_the_settings_say_so(scenario: MakeScenario) -> None:
    s = scenario(settings={"batch_reason_required": True})
    populate(s, 1)
    s.when(batch()).rejected("INVALID_ARGUMENT", "reason: expected one")
    s.when(batch(options=BatchOptions(reason="the price was wrong"))).accepted()
