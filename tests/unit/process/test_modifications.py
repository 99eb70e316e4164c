"""Process instances changed by hand: tokens activated, moved and terminated."""

from __future__ import annotations

import pytest

from engine.core.faults import EXCEEDED_LIMIT, INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.process import modification_plan
from engine.records import ProcessInstanceModification
from engine.records.process_instance_modification import (
    ActivateInstruction,
    MoveInstruction,
    TerminateInstruction,
    VariableInstruction,
)
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, creation, resume, suspend
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make

# a -> b -> c, and a sub-process with d -> e beside
PARTS = (
    m.start(),
    m.job("a"),
    m.job("b"),
    m.job("c"),
    m.end(),
    m.chain("start", "a", "b", "c", "end"),
    m.sub_process("sub", m.start("s"), m.job("d"), m.job("e"), m.end("z"), m.chain("s", "d", "e", "z")),
    m.flow("sub", "end"),
)


def modify(
    s: Scenario,
    key: int,
    *moves: MoveInstruction,
    begin: tuple[ActivateInstruction, ...] = (),
    end: tuple[TerminateInstruction, ...] = (),
) -> Moment:
    wish = ProcessInstanceModification(activate_instructions=begin, move_instructions=moves, terminate_instructions=end)
    return s.when(make("PROCESS_INSTANCE_MODIFICATION", "MODIFY", wish, key, request="gateway/8"))


def move(source: str, target: str, kind: str = "", **fields: object) -> MoveInstruction:
    return MoveInstruction(
        source_element_id=source,
        target_element_id=target,
        ancestor_scope_type=kind,
        **fields,  # type: ignore[arg-type]
    )


def at(element_id: str, ancestor: int = -1, *variables: VariableInstruction) -> ActivateInstruction:
    return ActivateInstruction(
        element_id=element_id, ancestor_element_instance_key=ancestor, variable_instructions=variables
    )


def over(element_id: str = "", key: int = -1) -> TerminateInstruction:
    return TerminateInstruction(element_id=element_id, element_instance_key=key)


def given(variables: str, scope_id: str = "") -> VariableInstruction:
    return VariableInstruction(variables=variables, scope_id=scope_id)


def begin(scenario: MakeScenario, *parts: str, variables: str = "", **settings: int) -> tuple[Scenario, int]:
    s = scenario(settings=settings) if settings else scenario()
    s.deploy(m.model(m.process("p", *(parts or PARTS))))
    return s, s.create("p", variables)


def key_of(s: Scenario, element_id: str, number: int = -1) -> int:
    return s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id=element_id)[number].key


