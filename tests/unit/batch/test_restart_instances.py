"""Restarting what has ended: a new instance with what secondary storage knows of the old one, linked to it."""

from __future__ import annotations

import msgspec
import pytest

from engine.batch.tables import FACTS
from engine.core.record import KEY_BITS, NONE, command
from engine.core.settings import MachineSettings
from engine.operations.restart_process_instance import Parameters
from engine.process.tables import ELEMENT_INSTANCES
from engine.records import Settings
from engine.records.batch_options import BatchOptions
from engine.records.process_instance_creation import StartInstruction
from tests.support import models as m
from tests.support.actions import RESTART, activate, batch, complete, complete_all, creation, manage, set_variables
from tests.support.batches import ITEM, counts, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment, Scenario

FAMILY = "PROCESS_INSTANCE_CREATION"
ALL = '{"state": {"$exists": true}}'


def restart_all(s: Scenario, **parameters: object) -> Moment:
    return s.when(batch(RESTART, ALL, Parameters(**parameters)))  # type: ignore[arg-type]


def two_tasks() -> bytes:
    """start -> a -> b -> end; tasks with jobs of these types."""
    return m.straight("two", m.job("a", "a"), m.job("b", "b"), names=("a", "b"))


def active_elements(s: Scenario, instance: int) -> set[str]:
    rows = (row for _, row in s.partitions[1].state.scan(ELEMENT_INSTANCES))
    return {row.element_id for row in rows if row.process_instance_key == instance and row.scope_key != NONE}


def the_new_one(moment: Moment) -> int:
    return moment.one(FAMILY, "CREATED").key


@pytest.fixture
def two(scenario: MakeScenario) -> Scenario:
    s = scenario()
    s.deploy(two_tasks())
    return s


def ended_two(s: Scenario, variables: str = '{"x":1,"y":2}', **fields: object) -> int:
    """An instance that began with variables, changed one, got another, and was canceled."""
    key = s.when(creation("two", variables, **fields)).one(FAMILY, "CREATED").key
    set_variables(s, key, '{"x":5,"late":true}')
    s.cancel(key)
    return key


def test_the_new_instance_begins_with_the_last_variables_and_is_linked_to_the_old_one(two: Scenario) -> None:
    old = ended_two(two, tags=("urgent",), business_id="B-1")
    moment = restart_all(two)
    assert counts(final(two)) == (1, 1, 0, 0, 0)
    created = moment.one(FAMILY, "CREATED").value
    assert (created.restarted_process_instance_key, created.business_id, created.tags) == (old, "B-1", ("urgent",))
    begun = [r.value for r in moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING") if r.value.element_type == "PROCESS"]
    assert [value.restarted_process_instance_key for value in begun] == [old]
    values = {r.value.name: r.value.value for r in moment.all("VARIABLE", "CREATED")}
    assert values == {"x": "5", "y": "2", "late": "true"}
    assert moment.one(ITEM, "COMPLETED").key == old
    assert active_elements(two, created.process_instance_key) == {"a"}


def test_with_initial_variables_it_begins_as_the_old_one_did(two: Scenario) -> None:
    ended_two(two)
    moment = restart_all(two, initial_variables=True)
    assert {r.value.name: r.value.value for r in moment.all("VARIABLE", "CREATED")} == {"x": "1", "y": "2"}


def test_the_business_id_may_be_left_out(two: Scenario) -> None:
    ended_two(two, business_id="B-1")
    assert restart_all(two, without_business_id=True).one(FAMILY, "CREATED").value.business_id == ""


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (StartInstruction(element_id="b"), {"b"}),
        (StartInstruction(after_element_id="a"), {"b"}),
        (StartInstruction(after_element_id="start"), {"a"}),
    ],
)
def test_it_begins_before_or_behind_chosen_elements(
    two: Scenario, instruction: StartInstruction, expected: set[str]
) -> None:
    ended_two(two)
    new = the_new_one(restart_all(two, start_instructions=(instruction,)))
    assert active_elements(two, new) == expected


def test_it_begins_over_a_sequence_flow(two: Scenario) -> None:
    old = ended_two(two)
    graph_flow = next(r.value.element_id for r in two.everything().all("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN"))
    new = the_new_one(restart_all(two, start_instructions=(StartInstruction(sequence_flow_id=graph_flow),)))
    assert new != old
    assert active_elements(two, new) == {"a"}


def test_an_instance_that_completed_is_restarted_as_often_as_wanted(two: Scenario) -> None:
    key = two.create("two")
    for job_type in ("a", "b"):
        for job in activate(two, job_type):
            complete(two, job).accepted()
    first = the_new_one(restart_all(two))
    complete_all(two, "a")
    moment = two.when(batch(RESTART, ALL, Parameters(), excluded_keys=(first,)))
    second = moment.one(FAMILY, "CREATED").value
    assert second.restarted_process_instance_key == key
    assert second.process_instance_key not in (key, first)


def test_a_running_instance_is_not_restarted(two: Scenario) -> None:
    key = two.create("two")
    restart_all(two)
    assert counts(final(two)) == (1, 0, 1, 0, 0)
    failed = two.everything().one(ITEM, "FAILED").value
    assert failed.error_code == "INVALID_STATE"
    assert f"got {key}, which runs; cancel it" in failed.error_message


