"""Four eyes: plans that another user has to approve, and reasons that have to be given."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.record import Record
from engine.operations import OPERATIONS
from engine.operations.set_variables import Parameters
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import RESOLVE, SUSPEND, activate, batch, fail, manage, suspend
from tests.support.batches import MANAGEMENT, counts, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario
from tests.unit.batch.test_plans import commit, end, make_plan, newest

PLANNED = BatchOptions(dry_run=True, keep_plan=True)
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
    for claims, got in (("user:ada", "got the same one"), ("anonymous", "got nobody, for authorization is off")):
        s.when(by(manage("APPROVE", plan), claims)).rejected("FORBIDDEN", got)
    approval = s.when(by(manage("APPROVE", plan), "user:bob")).accepted().one(MANAGEMENT, "APPROVED")
    assert (approval.value.actor_type, approval.value.actor_id) == ("USER", "bob")
    for claims in ("user:bob", "user:eve"):
        s.when(by(manage("APPROVE", plan), claims)).rejected("INVALID_STATE", "approved already by bob")
    moment = s.when(by(commit(plan), "user:ada")).accepted()
    assert counts(end(moment)) == (3, 3, 0, 0, 0)


@pytest.mark.parametrize("settings", FOUR_EYES)
def test_approval_cannot_be_gone_round(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    populate(s, 3)
    s.when(batch()).rejected("INVALID_ARGUMENT", "expected a plan for CANCEL_PROCESS_INSTANCE")


def test_an_empty_filter_beside_keys_is_refused(scenario: MakeScenario) -> None:
    """It would match everything, and count as nothing but the keys."""
    s = scenario(settings={"approval_items_min": 3})
    keys = populate(s, 6)
    for text in ("{}", " [] ", "nonsense"):
        s.when(batch(filter_text=text, item_keys=(keys[0],))).rejected(
            "INVALID_ARGUMENT", "filter: expected a JSON object"
        )


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
    for reason in ("", " \t\n"):
        s.when(batch(options=BatchOptions(reason=reason))).rejected("INVALID_ARGUMENT", "reason: expected one")
    s.when(batch(options=BatchOptions(reason="the price was wrong"))).accepted()


FEW = {"approval_items_min": 3}


def test_keys_alone_say_how_many_items_there_are(scenario: MakeScenario) -> None:
    s = scenario(2, settings=FEW)
    keys = populate(s, 4)
    s.when(batch(filter_text="", item_keys=(*keys[:2], keys[0]))).accepted()
    expected = "expected a plan for CANCEL_PROCESS_INSTANCE"
    s.when(batch(filter_text="", item_keys=tuple(keys[1:]))).rejected("INVALID_ARGUMENT", expected)
    s.when(batch(item_keys=(keys[2],))).rejected("INVALID_ARGUMENT", expected)
    s.when(batch(filter_text="", item_keys=tuple(keys[1:]), excluded_keys=(keys[1],))).accepted()


def with_incidents(s: Scenario, count: int) -> int:
    """An instance with some incidents on partition 1, in a sub-process."""
    tasks = [f"t{number}" for number in range(count)]
    inside = m.start("begun") + m.parallel("fork") + "".join(m.job(task, "work") for task in tasks)
    flows = m.chain("begun", "fork") + "".join(m.chain("fork", task) for task in tasks)
    s.deploy(m.model(m.process("p", m.start(), m.sub_process("s", inside + flows), m.chain("start", "s"))))
    key = s.create("p")
    for job in activate(s):
        fail(s, job)
    return key


@pytest.mark.parametrize(("count", "goes"), [(0, True), (2, True), (3, False)])
def test_the_incidents_of_an_instance_are_counted_where_it_lives(
    scenario: MakeScenario, count: int, *, goes: bool
) -> None:
    s = scenario(2, settings=FEW)
    key = with_incidents(s, count) if count else populate(s, 1)[0]
    wish = batch(RESOLVE, "", item_keys=(key,))
    if goes:
        s.when(wish, 1).accepted()
    else:
        s.when(wish, 1).rejected("INVALID_ARGUMENT", "expected a plan for RESOLVE_INCIDENT")
    s.when(wish, 2).rejected("INVALID_ARGUMENT", "expected a plan for RESOLVE_INCIDENT")


def test_incidents_that_are_too_many_to_be_counted_in_a_step_need_a_plan(scenario: MakeScenario) -> None:
    s = scenario(settings={"approval_items_min": 1_000, "step_effects_max": 4})
    key = with_incidents(s, 5)
    s.when(batch(RESOLVE, "", item_keys=(key,))).rejected("INVALID_ARGUMENT", "expected a plan")


@pytest.mark.parametrize(("gone", "goes"), [(2, True), (3, False)])
def test_a_retry_is_as_large_as_what_failed(scenario: MakeScenario, gone: int, *, goes: bool) -> None:
    s = scenario(2, settings=FEW)
    keys = populate(s, 5)
    s.when(batch(options=BatchOptions(dry_run=True, keep_plan=True))).accepted()
    s.when(by(manage("APPROVE", newest(s)), "user:bob")).accepted()
    s.when(commit(newest(s), start_suspended=True)).accepted()
    first = newest(s)
    for key in keys[:gone]:
        s.cancel(key)
    s.when(manage("RESUME", first)).accepted()
    again = s.when(batch("", "", options=BatchOptions(parent_key=first)))
    if goes:
        again.accepted()
        return
    again.rejected("INVALID_ARGUMENT", "expected a plan for CANCEL_PROCESS_INSTANCE")
    moment = s.when(batch("", "", options=BatchOptions(parent_key=first, dry_run=True, keep_plan=True))).accepted()
    assert counts(end(moment)) == (gone, 0, gone, 0, 0)
    plan = newest(s)
    s.when(commit(plan)).rejected("INVALID_STATE", "to be approved by another user first")
    s.when(by(manage("APPROVE", plan), "user:bob")).accepted()
    assert counts(end(s.when(commit(plan)).accepted())) == (gone, 0, gone, 0, 0)


def test_an_undo_is_planned_and_committed(scenario: MakeScenario) -> None:
    s = scenario(2, settings=FEW)
    keys = populate(s, 4)
    suspend(s, keys[0])  # by somebody else, before
    s.when(by(batch(SUSPEND, options=BatchOptions(dry_run=True, keep_plan=True)), "user:ada")).accepted()
    s.when(by(manage("APPROVE", newest(s)), "user:bob")).accepted()
    s.when(commit(newest(s))).accepted()
    done = newest(s)
    s.when(batch("", "", options=BatchOptions(parent_key=done, undoes=True))).rejected(
        "INVALID_ARGUMENT", "expected a plan for RESUME_PROCESS_INSTANCE"
    )
    s.when(batch("", "", options=BatchOptions(parent_key=done, undoes=True, dry_run=True, keep_plan=True))).accepted()
    assert s.everything().all("PROCESS_INSTANCE", "RESUMED") == []
    s.when(by(manage("APPROVE", newest(s)), "user:bob")).accepted()
    assert counts(end(s.when(commit(newest(s))).accepted())) == (3, 3, 0, 0, 0)
    assert {record.key for record in s.everything().all("PROCESS_INSTANCE", "RESUMED")} == set(keys[1:])


#: No plan can be made of these.
UNPLANNED = ("RESTART_PROCESS_INSTANCE", "SET_REMOVAL_TIME", "SET_DECISION_REMOVAL_TIME")


@pytest.mark.parametrize("name", UNPLANNED)
def test_what_cannot_be_planned_is_told_what_to_do_instead(scenario: MakeScenario, name: str) -> None:
    few = "no plan can be made of {}: create it in smaller parts, each by less than 2 keys"
    s = scenario(settings={"approval_items_min": 2})
    s.when(batch(name, '{"processDefinitionId":"p"}')).rejected("INVALID_ARGUMENT", few.format(name))
    s = scenario(settings={"approval_types": (name,)})
    s.when(batch(name, "", item_keys=(1,))).rejected("INVALID_ARGUMENT", "to take the type out of the setting")
    assert {each.name for each in OPERATIONS.values() if each.unplanned(undoes=False)} == set(UNPLANNED)


@pytest.mark.parametrize("settings", [{"approval_items_min": 2}, {"approval_types": ("SET_VARIABLES",)}])
def test_an_undo_of_values_is_told_what_to_do_instead(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    populate(s, 3)
    wish = batch("SET_VARIABLES", parameters=Parameters(variables='{"a":1}'), options=PLANNED)
    s.when(by(wish, "user:ada")).accepted()
    s.when(by(manage("APPROVE", newest(s)), "user:bob")).accepted()
    s.when(commit(newest(s), undoable=True)).accepted()
    undo = batch("", "", options=BatchOptions(parent_key=newest(s), undoes=True))
    s.when(undo).rejected("INVALID_ARGUMENT", "an undo of values: it cannot be divided either; set the values")
