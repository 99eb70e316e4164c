"""Filters that can match nothing of a type are refused by name (camunda/camunda #60684: they ended with 0 items)."""

from __future__ import annotations

import msgspec
import pytest

from engine.batch.contradictions import contradictions
from engine.operations import OPERATIONS
from tests.support import models as m
from tests.support.actions import batch
from tests.support.fixture import MakeScenario


def problems(name: str, **given: object) -> list[str]:
    return contradictions(OPERATIONS[name], msgspec.json.encode(given).decode())


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_issue_60684_a_state_that_contradicts_the_type_is_refused_by_name(name: str) -> None:
    selects = OPERATIONS[name].selects
    if not selects.states_named:
        assert selects.entity == "DECISION_INSTANCE", "expected states that a filter may name, got none"
        assert problems(name, state="FAILED") == []
        return
    (inside, *_), outside = selects.states_named, "NOWHERE"
    for given in (
        outside,
        {"$eq": outside},
        {"$in": [outside]},
        {"$notIn": list(selects.states_named)},
        {"$like": "N*"},
    ):
        (problem,) = problems(name, state=given)
        assert problem.startswith(f"filter.state: expected one that {name} can be about ({inside}")
    for given in (inside, {"$eq": inside}, {"$in": [outside, inside]}, {"$neq": outside}, {"$like": f"{inside[:2]}*"}):
        assert problems(name, state=given) == []
    assert problems(name, state={"$exists": False})
    assert not problems(name, state={"$exists": True})


def test_alternatives_are_told_by_their_place() -> None:
    alternatives = [{"state": "ACTIVE"}, {"state": "COMPLETED"}]
    (problem,) = problems("CANCEL_PROCESS_INSTANCE", **{"$or": alternatives})
    assert problem.startswith("filter.$or[1].state: ")


@pytest.mark.parametrize("given", ["7", {"$eq": "7"}, {"$in": ["7"]}, {"$exists": True}])
def test_issue_60874_a_parent_is_refused_where_only_roots_are_meant(given: object) -> None:
    (problem,) = problems("CANCEL_PROCESS_INSTANCE", parentProcessInstanceKey=given)
    assert "about root instances only" in problem
    assert problems("SUSPEND_PROCESS_INSTANCE", parentProcessInstanceKey=given) == []


@pytest.mark.parametrize("given", [{"$exists": False}, {"$neq": "7"}, {"$notIn": ["7"]}])
def test_what_roots_satisfy_is_no_contradiction(given: object) -> None:
    assert problems("CANCEL_PROCESS_INSTANCE", parentProcessInstanceKey=given) == []


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "7", '{"$or": 7}', '{"$or": [7]}', "[" * 100_000])
def test_what_is_no_filter_is_told_elsewhere(text: str) -> None:
    assert contradictions(OPERATIONS["CANCEL_PROCESS_INSTANCE"], text) == []


@pytest.mark.parametrize(
    ("pattern", "is_refused"),
    [("ACTIV?", False), ("A*", False), ("*", False), (r"ACTIVE\*", True), ("?", True), (r"\ACTIVE", False)],
)
def test_patterns_are_understood(pattern: str, is_refused: bool) -> None:
    assert bool(problems("CANCEL_PROCESS_INSTANCE", state={"$like": pattern})) is is_refused


def test_a_producer_is_told_the_same(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    refused = s.when(batch(filter_text='{"processDefinitionId": "one", "state": "COMPLETED"}'))
    refused.rejected("INVALID_ARGUMENT", "filter.state: expected one that CANCEL_PROCESS_INSTANCE can be about")
    s.when(batch(filter_text="", item_keys=(-5,))).rejected("INVALID_ARGUMENT", "expected numbers above 0")
