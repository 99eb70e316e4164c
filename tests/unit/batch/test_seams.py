"""Where features of batch operations meet: none goes round another, and no command stops a partition."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.record import Record, last_key
from engine.records import BatchOperationCreation, Settings
from engine.records.batch_options import BatchOptions
from tests.support.actions import CANCEL, batch
from tests.support.batches import ITEM, counts, populate
from tests.support.fixture import MakeScenario
from tests.support.identities import by, grant
from tests.support.scenario import ASSEMBLY, Scenario, make
from tests.unit.batch.test_batch_incidents import resolve_all, waiting
from tests.unit.batch.test_plans import end, newest
from tests.unit.batch.test_synchronous import at_once

KEPT = BatchOptions(dry_run=True, keep_plan=True)


def creation(kind: str, **options: object) -> Record:
    value = BatchOperationCreation(batch_operation_type=kind, options=BatchOptions(**options))  # type: ignore[arg-type]
    return make("BATCH_OPERATION_CREATION", "CREATE", value)


def switch_on(s: Scenario) -> None:
    """Authorization, from now on."""
    wanted = msgspec.structs.replace(s.machine().settings, authorization_enabled=True)
    s.when_internal(make("SETTINGS", "UPDATE", Settings(settings=msgspec.json.encode(wanted).decode())))


@pytest.mark.parametrize("partition", [1, 2])
def test_a_key_that_was_made_up_is_never_given_out(scenario: MakeScenario, partition: int) -> None:
    s = scenario(2)
    populate(s, 2)
    s.when(batch(CANCEL, "", item_keys=(last_key(partition), last_key(partition) - 7)))
    made = s.create("one", partition=partition)
    assert made < last_key(partition) - 1_000_000
    s.check()


@pytest.mark.parametrize("count", [3, 100])
def test_who_resolves_incidents_twice_is_refused_the_second_time(scenario: MakeScenario, count: int) -> None:
    """Also where as many are left as one step resolves, so that another step is asked for, which finds none."""
    s = scenario()
    key = waiting(s, count)
    s.send(resolve_all(key))
    s.send(resolve_all(key))
    s.drain()
    assert {r.rejection_code for r in s.everything().records if r.record_type == "REJECTION"} <= {"INVALID_STATE"}
    assert len(s.everything().all("BATCH_OPERATION_INCIDENT", "RESOLVED")) >= count
    s.check()


@pytest.mark.parametrize("plan", [12_345, None])
def test_a_retry_that_names_a_plan_is_refused(scenario: MakeScenario, plan: int | None) -> None:
    s = scenario()
    populate(s, 2)
    s.when(batch(CANCEL, options=KEPT))
    foreseen = newest(s)
    s.when(batch(CANCEL))
    refused = s.when(creation("", parent_key=newest(s), plan_key=plan or foreseen))
    refused.rejected("INVALID_ARGUMENT", "expected nothing but how it runs for the commit of a plan")
    s.when(creation(CANCEL, undoes=True)).rejected("INVALID_ARGUMENT")


@pytest.mark.parametrize("options", [BatchOptions(dry_run=True), BatchOptions(plan_key=7), BatchOptions(rate=1.0)])
def test_what_is_done_at_once_has_no_options_that_go_round_an_approval(
    scenario: MakeScenario, options: BatchOptions
) -> None:
    s = scenario(settings={"approval_types": (CANCEL,)})
    keys = populate(s, 3)
    moment = s.when(at_once(CANCEL, keys, options=options))
    assert [r.rejection_code for r in moment.records if r.record_type == "REJECTION"] == ["INVALID_ARGUMENT"]
    assert not moment.all("PROCESS_INSTANCE")


def test_who_commits_needs_the_permission_of_the_type_that_runs(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 3)
    s.when(batch(CANCEL, options=KEPT))
    plan = newest(s)
    for name, kind in (("eve", "UPDATE_JOB"), ("ada", CANCEL)):
        grant(s, f"user:{name}", "BATCH", f"CREATE_BATCH_OPERATION_{kind}")
        grant(s, f"user:{name}", "PROCESS_DEFINITION", "CANCEL_PROCESS_INSTANCE", "READ_PROCESS_INSTANCE")
    switch_on(s)
    for kind in ("UPDATE_JOB", ""):
        refused = s.when(by(creation(kind, plan_key=plan), "user:eve"))
        refused.rejected("FORBIDDEN", "CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE")
    s.when(by(creation("", plan_key=plan), "user:bob")).rejected("FORBIDDEN", "expected permission CREATE")
    moment = s.when(by(creation("", plan_key=plan), "user:ada")).accepted()
    assert counts(end(moment)) == (3, 3, 0, 0, 0)
    assert len(moment.all(ITEM, "COMPLETED")) == 3


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("ACT*", True),
        ("*", True),
        ("A?TIVE", True),
        ("*C*V*", True),
        ("ACTIVE*", True),
        ("", False),
        ("ACTIV", False),
        ("\\A*", True),
        ("ACTIVE\\*", False),
        ("ACTIVE\\", False),
        ("*" * 5_000 + "X", False),
        ("*A" * 5_000, False),
        ("*?*?*?*?*?*?", True),
    ],
)
def test_patterns_of_states_are_judged_without_going_back(pattern: str, holds: bool) -> None:
    operation = ASSEMBLY.operations["SUSPEND_PROCESS_INSTANCE"]
    given = msgspec.json.encode({"state": {"$like": pattern}}).decode()
    assert (operation.contradictions(given) == []) == holds
