"""What has ended, changed at once: the state no longer has it, so who asks says what secondary storage knows of it."""

from __future__ import annotations

import pytest
from msgspec import structs

from engine.core.record import Step
from engine.operations.restart_process_instance import Parameters as Restart
from engine.operations.set_variables import Parameters as Variables
from engine.process.history import DELETIONS
from engine.process.removal_tables import REMOVALS
from engine.process.tables import JOBS
from engine.records import DecisionEvaluation, Deployment
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import (
    DELETE_DECISIONS,
    DELETE_INSTANCES,
    RESTART,
    SET_BATCH_REMOVAL_TIME,
    SET_REMOVAL_TIME,
    SET_VARIABLES,
    SUSPEND,
    batch,
)
from tests.support.batches import MANAGEMENT, populate
from tests.support.decisions import decision, literal, model
from tests.support.fixture import MakeScenario
from tests.support.identities import by, grant
from tests.support.scenario import ASSEMBLY, Scenario, make
from tests.unit.batch.test_batch_rights import switch_on
from tests.unit.batch.test_removal_times import CALCULATED, CLEARED, DAY, OF_DECISIONS, at
from tests.unit.batch.test_synchronous import CREATION, at_once

HISTORY = "HISTORY_DELETION"
KINDS = sorted(kind for kind, operation in ASSEMBLY.operations.items() if not operation.selects.only_running)
#: What each type does to one item.
EFFECTS = {
    DELETE_INSTANCES: (HISTORY, "DELETED"),
    DELETE_DECISIONS: (HISTORY, "DELETED"),
    RESTART: ("PROCESS_INSTANCE_CREATION", "CREATED"),
    SET_REMOVAL_TIME: (HISTORY, "SCHEDULED"),
    OF_DECISIONS: (HISTORY, "SCHEDULED"),
    SET_BATCH_REMOVAL_TIME: (MANAGEMENT, "SCHEDULED"),
}
PARAMETERS = {
    RESTART: Restart(),
    SET_REMOVAL_TIME: CALCULATED,
    OF_DECISIONS: CALCULATED,
    SET_BATCH_REMOVAL_TIME: CALCULATED,
}


def ended(s: Scenario, count: int = 2) -> list[int]:
    keys = populate(s, count)
    for key in keys:
        s.cancel(key)
    return keys


def targets(s: Scenario, kind: str) -> list[int]:
    """Two of what a type is about."""
    if kind == SET_BATCH_REMOVAL_TIME:
        populate(s, 1)
        return [s.when(batch(SUSPEND)).one(CREATION, "CREATED").key for _ in range(2)]
    if kind in (DELETE_DECISIONS, OF_DECISIONS):
        file = Resource(resource_name="d.dmn", resource=model(decision("d", literal("1"))))
        s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(file,))), 1)
        wish = make("DECISION_EVALUATION", "EVALUATE", DecisionEvaluation(decision_id="d"))
        return [s.when(wish, 1).one("DECISION_EVALUATION", "EVALUATED").key for _ in range(2)]
    return ended(s)


def told(s: Scenario, kind: str, keys: list[int]) -> tuple[ItemFacts, ...]:
    """What secondary storage knows of them, of a type that asks for it."""
    if kind == SET_BATCH_REMOVAL_TIME or kind not in PARAMETERS:
        return ()
    state = "EVALUATED" if kind == OF_DECISIONS else "TERMINATED"
    definition = max((r.key for r in s.everything().all("PROCESS", "CREATED")), default=-1)
    return tuple(
        ItemFacts(item_key=key, state=state, end_time=s.now, process_definition_key=definition, variables='{"x":1}')
        for key in keys
    )


