"""Link events and none throw events."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete
from tests.support.fixture import MakeScenario


def test_a_none_throw_event_passes_through(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.throw("milestone"), names=["milestone"]))
    s.create("p")
    s.everything().has("milestone ACTIVATED", "milestone COMPLETED", "end COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_link_goes_on_where_it_is_caught(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.throw("away", m.link("A")), m.catch("here", m.link("A")), m.job("task"))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "away"), m.chain("here", "task"))))
    s.create("p")
    s.everything().has("away COMPLETED", "here ACTIVATED", "here COMPLETED", "task ACTIVATED")
    complete(s, activate(s)[0]).has("task COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_several_events_throw_one_link(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.parallel("fork"), m.throw("one", m.link("A")), m.throw("two", m.link("A")), m.catch("here", m.link("A")))
    flows = (m.chain("start", "fork", "one"), m.chain("fork", "two"), m.chain("here", "end"))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.end(), *flows)))
    s.create("p")
    assert s.everything().flow().count("here COMPLETED") == 2
    assert s.is_empty()


def test_links_of_one_name_hold_in_their_own_scope(scenario: MakeScenario) -> None:
    s = scenario()
    inside = (m.start("s"), m.throw("t", m.link("A")), m.catch("inner", m.link("A")), m.chain("s", "t"))
    parts = (m.sub_process("sub", *inside), m.throw("u", m.link("A")), m.catch("outer", m.link("A")))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "sub", "u"))))
    s.create("p")
    s.everything().has("t COMPLETED", "inner COMPLETED", "sub COMPLETED", "u COMPLETED", "outer COMPLETED")
    assert s.is_empty()


def test_links_that_go_in_a_circle_pause_and_can_be_canceled(scenario: MakeScenario) -> None:
    s = scenario(settings={"continuation_rounds_max": 3, "step_effects_max": 50})
    parts = (m.exclusive("merge"), m.throw("away", m.link("A")), m.catch("here", m.link("A")))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "merge", "away"), m.chain("here", "merge"))))
    key = s.create("p")
    s.everything().one("INCIDENT", "CREATED", error_type="UNKNOWN")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty()
