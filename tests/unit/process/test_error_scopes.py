"""Errors in nested scopes: event sub-processes and boundary events, what is nearest and fits best."""

from __future__ import annotations

from engine.records import Job
from tests.support import models as m
from tests.support.actions import activate, complete, throw
from tests.support.fixture import MakeScenario
from tests.support.scenario import make


def handler(name: str, error: str = "", *after: str) -> str:
    """An event sub-process that catches an error and goes on with the elements `after`, named `NAME_after`."""
    begun = m.start_event(f"{name}_begun", m.error(error))
    flows = m.chain(f"{name}_begun", f"{name}_after")
    return m.handler(name, begun, *(after or (m.end(f"{name}_after"),)), flows)


def nested(inside: str = "", around: str = "") -> bytes:
    """A job in a sub-process, with parts inside it and around it."""
    sub = m.sub_process("sub", m.start("s"), m.job("t"), m.chain("s", "t"), inside)
    return m.model(m.process("p", m.start(), sub, around, m.chain("start", "sub")))


def test_an_event_sub_process_catches_an_error_of_a_job_with_its_variables(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("h", "error-a")))
    s.create("p")
    moment = throw(s, activate(s)[0], "A", '{"why": "because"}')
    moment.has("t TERMINATED", "h ACTIVATED", "h_begun COMPLETED", "h COMPLETED", "sub COMPLETED", "p COMPLETED")
    assert moment.variables() == {"why": '"because"'}
    assert s.is_empty()


def test_the_very_code_comes_before_every_code_on_one_scope(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("all") + handler("a", "error-a")))
    s.create("p")
    throw(s, activate(s)[0], "A").has("a COMPLETED", "sub COMPLETED")
    s.create("p")
    throw(s, activate(s)[0], "other").has("all COMPLETED", "sub COMPLETED")
    assert s.is_empty()


def test_the_nearest_scope_comes_before_the_very_code(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("all"), handler("outer", "error-a")))
    s.create("p")
    throw(s, activate(s)[0], "A").has("all COMPLETED", "sub COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_boundary_event_for_the_code_comes_before_a_handler_for_every_code(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("all"), m.boundary("outside", "sub", "error-a")))
    s.create("p")
    throw(s, activate(s)[0], "A").has("sub TERMINATED", "outside COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_does_not_fit_inside_is_caught_around(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("b", "error-b"), handler("outer", "error-a")))
    s.create("p")
    throw(s, activate(s)[0], "A").has("sub TERMINATED", "outer COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_handler_does_not_catch_its_own_error(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("h", "", m.job("h_after", "again")), handler("outer", "error-a")))
    s.create("p")
    throw(s, activate(s)[0], "A").has("t TERMINATED", "h_after ACTIVATED")
    throw(s, activate(s, "again")[0], "A").has("sub TERMINATED", "outer COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_a_handler_throws_is_caught_on_the_border_of_its_scope(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("h", "", m.error_end("h_after", "error-b")), m.boundary("outside", "sub", "error-b")))
    s.create("p")
    throw(s, activate(s)[0], "A").has("h_after ACTIVATED", "h_after TERMINATED", "sub TERMINATED", "outside COMPLETED")
    assert s.is_empty()


def test_a_handler_inside_a_handler(scenario: MakeScenario) -> None:
    s = scenario()
    outer = m.handler(
        "outer",
        m.start_event("begun", m.error("error-a")),
        m.job("clean", "clean"),
        m.chain("begun", "clean"),
        handler("inner", "error-b"),
    )
    s.deploy(nested(outer))
    s.create("p")
    throw(s, activate(s)[0], "A").has("clean ACTIVATED")
    throw(s, activate(s, "clean")[0], "B").has("clean TERMINATED", "inner COMPLETED", "outer COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_unhandled_error_in_a_handler_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(handler("h", "error-a", m.job("h_after", "again"))))
    key = s.create("p")
    throw(s, activate(s)[0], "A").accepted()
    throw(s, activate(s, "again")[0], "A").one(
        "INCIDENT", "CREATED", error_type="UNHANDLED_ERROR_EVENT", element_id="h_after"
    )
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty()


def test_a_handler_that_is_done_completes_the_scope_that_it_took_over(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.parallel("fork"), m.job("one"), m.job("two", "two"), m.parallel("join"), m.end())
    flows = (m.chain("start", "fork", "one", "join", "end"), m.chain("fork", "two", "join"))
    s.deploy(m.model(m.process("p", m.start(), *parts, *flows, handler("h", "error-a"))))
    s.create("p")
    complete(s, activate(s)[0]).accepted()
    moment = throw(s, activate(s, "two")[0], "A").has("two TERMINATED", "h COMPLETED", "p COMPLETED")
    assert "end COMPLETED" not in moment.flow()
    assert s.is_empty()


def test_what_is_thrown_while_a_handler_takes_over_is_not_caught_again(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 60})
    names = [f"t{index}" for index in range(60)]
    jobs = "".join(m.job(name) + m.chain("fork", name) for name in names)
    s.deploy(m.model(m.process("p", m.start(), m.parallel("fork"), jobs, m.chain("start", "fork"), handler("h"))))
    s.create("p")
    keys = activate(s)
    for key in (keys[0], keys[-1]):
        s.send(make("JOB", "THROW_ERROR", Job(error_code="A"), key))
        s.step(1)
        s.step(1)
    assert s.rows()["PAUSES"] == 1
    s.drain()
    flow = s.everything().flow()
    assert flow.count("h COMPLETED") == 1
    assert flow.count("p COMPLETED") == 1
    s.everything().has("INCIDENT CREATED", "INCIDENT RESOLVED", "h ACTIVATED")
    assert s.is_empty()
