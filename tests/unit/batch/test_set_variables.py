"""SET_VARIABLES: the same variables at all process instances that a filter selects."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from engine.operations.set_variables import Body, Parameters, check, read
from engine.process.variables import VARIABLE_SIZE_MAX
from tests.support.actions import SET_VARIABLES, batch
from tests.support.batches import ITEM, counts, final, populate
from tests.support.fixture import MakeScenario


def set_variables(variables: str) -> Record:
    return batch(SET_VARIABLES, '{"processDefinitionId": "one"}', Parameters(variables=variables))


def test_each_instance_gets_them_and_what_it_has_already_is_no_record(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 5)
    s.when(set_variables('{"region": "north", "n": [1, 2]}')).accepted()
    assert counts(final(s)) == (5, 5, 0, 0, 0)
    created = s.everything().all("VARIABLE", "CREATED")
    assert {(v.value.scope_key, v.value.name, v.value.value) for v in created} == {
        (key, *pair) for key in keys for pair in (("region", '"north"'), ("n", "[1,2]"))
    }
    s.when(set_variables('{"region": "north"}')).accepted()
    assert len(s.everything().all(ITEM, "COMPLETED")) == 10
    assert len(s.everything().all("VARIABLE")) == 10


def test_large_values_are_spread_over_steps(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 6)
    s.when(set_variables(f'{{"text": "{"x" * 2_000_000}"}}')).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    steps = [record.step.source_ordinal for record in s.everything().all("VARIABLE", "CREATED")]
    assert max(steps.count(step) for step in set(steps)) < 6


def test_an_instance_that_is_gone_is_not_found(scenario: MakeScenario) -> None:
    s = scenario()
    (key,) = populate(s, 1)
    s.send(set_variables('{"n": 1}'))
    while not s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"):
        s.one()
    s.cancel(key)
    assert s.everything().one(ITEM, "FAILED").value.error_code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "variables: expected at least one, got none; give one"),
        ("{}", "variables: expected at least one, got none; give one"),
        ("[1]", "variables: expected the variables to be a JSON object, got"),
        (f'{{"x":"{"y" * VARIABLE_SIZE_MAX}"}}', f"variables: expected at most {VARIABLE_SIZE_MAX} bytes of JSON"),
    ],
    ids=["nothing", "no variable", "no object", "too large"],
)
def test_what_cannot_be_set_is_refused(text: str, expected: str) -> None:
    (problem,) = check(Parameters(variables=text))
    assert problem.startswith(expected)


def test_what_clients_give_becomes_one_text() -> None:
    assert read(Body(variables={"a": {"b": [1, None]}})) == Parameters(variables='{"a":{"b":[1,null]}}')