def test_a_token_moves(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    moment = modify(s, key, move("a", "c")).accepted()
    moment.has("PROCESS_INSTANCE_MODIFICATION MODIFIED", "JOB CANCELED", "a TERMINATED", "c ACTIVATED")
    complete_all(s)
    s.everything().has("c COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_token_moves_to_the_end(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    modify(s, key, move("a", "end")).has("a TERMINATED", "end COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_every_token_of_the_source_moves(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    modify(s, key, begin=(at("a"), at("a"))).accepted()
    moment = modify(s, key, move("a", "b")).accepted()
    assert len(moment.all("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="a")) == 3
    assert len(moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="b")) == 3


def test_into_a_sub_process_that_is_not_active_and_out_again(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    moment = modify(s, key, move("a", "e")).has("a TERMINATED", "sub ACTIVATED", "e ACTIVATED")
    moment.none("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="s")
    modify(s, key, move("e", "b")).has("sub TERMINATED", "b ACTIVATED")
    s.cancel(key)
    assert s.is_empty()


def test_two_tokens_share_the_sub_process_that_begins_with_them(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    moment = modify(s, key, begin=(at("d"), at("e"))).accepted()
    (sub,) = moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="sub")
    begun = [r for r in moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED") if r.value.element_id in ("d", "e")]
    assert [r.value.flow_scope_key for r in begun] == [sub.key, sub.key]
    modify(s, key, begin=(at("d"),)).none("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="sub")


def test_which_of_two_scopes_must_be_said(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    modify(s, key, begin=(at("sub"), at("sub"))).accepted()
    first, second = (r.key for r in s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="sub"))
    modify(s, key, begin=(at("e"),)).rejected(INVALID_ARGUMENT, "expected one active instance of 'sub'")
    moment = modify(s, key, begin=(at("e", second),)).accepted()
    assert moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="e").value.flow_scope_key == second
    modify(s, key, begin=(at("e", key_of(s, "a")),)).rejected(INVALID_ARGUMENT, "expected an active scope around 'e'")
    moment = modify(s, key, begin=(at("e", key),)).has("sub ACTIVATED", "e ACTIVATED")
    assert moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="sub").key not in (first, second)


@pytest.mark.parametrize("kind", ["inferred", "sourceParent"])
def test_each_token_stays_in_its_own_scope(scenario: MakeScenario, kind: str) -> None:
    s, key = begin(scenario)
    modify(s, key, begin=(at("sub"), at("sub"))).accepted()
    scopes = {r.key for r in s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="sub")}
    moment = modify(s, key, move("d", "e", kind)).accepted()
    activated = moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="e")
    assert {r.value.flow_scope_key for r in activated} == scopes
    modify(s, key, move("d", "e")).rejected(INVALID_ARGUMENT, "expected 'd' to be active")


def test_the_scope_of_the_source_must_be_one_of_the_target(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    modify(s, key, begin=(at("sub"),)).accepted()
    modify(s, key, move("d", "b", "sourceParent")).rejected(INVALID_ARGUMENT, "in the scope of what is moved")
    modify(s, key, move("d", "b", "inferred")).has("sub TERMINATED", "b ACTIVATED")


def test_what_ends_by_key_and_by_id(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    modify(s, key, begin=(at("a"), at("b"))).accepted()
    first = key_of(s, "a", 0)
    moment = modify(s, key, end=(over(key=first),)).accepted()
    assert [r.key for r in moment.all("PROCESS_INSTANCE", "ELEMENT_TERMINATED")] == [first]
    modify(s, key, end=(over("a"),)).has("a TERMINATED").none("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="b")
    modify(s, key, end=(over("nobody"), over("a"))).accepted().none("PROCESS_INSTANCE")
    modify(s, key, end=(over("b"),)).has("b TERMINATED", "p TERMINATED")
    assert s.is_empty()


def test_scopes_in_which_nothing_is_left_end_but_not_those_where_something_begins(scenario: MakeScenario) -> None:
    inner = m.sub_process("inner", m.start("i"), m.job("x"), m.end("j"), m.chain("i", "x", "j"))
    outer = m.sub_process(
        "outer", m.start("o"), inner, m.job("y"), m.end("q"), m.chain("o", "inner", "q"), m.flow("y", "q")
    )
    s, key = begin(
        scenario, m.start(), outer, m.job("w"), m.end(), m.chain("start", "outer", "end"), m.flow("w", "end")
    )
    moment = modify(s, key, move("x", "y")).has("inner TERMINATED", "y ACTIVATED")
    moment.none("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="outer")
    modify(s, key, move("y", "w")).has("outer TERMINATED", "w ACTIVATED")
    modify(s, key, end=(over("w"),)).has("p TERMINATED")
    assert s.is_empty()


def test_variables_are_set_where_they_are_wanted(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    wanted = (given('{"g": 1}'), given('{"s": 2}', "sub"), given('{"l": 3}', "d"))
    moment = modify(s, key, begin=(at("d", -1, *wanted),)).accepted()
    scopes = {r.value.name: r.value.scope_key for r in moment.all("VARIABLE", "CREATED")}
    assert scopes == {"g": key, "s": key_of(s, "sub"), "l": key_of(s, "d")}
    moment = modify(s, key, move("d", "e", variable_instructions=(given('{"s": 4}', "sub"),))).accepted()
    assert moment.one("VARIABLE", "UPDATED").value.scope_key == key_of(s, "sub")
    assert not moment.one("PROCESS_INSTANCE_MODIFICATION", "MODIFIED").value.move_instructions[0].variable_instructions
    modify(s, key, begin=(at("b", -1, given("[1]")),)).rejected(INVALID_ARGUMENT, "variables for 'b'")
    modify(s, key, begin=(at("b", -1, given("{}", "sub")),)).rejected(INVALID_ARGUMENT, "one around 'b'")


def test_one_instance_of_a_multi_instance_activity_ends_and_the_others_go_on(scenario: MakeScenario) -> None:
    parts = (m.start(), m.multi(m.job("many")), m.job("after"), m.end(), m.chain("start", "many", "after", "end"))
    s, key = begin(scenario, *parts, variables='{"items": [1, 2]}')
    body, first, second = (
        r.key for r in s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="many")
    )
    assert body < second
    modify(s, key, end=(over(key=first),)).accepted()
    (job,) = activate(s)
    complete(s, job).has("many COMPLETED", "after ACTIVATED")
    modify(s, key, move("after", "many")).has("many ACTIVATED")
    assert len(activate(s)) == 2
    modify(s, key, move("many", "end")).has("p COMPLETED")
    assert s.is_empty()


def test_all_instances_of_a_multi_instance_activity_end(scenario: MakeScenario) -> None:
    parts = (m.start(), m.multi(m.job("many")), m.job("after"), m.end(), m.chain("start", "many", "after", "end"))
    s, key = begin(scenario, *parts, variables='{"items": [1, 2]}')
    inner = [r.key for r in s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="many")][1:]
    modify(s, key, begin=(at("after"),), end=tuple(over(key=one) for one in inner)).accepted()
    complete_all(s)
    s.everything().has("after COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_call_activity_ends_with_what_it_called(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.start(), m.call("call", "called"), m.job("b"), m.end(), m.chain("start", "call", "b", "end"))
    s.deploy(m.one_task("called"), m.model(m.process("p", *parts)))
    key = s.create("p")
    called = key_of(s, "called")
    modify(s, called, end=(over("task"),)).rejected(INVALID_STATE, "which another one called")
    modify(s, key, move("call", "b")).has("called TERMINATED")
    complete_all(s)
    s.everything().has("b COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_into_an_event_sub_process(scenario: MakeScenario) -> None:
    begun = m.start_event("begun", m.timer("PT1H"))
    handler = m.handler("handler", begun, m.job("x"), m.end("z"), m.chain("begun", "x", "z"))
    s, key = begin(scenario, m.start(), m.job("a"), m.end(), m.chain("start", "a", "end"), handler)
    modify(s, key, begin=(at("x"),)).has("handler ACTIVATED", "x ACTIVATED")
    modify(s, key, begin=(at("handler"),)).rejected(INVALID_ARGUMENT, "got event sub process 'handler'")
    s.cancel(key)
    assert s.is_empty()


def test_a_suspended_instance_is_modified_and_stands_still(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    suspend(s, key)
    modify(s, key, move("a", "b")).accepted().has("b ACTIVATED")
    assert activate(s) == []
    resume(s, key)
    complete_all(s)
    s.everything().has("b COMPLETED", "c ACTIVATED")


def test_an_instance_in_the_middle_of_its_work_is_refused(scenario: MakeScenario) -> None:
    names = [f"t{index}" for index in range(30)]
    s = scenario(settings={"step_effects_max": 20})
    s.deploy(m.straight("p", *map(m.task, names), names=names))
    s.send(creation("p"))
    while not s.everything().all("PROCESS_INSTANCE_CONTINUATION", "PAUSED"):
        s.one()
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    modify(s, key, begin=(at("t3"),)).rejected(INVALID_STATE, "in the middle of its work; retry")


def test_what_is_large_spans_steps(scenario: MakeScenario) -> None:
    s, key = begin(scenario, step_effects_max=20)
    modify(s, key, begin=tuple(at("b") for _ in range(100))).accepted()
    assert len(s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="b")) == 100
    modify(s, key, move("b", "c")).accepted()
    assert len(s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="c")) == 100
    assert max(r.step.step_count for r in s.everything().records) < 60


def test_limits(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    s, key = begin(scenario)
    monkeypatch.setattr(modification_plan, "ACTIVATIONS_MAX", 2)
    modify(s, key, begin=(at("b"), at("b"), at("b"))).rejected(INVALID_ARGUMENT, "at most 2 tokens")
    monkeypatch.setattr(modification_plan, "ELEMENT_INSTANCES_MAX", 2)
    modify(s, key, begin=(at("b"),)).accepted()
    modify(s, key, begin=(at("b"),)).rejected(EXCEEDED_LIMIT, "at most 2 active element instances")
    monkeypatch.setattr(modification_plan, "INSTRUCTIONS_MAX", 1)
    monkeypatch.setattr(modification_plan, "ELEMENT_INSTANCES_MAX", 100)
    modify(s, key, begin=(at("b"), at("b"))).rejected(INVALID_ARGUMENT, "expected 1 to 1 instructions, got 2")


def test_all_that_is_wrong_is_told_at_once(scenario: MakeScenario) -> None:
    s, key = begin(scenario)
    modify(s, key).rejected(INVALID_ARGUMENT, "expected 1 to 1000 instructions, got 0")
    moves = (move("none", "b"), move("a", "none"), move("a", "start"), move("a", "b", "sideways"), move("", "b"))
    moment = modify(s, key, *moves, begin=(at(""),), end=(over(),))
    reason = moment.rejection().rejection_reason
    for text in (
        "move instruction 0: expected an element of 'p' to move, got 'none'",
        "move instruction 1: expected an element of 'p' to activate, got 'none'",
        "move instruction 2: expected an activity, a gateway or an event, got start event 'start'",
        "move instruction 3: expected the ancestor scope to be direct, inferred or sourceParent, got 'sideways'",
        "move instruction 4: expected an element or an element instance to move",
        "activate instruction 0: expected an element, an element to begin behind, or a sequence flow; give one of them",
        "terminate instruction 0: expected an element or an element instance",
    ):
        assert text in reason
    modify(s, key, end=(over(key=7),)).rejected(
        INVALID_ARGUMENT, f"expected an active element instance of {key}, got 7"
    )
    modify(s, key + 1_000, move("a", "b")).rejected(NOT_FOUND)


def test_a_token_waits_at_a_join_while_others_end(scenario: MakeScenario) -> None:
    fork, join = m.parallel("fork"), m.parallel("join")
    flows = (m.chain("start", "fork", "a", "join", "end"), m.chain("fork", "b", "join"))
    s, key = begin(scenario, m.start(), fork, m.job("a"), m.job("b"), join, m.end(), *flows)
    first, _ = activate(s)
    complete(s, first).accepted()
    modify(s, key, end=(over("b"),)).accepted().none("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="p")
    modify(s, key, begin=(at("join"),)).has("join COMPLETED", "p COMPLETED")
    assert s.is_empty()
