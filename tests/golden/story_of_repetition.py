"""The part of the golden story in which activities are done for each item of a list."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete
from tests.support.scenario import Scenario


def repeat(s: Scenario) -> None:
    """All at once until it is enough, one after the other to the end, and one that is canceled halfway."""
    loop = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=result"}
    enough = m.completion_condition("=numberOfCompletedInstances = 2")
    at_once = m.multi(m.job("at-once", "repeated"), "=items", enough, **loop)
    in_turn = m.multi(m.job("in-turn", "repeated"), **loop, sequential=True)
    names = ("start", "at-once", "in-turn", "end")
    s.deploy(m.model(m.process("repeat", m.start(), at_once, in_turn, m.end(), m.chain(*names))))
    s.create("repeat", '{"items": ["a", "b", "c"]}', partition=2)
    for _ in range(5):
        (key,) = activate(s, "repeated", partition=2, limit=1)
        complete(s, key, '{"result": 1}').accepted()
    canceled = s.create("repeat", '{"items": [1, 2, 3]}', partition=2)
    (key,) = activate(s, "repeated", partition=2, limit=1)
    complete(s, key, '{"result": 2}').accepted()
    s.cancel(canceled).accepted()
