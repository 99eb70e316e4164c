"""`now()` in the expressions of a model is the machine's time of the step: the same in a replay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.support import models as m
from tests.support.actions import activate, complete
from tests.support.fixture import MakeScenario

EXPRESSIONS = m.straight(
    "p",
    m.script("s", "=now()", "scripted"),
    m.job("t", "work", m.mapping([("=now()", "mapped"), ("=today() = date(now())", "same")], [("=now()", "out")])),
    names=["s", "t"],
)
BRANCHES = m.model(
    m.process(
        "branches",
        m.start() + m.exclusive("x", default="late") + m.job("early", "work") + m.end(),
        m.flow("start", "x") + m.flow("x", "early", '=now() > @"2000-01-01T00:00:00Z"'),
        m.flow("x", "end", name="late") + m.flow("early", "end"),
    )
)


def test_scripts_and_mappings_see_the_time_of_their_step(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(EXPRESSIONS)
    s.create("p")
    (job,) = activate(s)
    complete(s, job)
    records = {r.value.name: r for r in s.everything().all("VARIABLE", "CREATED")}
    for name in ("scripted", "mapped", "out"):
        told = datetime.fromisoformat(json.loads(records[name].value.value))
        assert told == datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=records[name].step.timestamp)
    assert records["same"].value.value == "true"


def test_conditions_see_the_time(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(BRANCHES)
    s.create("branches")
    (job,) = activate(s)
    assert job is not None
