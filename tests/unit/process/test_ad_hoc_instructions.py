"""Elements that a person begins in an ad-hoc sub-process: the command ACTIVATE and why it is refused."""

from __future__ import annotations

import msgspec
import pytest

from engine.process.ad_hoc import ACTIVATIONS_MAX
from engine.records import AdHocSubProcessInstruction, Job
from engine.records.ad_hoc_sub_process_instruction import ActivateElement
from tests.support import models as m
from tests.support.actions import activate, begin_inside, complete, complete_all, publish, set_variables
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

#: How many records a step may take: everything in one, or a pause after nearly every piece of work.
EFFORTS = [{}, {"step_effects_max": 20}, {"step_effects_max": 1}]
INSTRUCTION = "AD_HOC_SUB_PROCESS_INSTRUCTION"


def begin(s: Scenario, *parts: str, **fields: str) -> int:
    """An instance with nothing in its ad-hoc sub-process `pool`, whose key it gives."""
    inside = (
        m.job("a", "a"),
        m.job("b", "b"),
        m.job("next", "next"),
        m.chain("a", "next"),
        m.script("s", "=x + 1", "x"),
    )
    s.deploy(
        m.straight("p", m.ad_hoc("pool", *inside, *parts, **fields), m.job("after", "after"), names=["pool", "after"])
    )
    s.create("p", '{"x": 1, "key": "k", "enough": false}')
    return s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool").key


