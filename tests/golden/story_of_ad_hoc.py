"""The part of the golden story in which tokens meet, and elements begin without a flow that leads to them."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, begin_inside, complete, decide
from tests.support.scenario import Scenario


def choose(s: Scenario) -> None:
    """An inclusive gateway that joins; ad-hoc sub-processes that a list, a person and a worker begin elements in."""
    flows = m.chain("fork", "ask", "join") + m.chain("fork", "pool", "join") + m.chain("start", "fork")
    ask = m.ad_hoc("ask", m.job("tool", "tool"), extensions=(m.definition("agent"),), collects=("results", "=result"))
    pool = m.ad_hoc("pool", m.job("a", "tool"), m.task("b"), active='=["a"]', condition="=results != null")
    gateways = m.parallel("fork") + m.inclusive("join") + m.end() + m.chain("join", "end")
    s.deploy(m.model(m.process("choosing", m.start(), gateways, ask, pool, flows)))
    s.create("choosing", partition=2)
    created = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool")
    begin_inside(s, created.key, "b", cancel=True).accepted()
    begin_inside(s, created.key, "b", variables='{"n": 1}').accepted()
    (first,) = activate(s, "agent", partition=2)
    decide(s, first, "tool", variables='{"asked": true}').accepted()
    (tool,) = activate(s, "tool", partition=2)
    complete(s, tool, '{"result": 1}').accepted()
    (second,) = activate(s, "agent", partition=2)
    decide(s, second, isCompletionConditionFulfilled=True).has("ask COMPLETED")
    begin_inside(s, created.key, "b").has("pool COMPLETED", "join COMPLETED", "choosing COMPLETED")
