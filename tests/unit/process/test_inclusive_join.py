"""The inclusive gateway that joins waits for every token that can still come (BPMN 2.0.2, 13.4.3)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from engine.process import joins
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, creation, publish, resolve, throw
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario

#: How many records a step may take: everything in one, or a pause after nearly every piece of work.
EFFORTS = [{}, {"step_effects_max": 20}, {"step_effects_max": 1}]


def deploy(s: Scenario, *parts: str) -> None:
    s.deploy(m.model(m.process("p", *parts)))


def split_and_join(names: str = "abc", *parts: str) -> bytes:
    """`split` starts the jobs whose names are in the variable `taken`, `join` joins them, and `after` follows."""
    flows = "".join(m.flow("split", name, f'=contains(taken, "{name}")') + m.flow(name, "join") for name in names)
    tasks = "".join(m.job(name, name) for name in names)
    nodes = (m.start(), m.inclusive("split"), m.inclusive("join"), m.job("after", "after"), m.end())
    return m.model(
        m.process("p", *nodes, tasks, flows, m.chain("start", "split"), m.chain("join", "after", "end"), *parts)
    )


def begin(s: Scenario, taken: str) -> int:
    return s.create("p", f'{{"taken": "{taken}", "key": "k"}}')


def count(s: Scenario, line: str) -> int:
    return s.everything().flow().count(line)


@pytest.mark.parametrize("settings", EFFORTS)
@pytest.mark.parametrize("taken", ["a", "b", "ab", "bc", "abc"])
def test_it_waits_for_those_that_were_started_in_any_order(
    scenario: MakeScenario, taken: str, settings: dict[str, object]
) -> None:
    for order in itertools.permutations(taken):
        s = scenario(settings=settings)
        s.deploy(split_and_join())
        begin(s, taken)
        for name in order[:-1]:
            complete_all(s, name)
            s.everything().none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="join")
        complete_all(s, order[-1])
        complete_all(s, "after")
        assert count(s, "join COMPLETED") == count(s, "after COMPLETED") == 1
        s.everything().has("p COMPLETED").none("INCIDENT")
        assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_without_wait_states_it_is_activated_once(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    fork = [m.flow("split", name, "=true") + m.flow(name, "join") + m.task(name) for name in "abcd"]
    deploy(s, m.start(), m.inclusive("split"), m.inclusive("join"), *fork, m.chain("start", "split"))
    s.create("p")
    assert count(s, "join COMPLETED") == 1
    assert s.everything().flow()[-1] == "p COMPLETED"
    assert s.is_empty()


def forked(s: Scenario, *parts: str, names: Sequence[str] = ("a", "b")) -> None:
    """A parallel gateway that starts the jobs `names`, and an inclusive one that joins what is connected to it."""
    flows = "".join(m.flow("fork", name) + m.job(name, name) for name in names)
    nodes = (m.start(), m.parallel("fork"), m.inclusive("join"), m.job("after", "after"), m.chain("join", "after"))
    deploy(s, *nodes, flows, m.chain("start", "fork"), *parts)


def joined(moment: Moment) -> bool:
    return "join COMPLETED" in moment.flow()


def done(s: Scenario, job_type: str, variables: str = "") -> Moment:
    (key,) = activate(s, job_type)
    return complete(s, key, variables).accepted()


def test_a_branch_that_goes_elsewhere_is_waited_for_no_longer(scenario: MakeScenario) -> None:
    s = scenario()
    which = m.exclusive("which", "which_join") + m.flow("which", "other", "=x = 1") + m.flow("which", "join")
    forked(s, m.chain("a", "join"), m.chain("b", "which"), which, m.job("other", "other"))
    s.create("p")
    assert not joined(done(s, "a"))
    assert joined(done(s, "b", '{"x": 1}'))
    done(s, "after")
    done(s, "other").has("p COMPLETED")
    assert s.is_empty()


def test_a_branch_that_ends_by_itself_is_waited_for_no_longer(scenario: MakeScenario) -> None:
    s = scenario()
    which = m.exclusive("which", "which_join") + m.flow("which", "stop", "=x = 1") + m.flow("which", "join")
    forked(s, m.chain("a", "join"), m.chain("b", "which"), which, m.end("stop"))
    s.create("p")
    done(s, "a")
    assert joined(done(s, "b", '{"x": 1}'))


@pytest.mark.parametrize(("interrupting", "expected"), [("true", True), ("false", False)])
def test_a_boundary_event_that_leads_elsewhere(scenario: MakeScenario, interrupting: str, expected: bool) -> None:
    s = scenario()
    event = m.boundary_event("soon", "b", m.timer("PT1S"), cancelActivity=interrupting)
    forked(s, m.chain("a", "join"), m.chain("b", "join"), event, m.job("other", "other"), m.chain("soon", "other"))
    s.create("p")
    done(s, "a")
    assert joined(s.advance(2_000)) == expected
    if not expected:
        assert joined(done(s, "b"))


def test_a_boundary_event_that_may_still_send_a_token_is_waited_for(scenario: MakeScenario) -> None:
    s = scenario()
    event = m.boundary_event("soon", "b", m.timer("PT1S"))
    forked(s, m.chain("a", "join"), m.chain("b", "other"), m.task("other"), event, m.chain("soon", "join"))
    s.create("p")
    assert not joined(done(s, "a"))
    s.advance(2_000).has("b TERMINATED", "soon COMPLETED", "join COMPLETED")


def test_an_error_that_is_caught_takes_the_token_away(scenario: MakeScenario) -> None:
    s = scenario()
    forked(s, m.chain("a", "join"), m.chain("b", "join"), m.boundary("failed", "b", "error-a"))
    s.create("p")
    done(s, "a")
    (key,) = activate(s, "b")
    assert joined(throw(s, key, "A"))


def test_a_token_with_an_incident_still_may_come(scenario: MakeScenario) -> None:
    s = scenario()
    broken = m.script("b2", "=y + assert(y, y != null)", "z")
    forked(s, m.chain("a", "join"), m.chain("b", "b2", "join"), broken)
    key = s.create("p")
    done(s, "b")
    incident = s.everything().one("INCIDENT", "CREATED")
    assert not joined(done(s, "a"))
    s.cancel(key)
    resolve(s, incident.key).rejected("NOT_FOUND")
    assert s.is_empty()


def test_an_event_based_gateway_that_decides_for_another_way(scenario: MakeScenario) -> None:
    s = scenario()
    events = m.catch("soon", m.timer("PT1S")) + m.catch("told", m.message())
    gateway = m.event_gateway("first") + m.chain("first", "soon", "other") + m.chain("first", "told", "join")
    forked(s, m.chain("a", "join"), m.chain("b", "first"), gateway, events, m.job("other", "other"))
    s.create("p", '{"key": "k"}')
    done(s, "b")
    assert not joined(done(s, "a"))
    assert joined(s.advance(2_000))


def test_a_link_is_a_way_too(scenario: MakeScenario) -> None:
    s = scenario()
    linked = (
        m.chain("b", "jump") + m.throw("jump", m.link("x")) + m.catch("land", m.link("x")) + m.chain("land", "join")
    )
    forked(s, m.chain("a", "join"), linked)
    s.create("p")
    assert not joined(done(s, "a"))
    assert joined(done(s, "b"))


def test_a_token_that_waits_at_another_join_is_waited_for(scenario: MakeScenario) -> None:
    s = scenario()
    both = m.parallel("both") + m.chain("b", "both") + m.chain("c", "both", "join")
    forked(s, m.chain("a", "join"), both, names="abc")
    s.create("p")
    done(s, "b")
    assert not joined(done(s, "a"))
    assert joined(done(s, "c"))


def test_several_tokens_on_one_flow_are_joined_one_by_one(scenario: MakeScenario) -> None:
    s = scenario()
    merge = m.exclusive("merge") + m.chain("b", "merge") + m.chain("c", "merge", "join")
    forked(s, m.chain("a", "join"), merge, names="abc")
    s.create("p")
    assert not joined(done(s, "b"))
    assert not joined(done(s, "c"))
    done(s, "a")
    # the token of `a` with the first of the two, then the second alone, for nothing can come any more
    assert count(s, "join COMPLETED") == 2
    assert len(activate(s, "after")) == 2


def test_a_token_that_can_get_to_a_flow_where_one_waits_is_not_waited_for(scenario: MakeScenario) -> None:
    s = scenario()
    which = m.exclusive("which", "which_join") + m.flow("which", "join") + m.flow("which", "late", "=x = 1")
    nodes = m.chain("a", "merge") + m.chain("b", "which") + m.exclusive("merge") + m.flow("merge", "which")
    forked(s, nodes, which, m.job("late", "late"), m.chain("late", "join"))
    s.create("p")
    # where it waits, a token from `b` could come too
    assert joined(done(s, "a", '{"x": 0}'))
    assert joined(done(s, "b"))


def test_a_loop_back_to_the_gateway(scenario: MakeScenario) -> None:
    """A token that has passed the gateway can come back only through it, so it is not waited for."""
    s = scenario()
    again = m.exclusive("again", "again_end") + m.flow("again", "join", "=n < 3", name="back") + m.flow("again", "end")
    counted = m.script("s", "=if n = null then 1 else n + 1", "n")
    parts = (m.start(), m.inclusive("join"), counted, again, m.end(), m.chain("start", "join", "s", "again"))
    deploy(s, *parts)
    s.create("p")
    assert count(s, "join COMPLETED") == 3
    assert s.everything().flow()[-1] == "p COMPLETED"
    assert s.is_empty()


def test_a_gateway_that_joins_and_forks(scenario: MakeScenario) -> None:
    s = scenario()
    flows = m.flow("join", "x", "=true") + m.flow("join", "y", "=true") + m.flow("join", "z", "=false")
    nodes = m.start() + m.parallel("fork") + m.inclusive("join") + "".join(m.job(name, name) for name in "abxyz")
    deploy(s, nodes, flows, m.chain("start", "fork", "a", "join"), m.chain("fork", "b", "join"))
    s.create("p")
    done(s, "b")
    done(s, "a").has("join COMPLETED", "x ACTIVATED", "y ACTIVATED")
    done(s, "y")
    done(s, "x").has("p COMPLETED")
    assert s.is_empty()


def test_an_incident_of_the_gateway_itself(scenario: MakeScenario) -> None:
    s = scenario()
    flows = m.flow("join", "x", "=n > 1") + m.flow("join", "y", "=n < 1")
    nodes = m.start() + m.parallel("fork") + m.inclusive("join") + "".join(m.job(name, name) for name in "abxy")
    deploy(s, nodes, flows, m.chain("start", "fork", "a", "join"), m.chain("fork", "b", "join"))
    key = s.create("p", '{"n": 1}')
    done(s, "b")
    done(s, "a")
    incident = s.everything().one("INCIDENT", "CREATED", error_type="CONDITION_ERROR", element_id="join")
    resolve(s, incident.key).one("INCIDENT", "CREATED")
    s.cancel(key).has("join TERMINATED", "p TERMINATED")
    assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_cancel_while_it_waits(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    s.deploy(split_and_join())
    key = begin(s, "abc")
    done(s, "a")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_a_terminate_end_event_ends_what_waits_at_it(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    forked(s, m.chain("a", "join"), m.chain("b", "stop"), m.chain("c", "join"), m.terminate("stop"), names="abc")
    s.create("p")
    done(s, "a")
    done(s, "b").has("c TERMINATED", "p COMPLETED")
    assert not joined(s.everything())
    assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_an_event_sub_process_that_interrupts_ends_what_waits_at_it(
    scenario: MakeScenario, settings: dict[str, object]
) -> None:
    s = scenario(settings=settings)
    caught = m.handler("handle", m.start_event("told", m.message()), m.job("h", "h"), m.chain("told", "h"))
    s.deploy(split_and_join("abc", caught))
    begin(s, "ab")
    done(s, "a")
    publish(s).has("b TERMINATED", "h ACTIVATED")
    done(s, "h").has("p COMPLETED")
    assert not joined(s.everything())
    assert s.is_empty()


def test_each_scope_joins_for_itself(scenario: MakeScenario) -> None:
    """Tokens around a sub-process, and in another instance of it, are nothing to the gateway inside."""
    s = scenario()
    inner = (m.start("s1"), m.parallel("f1"), m.inclusive("join"), m.job("x", "x"), m.job("y", "y"))
    inside = m.sub_process("sub", *inner, m.chain("s1", "f1", "x", "join"), m.chain("f1", "y", "join"))
    parts = (m.start(), m.parallel("fork"), m.chain("start", "fork", "sub"), m.flow("fork", "sub", name="second"))
    deploy(s, *parts, inside, m.job("a", "a"), m.chain("fork", "a"))
    s.create("p")
    x, y = activate(s, "x"), activate(s, "y")
    assert not joined(complete(s, x[0]))
    assert not joined(complete(s, x[1]))
    complete(s, y[0]).has("join COMPLETED", "sub COMPLETED")
    complete(s, y[1]).has("join COMPLETED", "sub COMPLETED")
    done(s, "a").has("p COMPLETED")
    assert s.is_empty()


def test_a_sub_process_in_front_is_one_place(scenario: MakeScenario) -> None:
    s = scenario()
    inside = m.sub_process("sub", m.start("s1"), m.job("x", "x"), m.chain("s1", "x"))
    forked(s, m.chain("a", "join"), m.chain("b", "sub", "join"), inside)
    s.create("p")
    done(s, "a")
    assert not joined(done(s, "b"))
    assert joined(done(s, "x"))


def test_a_called_instance_that_ends_is_no_token_any_more(scenario: MakeScenario) -> None:
    """The call activity is interrupted; it is gone only in a later step, but its boundary event leads elsewhere."""
    s = scenario()
    s.deploy(m.straight("called", m.job("x", "x"), names=["x"]))
    event = m.boundary_event("soon", "call", m.timer("PT1S"))
    forked(s, m.chain("a", "join"), m.chain("b", "call", "join"), m.call("call", "called"), event)
    s.create("p")
    done(s, "b")
    done(s, "a")
    s.advance(2_000).has("call TERMINATED", "soon COMPLETED", "join COMPLETED")


@pytest.mark.parametrize("others", [0, 1, 2, 99, 100, 101, 250])
def test_many_others_are_looked_at_some_at_a_time(
    scenario: MakeScenario, others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "TOKENS_PER_WORK", 10)
    s = scenario()
    gates = m.exclusive("merge") + m.job("far", "far") + m.chain("merge", "far")
    grow = "".join(m.flow("fork", "merge", name=f"f{index}") for index in range(others))
    forked(s, gates, grow, m.chain("a", "join"), m.chain("b", "join"))
    s.create("p")
    assert not joined(done(s, "a"))
    assert joined(done(s, "b"))


def test_two_gateways_one_behind_the_other(scenario: MakeScenario) -> None:
    s = scenario()
    second = m.inclusive("second") + m.chain("after", "second") + m.chain("c", "second") + m.job("last", "last")
    forked(s, m.chain("a", "join"), m.chain("b", "join"), second, m.chain("second", "last"), names="abc")
    s.create("p")
    done(s, "c")
    done(s, "a")
    done(s, "b").has("join COMPLETED")
    s.everything().none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="second")
    done(s, "after").has("second COMPLETED")
    done(s, "last").has("p COMPLETED")
    assert s.is_empty()


def test_an_instance_that_begins_at_the_gateway(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(split_and_join())
    s.when(creation("p", '{"taken": "a"}', start=("join",))).has("join COMPLETED", "after ACTIVATED")
    done(s, "after").has("p COMPLETED")
    assert s.is_empty()


def test_two_gateways_that_wait_for_each_other(scenario: MakeScenario) -> None:
    """Each token could get to the other gateway, through the one where it waits: so the standard has it."""
    s = scenario()
    flows = m.chain("a", "join", "x", "other") + m.chain("b", "other", "y", "join")
    names = ("start", "fork", "a")
    nodes = (m.start(), m.parallel("fork"), m.inclusive("join"), m.inclusive("other"))
    deploy(s, *nodes, *(m.job(name, name) for name in "abxy"), m.chain(*names), m.flow("fork", "b"), flows)
    key = s.create("p")
    done(s, "a")
    done(s, "b").none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty()