@pytest.fixture
def s(scenario: MakeScenario) -> Scenario:
    return scenario(settings={"history_time_to_live_ms": 10 * DAY, "retention_ms": DAY})


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_applied_to_a_list_in_one_step(s: Scenario, kind: str) -> None:
    keys = targets(s, kind)
    moment = s.when(at_once(kind, keys, PARAMETERS.get(kind), facts=told(s, kind, keys))).accepted()
    done = moment.one(CREATION, "EXECUTED")
    assert (done.value.item_keys, done.value.facts) == (tuple(keys), ())
    effects = moment.all(*EFFECTS[kind])
    assert [record.step for record in effects] == [done.step, done.step]
    about = [getattr(r.value, "restarted_process_instance_key", r.key) for r in effects]
    assert about == keys
    assert not s.partitions[1].state.scan(DELETIONS), "nobody waits to hear that it is gone"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_happens_when_one_item_fails(s: Scenario, kind: str) -> None:
    keys = targets(s, kind)
    facts, rows, unknown = told(s, kind, keys), s.rows(), s.machine().last_key + 1_000
    wish = at_once(kind, [*keys, unknown], PARAMETERS.get(kind), facts=facts)
    s.when(wish).rejected("NOT_FOUND", f"got 1 that fail, so nothing was done. {unknown}: expected")
    assert s.rows() == rows


@pytest.mark.parametrize("kind", [DELETE_INSTANCES, RESTART, SET_REMOVAL_TIME])
def test_what_runs_is_refused_whatever_is_said_of_it(s: Scenario, kind: str) -> None:
    keys = populate(s, 1)
    wish = at_once(kind, keys, PARAMETERS.get(kind), facts=told(s, kind, keys))
    s.when(wish).rejected("INVALID_STATE", f"{keys[0]}: expected a process instance that has ended")


def test_a_batch_operation_that_runs_is_refused(s: Scenario) -> None:
    populate(s, 1)
    key = s.when(batch(SUSPEND, options=BatchOptions(start_suspended=True))).one(CREATION, "CREATED").key
    s.when(at_once(SET_BATCH_REMOVAL_TIME, [key], CLEARED)).rejected("INVALID_STATE", f"{key}: expected")


def test_a_restart_begins_with_what_was_told(s: Scenario) -> None:
    keys = ended(s)
    moment = s.when(at_once(RESTART, keys, Restart(), facts=told(s, RESTART, keys))).accepted()
    assert [record.value.value for record in moment.all("VARIABLE", "CREATED")] == ["1", "1"]


@pytest.mark.parametrize(("kind", "state"), [(RESTART, "ACTIVE"), (RESTART, ""), (SET_REMOVAL_TIME, "")])
def test_of_what_has_not_ended_as_far_as_is_told_nothing_is_done(s: Scenario, kind: str, state: str) -> None:
    keys = ended(s)
    code = "INVALID_STATE" if state else "NOT_FOUND"
    facts = (ItemFacts(item_key=keys[0], state=state),)
    s.when(at_once(kind, keys[:1], PARAMETERS[kind], facts=facts)).rejected(code)
    s.when(at_once(kind, keys[:1], PARAMETERS[kind])).rejected("NOT_FOUND")


def test_a_removal_time_that_is_given_needs_no_facts(s: Scenario) -> None:
    keys = ended(s)
    s.when(at_once(SET_REMOVAL_TIME, keys, at(s.now + 1_000))).accepted()
    assert len(s.partitions[1].state.scan(REMOVALS)) == 2
    assert {r.key for r in s.advance(1_000).all(HISTORY, "DELETED")} == set(keys)


@pytest.mark.parametrize(
    ("kind", "of", "times"), [(RESTART, "others", 1), (RESTART, "them", 2), (SET_VARIABLES, "them", 1)]
)
def test_facts_of_something_else_are_refused(s: Scenario, kind: str, of: str, times: int) -> None:
    keys = ended(s)
    about = keys if of == "them" else [keys[0] + 1]
    parameters = Restart() if kind == RESTART else Variables(variables='{"x":1}')
    wish = at_once(kind, keys, parameters, facts=told(s, RESTART, about) * times)
    s.when(wish).rejected("INVALID_ARGUMENT", f"got some of {about[0]}; leave them out")