def test_one_that_ended_after_it_was_looked_up_fails(two: Scenario) -> None:
    """What was looked up of it may not be what it ended with."""
    key = two.create("two")
    two.when(batch(RESTART, ALL, Parameters(), options=BatchOptions(start_at=two.now + 1)))
    two.cancel(key)
    failed = two.advance(1).one(ITEM, "FAILED").value
    assert (failed.error_code, "select it again" in failed.error_message) == ("INVALID_STATE", True)


def test_of_what_is_unknown_nothing_begins(two: Scenario) -> None:
    two.when(batch(RESTART, ALL, Parameters(), item_keys=(ended_two(two) + 1,)))
    assert counts(final(two)) == (2, 1, 1, 0, 0)
    assert two.everything().one(ITEM, "FAILED").value.error_code == "NOT_FOUND"


def test_variables_that_fit_no_command_fail_the_item(two: Scenario) -> None:
    ended_two(two)
    two.search.variables_size_max = 5
    restart_all(two)
    failed = two.everything().one(ITEM, "FAILED").value
    assert (failed.error_code, "start it anew by hand" in failed.error_message) == ("EXCEEDED_LIMIT", True)


def test_pages_are_cut_where_their_variables_are_too_many(two: Scenario) -> None:
    """Facts of fewer items than were found: the next page begins behind them."""
    old = [ended_two(two) for _ in range(5)]
    two.search.facts_max = 2
    moment = restart_all(two)
    assert counts(final(two)) == (5, 5, 0, 0, 0)
    assert [r.value.restarted_process_instance_key for r in moment.all(FAMILY, "CREATED")] == old


def test_nothing_of_what_was_looked_up_is_kept_in_the_end(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"chunk_size": 2, "slice_size": 1})
    for key in populate(s, 6):
        s.cancel(key)
    s.when(batch(RESTART, ALL, Parameters(), options=BatchOptions(start_at=s.now + 1)))
    assert sum(1 for p in s.partitions.values() for _ in p.state.scan(FACTS)) == 6
    s.when(manage("CANCEL", key_of(s)))
    assert counts(final(s)) == (6, 0, 0, 0, 6)
    assert not any(p.state.scan(FACTS) for p in s.partitions.values())


def test_items_that_are_tried_again_still_know_what_was_looked_up(two: Scenario) -> None:
    """A business id that is taken for a while: the item fails, and is tried again when it is free."""
    s = two
    text = msgspec.json.encode(msgspec.structs.replace(MachineSettings(), business_id_uniqueness=True)).decode()
    s.when_internal(command("SETTINGS", "UPDATE", Settings(settings=text)))
    ended_two(s, business_id="B-1")
    other = s.when(creation("two", business_id="B-1")).one(FAMILY, "CREATED").key
    options = BatchOptions(item_retries=1, retry_backoff=1_000)
    s.when(batch(RESTART, ALL, Parameters(), excluded_keys=(other,), options=options))
    assert s.everything().one(ITEM, "RETRYING").value.error_code == "ALREADY_EXISTS"
    s.cancel(other)
    s.advance(1_000)
    assert counts(final(s)) == (1, 1, 0, 0, 0)
    assert not s.partitions[1].state.scan(FACTS)


@pytest.mark.parametrize(
    ("instruction", "problem"),
    [
        (StartInstruction(), "give one of them"),
        (StartInstruction(element_id="a", after_element_id="b"), "give one of them"),
    ],
)
def test_senseless_instructions_are_refused_at_creation(
    two: Scenario, instruction: StartInstruction, problem: str
) -> None:
    restart_all(two, start_instructions=(instruction,)).rejected("INVALID_ARGUMENT", problem)


@pytest.mark.parametrize(
    "instruction",
    [
        StartInstruction(element_id="nowhere"),
        StartInstruction(after_element_id="nowhere"),
        StartInstruction(after_element_id="end"),
        StartInstruction(sequence_flow_id="nowhere"),
        StartInstruction(element_id="start"),
    ],
)
def test_instructions_that_do_not_fit_the_process_fail_the_item(two: Scenario, instruction: StartInstruction) -> None:
    ended_two(two)
    restart_all(two, start_instructions=(instruction,))
    assert two.everything().one(ITEM, "FAILED").value.error_code == "INVALID_ARGUMENT"


# one instance, by a command of its own


def test_a_creation_may_say_what_it_restarts(two: Scenario) -> None:
    old = ended_two(two)
    told = two.when(creation("two", restarted_process_instance_key=old)).accepted().one(FAMILY, "CREATED").value
    assert told.restarted_process_instance_key == old


def test_a_creation_restarts_nothing_that_runs_or_never_was(two: Scenario) -> None:
    running = two.create("two")
    two.when(creation("two", restarted_process_instance_key=running)).rejected("INVALID_STATE", "which runs; cancel it")
    for key in (1 << KEY_BITS | 1_000_000, 2 << KEY_BITS | 1):
        two.when(creation("two", restarted_process_instance_key=key)).rejected("NOT_FOUND", f"got {key}; check it")