@pytest.mark.parametrize("settings", EFFORTS)
def test_elements_begin_with_variables_of_their_own(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    key = begin(s)
    moment = begin_inside(s, key, "b", "s", variables='{"x": 5}').accepted()
    answer = moment.one(INSTRUCTION, "ACTIVATED")
    assert [each.element_id for each in answer.value.activate_elements] == ["b", "s"]
    assert answer.key == key
    moment = s.everything().has("b ACTIVATED", "s COMPLETED", "pool#innerInstance COMPLETED")
    inner = {r.key for r in moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool#innerInstance")}
    made = [(r.value.value, r.value.scope_key in inner) for r in moment.all("VARIABLE", name="x")]
    assert made == [("1", False), ("5", True), ("5", True), ("6", True)]
    complete_all(s, "b")
    complete_all(s, "after")
    assert s.is_empty()


def test_one_after_the_other(scenario: MakeScenario) -> None:
    s = scenario()
    key = begin(s)
    begin_inside(s, key, "a").has("a ACTIVATED")
    begin_inside(s, key, "a").has("a ACTIVATED")
    complete_all(s, "a")
    complete_all(s, "next")
    s.everything().has("pool COMPLETED", "after ACTIVATED")
    begin_inside(s, key, "b").rejected("NOT_FOUND", "it may have ended")


@pytest.mark.parametrize("settings", EFFORTS)
def test_what_remains_is_canceled_first(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    key = begin(s)
    begin_inside(s, key, "a", "b")
    begin_inside(s, key, "b", cancel=True)
    s.everything().has("a TERMINATED", "b TERMINATED", "b ACTIVATED").none(
        "PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="pool"
    )
    assert len(activate(s, "b")) == 1
    assert not activate(s, "a")


@pytest.mark.parametrize("settings", EFFORTS)
def test_large_variables_fit_a_pause(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    key = begin(s)
    variables = msgspec.json.encode({"text": '"' * 1_000_000}).decode()
    begin_inside(s, key, "a", "b", variables=variables)
    s.everything().has("a ACTIVATED", "b ACTIVATED").none("INCIDENT")


def test_all_that_is_wrong_is_told_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    key = begin(s)
    moment = begin_inside(s, key, "a", "a", "next", "ghost", variables="no")
    reason = moment.rejection().rejection_reason
    for text in ("'ghost', 'next'; correct them", "got 'a' more than once", "variables of 'ghost'", "a JSON object"):
        assert text in reason
    moment.rejected("INVALID_ARGUMENT")
    begin_inside(s, key).rejected("INVALID_ARGUMENT", "expected elements to activate, got none")
    many = ["a"] * (ACTIVATIONS_MAX + 1)
    begin_inside(s, key, *many).rejected("INVALID_ARGUMENT", f"at most {ACTIVATIONS_MAX} elements")


def test_only_an_active_ad_hoc_sub_process_takes_it(scenario: MakeScenario) -> None:
    s = scenario()
    told = m.handler("handle", m.start_event("told", m.message()), m.job("h", "h"), m.chain("told", "h"))
    key = begin(s, told)
    begin_inside(s, key + 1000, "a").rejected("NOT_FOUND")
    root = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="p").key
    begin_inside(s, root, "a").rejected("NOT_FOUND")
    publish(s)
    begin_inside(s, key, "a").rejected("INVALID_STATE", "nothing more begins in it")
    complete_all(s, "h")
    s.everything().has("pool COMPLETED")


def test_in_an_incident_of_the_list_nothing_begins(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("q", m.ad_hoc("pool", m.task("a"), active="=ghost"), names=["pool"]))
    s.create("q")
    key = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="pool").key
    begin_inside(s, key, "a").rejected("INVALID_STATE")


def test_beside_the_completion_condition(scenario: MakeScenario) -> None:
    s = scenario()
    key = begin(s, condition="=enough")
    begin_inside(s, key, "b")
    complete_all(s, "b")
    begin_inside(s, key, "b", "a").has("b ACTIVATED")
    set_variables(s, key, '{"enough": true}')
    complete_all(s, "b")
    s.everything().has("a TERMINATED", "pool COMPLETED")


@pytest.mark.parametrize("limit", range(1, 40))
def test_it_may_come_while_the_last_activation_ends(scenario: MakeScenario, limit: int) -> None:
    """Whatever is paused when it comes: it begins, or is refused; never is it lost."""
    s = scenario(settings={"step_effects_max": limit})
    key = begin(s)
    begin_inside(s, key, "b")
    (job,) = activate(s, "b")
    marks = s.marks()
    s.send(make("JOB", "COMPLETE", Job(), job))
    elements = (ActivateElement(element_id="b"),)
    s.send(make(INSTRUCTION, "ACTIVATE", AdHocSubProcessInstruction(activate_elements=elements), key))
    s.drain()
    moment = s.since(marks)
    accepted = bool(moment.all(INSTRUCTION, "ACTIVATED"))
    begun = len(activate(s, "b"))
    assert begun == accepted
    for job in activate(s, "b"):
        complete(s, job)
    assert accepted or "pool COMPLETED" in moment.flow()


@pytest.mark.parametrize("steps", range(16))
def test_what_ends_while_others_are_canceled_does_not_end_it(scenario: MakeScenario, steps: int) -> None:
    """The last of the old activations may complete before its turn to be canceled; the new one begins all the same."""
    s = scenario(settings={"step_effects_max": 1})
    key = begin(s)
    begin_inside(s, key, "a", "b")
    (job,) = activate(s, "b")
    elements = (ActivateElement(element_id="b"),)
    wish = AdHocSubProcessInstruction(activate_elements=elements, cancel_remaining_instances=True)
    marks = s.marks()
    s.send(make(INSTRUCTION, "ACTIVATE", wish, key))
    for _ in range(steps):
        s.one()
    s.send(make("JOB", "COMPLETE", Job(), job))
    s.drain()
    moment = s.since(marks)
    moment.one(INSTRUCTION, "ACTIVATED")
    assert "pool COMPLETED" not in moment.flow()
    assert len(activate(s, "b")) == 1


@pytest.mark.parametrize("settings", EFFORTS)
def test_in_a_multi_instance(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    marker = (
        "<bpmn:multiInstanceLoopCharacteristics><bpmn:extensionElements>"
        '<zeebe:loopCharacteristics inputCollection="=[1, 2]" inputElement="n" />'
        "</bpmn:extensionElements></bpmn:multiInstanceLoopCharacteristics>"
    )
    s.deploy(m.straight("p", m.ad_hoc("pool", m.job("a", "a"), m.job("b", "b"), marker), names=["pool"]))
    s.create("p")
    pools = s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_type="AD_HOC_SUB_PROCESS")
    assert len(pools) == 2
    begin_inside(s, pools[0].key, "a")
    begin_inside(s, pools[1].key, "a", "b")
    complete_all(s, "a")
    complete_all(s, "b")
    s.everything().has("pool COMPLETED", "pool COMPLETED", "pool COMPLETED", "p COMPLETED")
    assert s.is_empty()