@pytest.mark.parametrize("kind", [DELETE_INSTANCES, DELETE_DECISIONS, RESTART])
def test_what_is_said_not_to_be_there_is_named(s: Scenario, kind: str) -> None:
    keys = targets(s, kind)
    facts = tuple(ItemFacts(item_key=key) for key in keys[:1])
    kept = told(s, kind, keys[1:])
    moment = s.when(at_once(kind, keys, PARAMETERS.get(kind), facts=(*facts, *kept)))
    moment.rejected("NOT_FOUND", f"got 1 that fail, so nothing was done. {keys[0]}: expected a")


def test_what_was_done_is_known_when_it_is_asked_for_again(s: Scenario) -> None:
    """By then what was deleted is gone: that is not what the second answer says."""
    keys = ended(s)
    first = structs.replace(at_once(DELETE_INSTANCES, keys), step=Step(request="gateway/1", idempotency_key="once"))
    s.when(first).accepted()
    gone = tuple(ItemFacts(item_key=key) for key in keys)
    again = structs.replace(at_once(DELETE_INSTANCES, keys, facts=gone), step=first.step)
    s.when(again).rejected("ALREADY_EXISTS")


def test_a_restart_that_needs_several_steps_is_refused(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 20})
    s.deploy(m.fan("big", 40))
    key = s.create("big")
    s.cancel(key)
    wish = at_once(RESTART, [key], Restart(), facts=told(s, RESTART, [key]))
    s.when(wish).rejected("EXCEEDED_LIMIT", f"{key}: expected what ends in the same step")
    s.when(batch(RESTART, "", Restart(), item_keys=(key,))).accepted()
    assert len(s.partitions[1].state.scan(JOBS)) == 40


def test_a_batch_operation_looks_for_facts_itself(s: Scenario) -> None:
    keys = ended(s)
    wish = batch(RESTART, "", Restart(), item_keys=tuple(keys), facts=told(s, RESTART, keys))
    s.when(wish).rejected("INVALID_ARGUMENT", "facts: expected none")


def test_who_asks_is_not_believed_whose_process_it_was(scenario: MakeScenario) -> None:
    """He is told what secondary storage knows, and may say something else: so he must be allowed all processes."""
    s = scenario()
    s.deploy(m.one_task("secret"), m.one_task("one"))
    keys, own = [s.create("secret")], s.everything().all("PROCESS", "CREATED")[-1].key
    s.cancel(keys[0])
    s.now += 1
    switch_on(s, history_time_to_live_ms=DAY)
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "DELETE_PROCESS_INSTANCE", resource_id="one")
    facts = (ItemFacts(item_key=keys[0], state="TERMINATED", end_time=s.now, process_definition_key=own),)
    wish = by(at_once(SET_REMOVAL_TIME, keys, CALCULATED, facts=facts), "user:ada")
    s.when(wish).rejected("FORBIDDEN", f"{keys[0]}: expected permission DELETE_PROCESS_INSTANCE")
    s.when(by(at_once(DELETE_INSTANCES, keys), "user:ada")).rejected("FORBIDDEN")
    grant(s, "user:ada", "PROCESS_DEFINITION", "DELETE_PROCESS_INSTANCE")
    s.when(wish).accepted()


def test_a_restart_needs_the_right_to_what_is_started(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task("one"), m.one_task("two"))
    keys = [s.create("one"), s.create("two")]
    one, two = (record.key for record in s.everything().all("PROCESS", "CREATED"))
    for key in keys:
        s.cancel(key)
    s.now += 1
    switch_on(s)
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "CREATE_PROCESS_INSTANCE", resource_id="one")
    facts = tuple(
        ItemFacts(item_key=key, state="TERMINATED", process_definition_key=definition)
        for key, definition in zip(keys, (one, two), strict=True)
    )
    wish = by(at_once(RESTART, keys, Restart(), facts=facts), "user:ada")
    s.when(wish).rejected("FORBIDDEN", f"got 1 that fail, so nothing was done. {keys[1]}")
    s.when(by(at_once(RESTART, keys[:1], Restart(), facts=facts[:1]), "user:ada")).accepted()
