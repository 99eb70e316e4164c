"""The inclusive gateway: every flow whose condition is true, else the default flow."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, complete_all, resolve
from tests.support.fixture import MakeScenario


def splitting(default: str = "") -> bytes:
    """A gateway with the jobs `a` (if x > 1), `b` (if x > 2) and, by default, `c`."""
    flows = m.flow("which", "a", "=x > 1") + m.flow("which", "b", "=x > 2")
    flows += m.flow("which", "c", "" if default else "=x = 0")
    tasks = "".join(m.job(name, name) for name in "abc")
    return m.model(m.process("p", m.start(), m.inclusive("which", default), tasks, flows, m.chain("start", "which")))


@pytest.mark.parametrize(("x", "taken"), [(2, "a"), (3, "ab"), (1, "c")])
def test_every_true_condition_or_the_default(scenario: MakeScenario, x: int, taken: str) -> None:
    s = scenario()
    s.deploy(splitting("which_c"))
    s.create("p", f'{{"x": {x}}}')
    assert "".join(name for name in "abc" if f"{name} ACTIVATED" in s.everything().flow()) == taken
    for name in taken:
        complete_all(s, name)
    s.everything().has("which COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_without_a_true_condition_there_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(splitting())
    key = s.create("p", '{"x": 1}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="CONDITION_ERROR", element_id="which")
    resolve(s, incident.key).one("INCIDENT", "CREATED", error_type="CONDITION_ERROR")
    s.cancel(key).has("which TERMINATED", "p TERMINATED")
    assert s.is_empty()


def test_one_flow_needs_no_condition(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.inclusive("which"), m.job("a"), names=["which", "a"]))
    s.create("p")
    assert len(activate(s)) == 1
