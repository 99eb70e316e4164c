"""Removal times: an event says when history is deleted, and then it is, by an event and not by the clock alone."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from engine.batch.removal_time import Body, Parameters, read
from engine.core.record import command
from engine.core.settings import MachineSettings
from engine.process.removal_tables import REMOVALS
from engine.records import DecisionEvaluation, Deployment, HistoryDeletion, Settings
from engine.records.deployment import Resource
from tests.support.actions import DELETE_INSTANCES, SET_REMOVAL_TIME, batch, complete_all
from tests.support.batches import ITEM, counts, final, populate
from tests.support.decisions import decision, literal, model
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment, Scenario, make

FAMILY = "HISTORY_DELETION"
ALL = '{"state": {"$exists": true}}'
DAY = 24 * 3_600_000
OF_DECISIONS = "SET_DECISION_REMOVAL_TIME"


def at(milliseconds: int) -> Parameters:
    return read(Body(absolute_removal_time=datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()))


CLEARED = read(Body(cleared_removal_time=True))
CALCULATED = read(Body(calculated_removal_time=True))


def set_all(s: Scenario, parameters: Parameters, kind: str = SET_REMOVAL_TIME) -> Moment:
    return s.when(batch(kind, ALL, parameters))


@pytest.fixture
def ended(scenario: MakeScenario) -> tuple[Scenario, list[int]]:
    """Three instances that have ended."""
    s = scenario(settings={"history_time_to_live_ms": 10 * DAY})
    keys = populate(s, 3)
    complete_all(s)
    return s, keys


def test_history_is_deleted_when_its_time_has_come(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    set_all(s, at(s.now + 1_000))
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert not s.advance(999).all(FAMILY)
    deleted = s.advance(1).all(FAMILY, "DELETED")
    assert sorted(record.key for record in deleted) == keys
    assert {record.value.reason for record in deleted} == {"its removal time has come"}
    assert not s.partitions[1].state.scan(REMOVALS)


def test_a_time_that_is_past_deletes_at_once(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    set_all(s, at(s.now - DAY))
    assert len(s.advance(0).all(FAMILY, "DELETED")) == len(keys)


def test_another_time_takes_the_place_of_the_first_and_none_keeps_it(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    set_all(s, at(s.now + 1_000))
    set_all(s, at(s.now + 5_000))
    s.when(batch(SET_REMOVAL_TIME, ALL, CLEARED, excluded_keys=(keys[0],)))
    assert not s.advance(1_000).all(FAMILY)
    assert [record.key for record in s.advance(4_000).all(FAMILY, "DELETED")] == keys[:1]
    assert not s.advance(100 * DAY).all(FAMILY)


def test_a_calculated_time_follows_from_the_end(ended: tuple[Scenario, list[int]]) -> None:
    s, _ = ended
    end = s.now
    s.advance(3 * DAY)
    told = set_all(s, CALCULATED).all(FAMILY, "SCHEDULED")
    assert {record.value.removal_time for record in told} == {end + 10 * DAY}
    assert not s.advance(7 * DAY - 1).all(FAMILY)
    assert len(s.advance(1).all(FAMILY, "DELETED")) == 3


def test_without_a_time_to_live_nothing_is_calculated(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    set_all(s, CALCULATED).rejected("INVALID_ARGUMENT", "process.historyTimeToLive")


def test_a_time_to_live_that_is_taken_back_fails_items_that_wait(ended: tuple[Scenario, list[int]]) -> None:
    """What was calculated stays; it is the end of the first that counts, not the setting of later."""
    s, _ = ended
    set_all(s, CALCULATED)
    text = msgspec.json.encode(MachineSettings()).decode()
    s.when_internal(command("SETTINGS", "UPDATE", Settings(settings=text)))
    assert len(s.advance(10 * DAY).all(FAMILY, "DELETED")) == 3


@pytest.mark.parametrize("parameters", [at(2_000_000_000_000), CLEARED, CALCULATED])
def test_what_runs_has_no_removal_time(scenario: MakeScenario, parameters: Parameters) -> None:
    s = scenario(settings={"history_time_to_live_ms": DAY})
    populate(s, 1)
    set_all(s, parameters)
    failed = s.everything().one(ITEM, "FAILED").value
    assert (failed.error_code, "which runs" in failed.error_message) == ("INVALID_STATE", True)


def test_what_is_deleted_by_hand_is_not_deleted_again(ended: tuple[Scenario, list[int]]) -> None:
    s, _ = ended
    set_all(s, at(s.now + 1_000))
    assert len(s.when(batch(DELETE_INSTANCES, ALL)).all(FAMILY, "DELETED")) == 3
    assert not s.partitions[1].state.scan(REMOVALS)
    assert not s.advance(1_000).all(FAMILY)


def test_of_what_nothing_is_known_nothing_is_calculated(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    s.when(batch(SET_REMOVAL_TIME, ALL, CALCULATED, item_keys=(keys[-1] + 1,)))
    assert counts(final(s)) == (4, 3, 0, 1, 0)


@pytest.mark.parametrize(("kind", "other"), [(SET_REMOVAL_TIME, OF_DECISIONS), (OF_DECISIONS, SET_REMOVAL_TIME)])
def test_what_is_said_of_one_type_does_not_meet_another_with_the_same_key(
    ended: tuple[Scenario, list[int]], kind: str, other: str
) -> None:
    s, (key, *_) = ended
    types = {SET_REMOVAL_TIME: "PROCESS_INSTANCE", OF_DECISIONS: "DECISION_INSTANCE"}
    s.when(batch(kind, "", at(s.now + 2_000), item_keys=(key,))).accepted()
    s.when(batch(other, "", at(s.now + 1_000), item_keys=(key,))).accepted()
    s.when(make(FAMILY, "DELETE", HistoryDeletion(resource_key=key, resource_type=types[other]), key)).accepted()
    assert not s.advance(1_000).all(FAMILY)
    assert s.advance(1_000).one(FAMILY, "DELETED").value.resource_type == types[kind]


@pytest.mark.parametrize("parameters", [at(1_700_000_001_000), CALCULATED])
def test_evaluations_of_decisions_go_too(scenario: MakeScenario, parameters: Parameters) -> None:
    s = scenario(settings={"history_time_to_live_ms": 1_000})
    file = Resource(resource_name="d.dmn", resource=model(decision("d", literal("1"))))
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(file,))), 1)
    wish = DecisionEvaluation(decision_id="d")
    key = s.when(make("DECISION_EVALUATION", "EVALUATE", wish), 1).one("DECISION_EVALUATION", "EVALUATED").key
    set_all(s, parameters, OF_DECISIONS)
    told = s.advance(1_000).one(FAMILY, "DELETED")
    assert (told.key, told.value.resource_type) == (key, "DECISION_INSTANCE")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (Body(), "got 0 of them; give one"),
        (Body(cleared_removal_time=True, calculated_removal_time=True), "got 2 of them; give one"),
        (Body(absolute_removal_time="tomorrow"), "expected a date after 1970 with an offset"),
        (Body(absolute_removal_time="2027-01-31T00:00:00"), "expected a date after 1970 with an offset"),
        (Body(absolute_removal_time="1960-01-31T00:00:00Z"), "expected a date after 1970 with an offset"),
    ],
)
def test_senseless_times_are_refused(scenario: MakeScenario, body: Body, problem: str) -> None:
    set_all(scenario(), read(body)).rejected("INVALID_ARGUMENT", problem)


# one, by a command of its own


def schedule(
    key: int, removal_time: int, resource_type: str = "PROCESS_INSTANCE", end_time: int = 0
) -> HistoryDeletion:
    return HistoryDeletion(resource_key=key, resource_type=resource_type, removal_time=removal_time, end_time=end_time)


def test_one_instance_has_its_time_by_a_command(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    value = schedule(keys[0], -1, end_time=s.now)
    told = s.when(make(FAMILY, "SCHEDULE", value, keys[0], request="gateway/1")).accepted().one(FAMILY, "SCHEDULED")
    assert (told.value.removal_time, told.step.request) == (s.now + 10 * DAY, "gateway/1")
    assert s.advance(10 * DAY).one(FAMILY, "DELETED").key == keys[0]


def test_senseless_commands_are_refused(ended: tuple[Scenario, list[int]]) -> None:
    s, (key, *_) = ended
    for value, code in (
        (schedule(key, -2), "INVALID_ARGUMENT"),
        (schedule(key, 1 << 60), "INVALID_ARGUMENT"),
        (schedule(key, 1, "PAINTING"), "INVALID_ARGUMENT"),
        (schedule(key, -1), "INVALID_STATE"),
        (schedule(key + 1_000_000, 1), "NOT_FOUND"),
        (schedule(s.create("one"), 1), "INVALID_STATE"),
    ):
        s.when(make(FAMILY, "SCHEDULE", value, value.resource_key, request="gateway/1"), 1).rejected(code, "")
