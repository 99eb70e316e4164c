"""Who starts an instance may wait for its end: PROCESS_INSTANCE_RESULT answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.process.results import RESULT_VARIABLES_SIZE_MAX
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, creation, end_after
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

RESULT = "PROCESS_INSTANCE_RESULT"


def headers(s: Scenario) -> dict[str, Mapping[str, str]]:
    """Headers that answer a request, by the intent of their record."""
    partition = s.partitions[1]
    pairs = zip(partition.records, partition.headers, strict=True)
    return {f"{r.value_type} {r.intent}": h for r, h in pairs if "request" in h}


def test_the_result_answers_when_the_instance_has_completed(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("one", '{"a": 1}', await_result=True, tags=("x",), business_id="b")).none(RESULT)
    assert headers(s) == {"PROCESS_INSTANCE_CREATION CREATED": {"request": "gateway/1"}}
    (key,) = activate(s)
    result = complete(s, key, '{"b": [null, "ä"]}').one(RESULT, "COMPLETED")
    assert headers(s)[f"{RESULT} COMPLETED"] == {"request": "gateway/1", "final": "1"}
    assert (result.value.variables, result.value.error_message) == ('{"a":1,"b":[null,"ä"]}', "")
    assert (result.value.bpmn_process_id, result.value.bpmn_version) == ("one", 1)
    assert (result.value.tags, result.value.business_id) == (("x",), "b")
    assert result.value.process_instance_key == result.key
    assert s.is_empty()


def test_an_instance_that_ends_at_once_answers_in_its_first_step(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.script("t", "=n * 2", "doubled"), names=["t"]))
    moment = s.when(creation("p", '{"n": 21}', await_result=True))
    assert moment.one(RESULT, "COMPLETED").value.variables == '{"doubled":42,"n":21}'
    assert headers(s)["PROCESS_INSTANCE_CREATION CREATED"] == {"request": "gateway/1"}
    assert headers(s)[f"{RESULT} COMPLETED"] == {"request": "gateway/1", "final": "1"}
    assert s.is_empty()


def test_a_result_has_the_variables_that_were_asked_for(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("one", '{"a": 1, "b": 2}', await_result=True, fetch_variables=("b", "c"))).accepted()
    complete_all(s)
    assert s.everything().one(RESULT).value.variables == '{"b":2}'


def test_a_terminated_instance_answers_too(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.when(creation("one", '{"a": 1}', await_result=True)).one("PROCESS_INSTANCE_CREATION").key
    assert s.cancel(key).one(RESULT, "TERMINATED").value.variables == ""
    assert headers(s)[f"{RESULT} TERMINATED"] == {"request": "gateway/1", "final": "1"}
    assert s.is_empty()


def test_an_instance_that_is_ended_after_an_element_answers(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("one", await_result=True, runtime_instructions=end_after("start"))).one(RESULT, "TERMINATED")
    assert s.is_empty()


def test_a_cancellation_over_several_steps_answers_in_the_last(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 8})
    s.deploy(m.fan("fan", 20))
    key = s.when(creation("fan", await_result=True)).one("PROCESS_INSTANCE_CREATION").key
    moment = s.cancel(key)
    result = moment.one(RESULT, "TERMINATED")
    ended = moment.one("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_type="PROCESS")
    assert moment.all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")
    assert result.step == ended.step
    assert s.is_empty()


def test_a_processor_that_starts_again_still_answers(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("one", await_result=True)).accepted()
    s.flush_all()
    s.crash(1)
    complete_all(s)
    assert headers(s)[f"{RESULT} COMPLETED"] == {"request": "gateway/1", "final": "1"}


def test_nobody_is_answered_who_does_not_wait(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    complete_all(s)
    s.everything().none(RESULT)


def test_a_wish_that_is_refused_is_answered_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    s.when(creation("one", await_result=True)).rejected("NOT_FOUND")
    assert headers(s) == {"PROCESS_INSTANCE_CREATION CREATE": {"request": "gateway/1", "final": "1"}}


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_variables_that_do_not_fit_are_an_error_in_the_answer(scenario: MakeScenario, more: int, fits: bool) -> None:
    s = scenario()
    s.deploy(m.one_task())
    half = RESULT_VARIABLES_SIZE_MAX // 2
    s.when(creation("one", f'{{"a": "{"x" * half}"}}', await_result=True)).accepted()
    (key,) = activate(s)
    rest = RESULT_VARIABLES_SIZE_MAX - half - len('{"a":"","b":""}') + more
    value = complete(s, key, f'{{"b": "{"x" * rest}"}}').one(RESULT, "COMPLETED").value
    assert len(value.variables) == (RESULT_VARIABLES_SIZE_MAX if fits else 0)
    assert ("fetch some of them only" in value.error_message) is not fits
    s.everything().has("one COMPLETED")
