"""`uuid()` and `random number()` in a model follow from the log: another each time, and the same in a rerun."""

from __future__ import annotations

import json
from uuid import UUID

import msgspec

from engine.records import DecisionEvaluation, Deployment
from engine.records.deployment import Resource
from tests.golden import golden_log
from tests.support import models as m
from tests.support.actions import activate, complete
from tests.support.decisions import decision, literal, model
from tests.support.fixture import MakeScenario
from tests.support.scenario import ASSEMBLY, Scenario, make

EXPRESSIONS = m.straight(
    "p",
    m.script("s", "=[uuid(), uuid(), random number()]", "scripted"),
    m.job("t", "work", m.mapping([("=uuid()", "mapped"), ("=uuid()", "more")], [("=uuid()", "out")])),
    names=["s", "t"],
)


def tell(s: Scenario) -> None:
    """Two instances on each partition, at one moment."""
    s.deploy(EXPRESSIONS)
    for partition in (1, 2, 1, 2):
        s.create("p", partition=partition)
    for partition in (1, 2):
        for job in activate(s, partition=partition):
            complete(s, job).accepted()


def drawn(s: Scenario) -> list[object]:
    """Everything that was drawn."""
    values = [json.loads(record.value.value) for record in s.everything().all("VARIABLE")]
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def test_no_two_are_equal_in_an_expression_an_instance_and_on_two_partitions(scenario: MakeScenario) -> None:
    s = scenario(2)
    tell(s)
    found = drawn(s)
    assert len(found) == len({str(one) for one in found}) == 4 * 6
    for one in found:
        assert UUID(one).version == 4 if isinstance(one, str) else isinstance(one, float) and 0 <= one < 1


def test_a_log_that_is_decided_again_gives_the_same(scenario: MakeScenario) -> None:
    s = scenario(2, group_size=3)
    tell(s)
    s.flush_all()
    for found in golden_log.record(s).rerun(ASSEMBLY):
        assert found.difference is None
    again = scenario(2)
    tell(again)
    assert drawn(again) == drawn(s)


def test_another_log_gives_others(scenario: MakeScenario) -> None:
    s, other = scenario(2), scenario(2)
    tell(s)
    other.deploy(m.one_task())
    tell(other)
    assert not {str(one) for one in drawn(s)} & {str(one) for one in drawn(other)}


def test_conditions_and_decisions_draw_too(scenario: MakeScenario) -> None:
    s = scenario()
    branches = m.start() + m.exclusive("x", default="never") + m.job("t") + m.end()
    flows = m.flow("start", "x") + m.flow("x", "t", "=random number() < 1") + m.flow("x", "end", name="never")
    s.deploy(m.model(m.process("p", branches, flows)))
    s.create("p")
    assert activate(s)
    drawing = model(decision("d", literal("uuid()")))
    deployment = Deployment(resources=(Resource(resource_name="d.dmn", resource=drawing),))
    s.when(make("DEPLOYMENT", "CREATE", deployment), 1).accepted()
    evaluation = make("DECISION_EVALUATION", "EVALUATE", DecisionEvaluation(decision_id="d"), request="g/1")
    outputs = [s.when(evaluation, 1).one("DECISION_EVALUATION").value.decision_output for _ in range(2)]
    first, second = (UUID(msgspec.json.decode(output)) for output in outputs)
    assert first != second
