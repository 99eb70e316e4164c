"""The part of the golden story in which processes call each other."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete, throw
from tests.support.scenario import Scenario


def call_processes(s: Scenario) -> None:
    """A call that returns, one that fails, one that is interrupted, and a tree that is canceled."""
    late = m.boundary_event("late", "call", m.timer("PT1M"))
    failed = m.boundary("failed", "call", "error-a")
    ends = m.end() + m.end("given-up") + m.chain("late", "given-up") + m.chain("failed", "given-up")
    flows = m.chain("start", "call", "end")
    given = m.mapping([("=1", "n")], [("=n + 1", "m")])
    caller = m.process("caller", m.start(), m.call("call", "called", given), late, failed, ends, flows)
    s.deploy(m.model(caller), m.one_task("called", "called"))
    for _ in range(3):
        s.create("caller", partition=2)
    returns, fails = activate(s, "called", partition=2, limit=2)
    complete(s, returns, '{"n": 2}').accepted()
    throw(s, fails, "A").accepted()
    canceled = s.create("caller", partition=2)
    s.cancel(canceled).accepted()
    s.advance(60_000).has("call TERMINATED", "late COMPLETED")
