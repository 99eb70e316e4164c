"""Ad-hoc sub-processes as models have them: what is read, what is refused, what workers are told about the elements."""

from __future__ import annotations

import json

import pytest

from engine.bpmn import joins
from engine.bpmn.ad_hoc import DESCRIPTION_SIZE_MAX
from engine.bpmn.model import AdHoc, Element, ModelRefused, Problem
from engine.bpmn.parse import parse
from tests.support import models as m

PROPERTIES = '<zeebe:properties><zeebe:property name="kind" value="tool" /></zeebe:properties>'


def read(pool: str) -> dict[str, Element]:
    (process,) = parse(m.straight("p", pool, names=["pool"]), "p.bpmn")
    return dict(process.elements)


def ad_hoc(pool: str) -> AdHoc:
    found = read(pool)["pool"].ad_hoc
    assert found is not None
    return found


def problems(pool: str) -> tuple[Problem, ...]:
    with pytest.raises(ModelRefused) as refused:
        read(pool)
    return refused.value.problems


def test_what_it_says_is_read() -> None:
    pool = m.ad_hoc(
        "pool",
        m.task("a"),
        active='=["a"]',
        condition="=enough",
        collects=("results", "=result"),
        cancelRemainingInstances="false",
    )
    found = ad_hoc(pool)
    assert found.active_elements is not None
    assert found.completion_condition is not None
    assert found.output_element is not None
    assert (found.active_elements.text, found.completion_condition.text) == ('["a"]', "enough")
    assert (found.output_collection, found.output_element.text) == ("results", "result")
    assert not found.cancels_remaining


def test_by_default_it_has_nothing_and_cancels_what_remains() -> None:
    found = ad_hoc(m.ad_hoc("pool", m.task("a")))
    assert found.active_elements is None
    assert found.completion_condition is None
    assert found.output_element is None
    assert found.cancels_remaining


def test_what_holds_an_activation_is_an_element_of_its_own() -> None:
    inner = read(m.ad_hoc("pool", m.task("a"), name="Pool"))["pool#innerInstance"]
    assert (inner.type, inner.scope, inner.name) == ("AD_HOC_SUB_PROCESS_INNER_INSTANCE", "pool", "Pool")


def test_elements_to_which_nothing_leads_can_be_activated() -> None:
    inside = (
        m.task("a"),
        m.task("b"),
        m.chain("a", "b"),
        m.parallel("gateway"),
        m.throw("throw"),
        m.throw("jump", m.link("x")),
        m.catch("land", m.link("x")),
        m.catch("wait", m.timer("PT1S")),
        m.sub_process("sub", m.start("s"), m.task("deep"), m.chain("s", "deep")),
        m.ad_hoc("inner", m.task("deeper")),
        m.boundary_event("soon", "sub", m.timer("PT1S")),
        m.handler("handle", m.start_event("told", m.message())),
    )
    assert ad_hoc(m.ad_hoc("pool", *inside)).activatable == {"a", "gateway", "throw", "jump", "wait", "sub", "inner"}


def test_workers_are_told_about_the_elements() -> None:
    inputs = [
        ('=fromAi(toolCall.city, "where", "string", {enum: ["Rome", "Oslo"]}, {required: false})', "city"),
        ('={"n": fromAi(value: days, type: "number"), "m": 1}', "query"),
        ("=fromAi(toolCall)", "all"),
        ("static", "other"),
        ("=1 + 1", "more"),
    ]
    tool = m.element(
        "serviceTask",
        "weather",
        "<bpmn:documentation>  Looks it up.  </bpmn:documentation>",
        extensions=(m.definition("http"), m.mapping(inputs), PROPERTIES),
        name="Weather",
    )
    described = json.loads(ad_hoc(m.ad_hoc("pool", tool, m.task("b"))).description)
    assert described == [
        {
            "elementId": "weather",
            "elementName": "Weather",
            "documentation": "Looks it up.",
            "properties": {"kind": "tool"},
            "parameters": [
                {
                    "name": "city",
                    "description": "where",
                    "type": "string",
                    "schema": {"enum": ["Rome", "Oslo"]},
                    "options": {"required": False},
                },
                {"name": "days", "type": "number"},
                {"name": "toolCall"},
            ],
        },
        {"elementId": "b"},
    ]


def test_a_worker_may_decide() -> None:
    pool = m.ad_hoc("pool", m.task("a"), extensions=(m.definition("agent"),), collects=("results", "=result"))
    element = read(pool)["pool"]
    assert element.job is not None
    assert element.job.type.text == "agent"


@pytest.mark.parametrize(
    ("pool", "element_id", "text"),
    [
        (m.ad_hoc("pool"), "pool", "expected an activity in an ad-hoc sub-process, got none"),
        (m.ad_hoc("pool", m.parallel("g")), "pool", "expected an activity in an ad-hoc sub-process, got none"),
        (m.ad_hoc("pool", m.task("a"), m.start("s")), "s", "expected no start event in an ad-hoc sub-process"),
        (m.ad_hoc("pool", m.task("a"), m.end("e")), "e", "expected no end event in an ad-hoc sub-process"),
        (m.ad_hoc("pool", m.task("a"), active="list"), "pool", "expected activeElementsCollection to be FEEL"),
        (m.ad_hoc("pool", m.task("a"), condition="enough"), "pool", "expected the completion condition to be FEEL"),
        (m.ad_hoc("pool", m.task("a"), collects=("a.b", "=x")), "pool", "expected outputCollection to be one name"),
        (m.ad_hoc("pool", m.task("a"), collects=("a", "x")), "pool", "expected the output element to be FEEL"),
        (m.ad_hoc("pool", m.task("a"), collects=("a", "")), "pool", "expected outputElement beside outputCollection"),
        (
            m.ad_hoc("pool", m.task("a"), active="=list", extensions=(m.definition("agent"),)),
            "pool",
            "expected neither activeElementsCollection nor completionCondition beside zeebe:taskDefinition",
        ),
        (
            m.ad_hoc("pool", m.task("a"), condition="=enough", extensions=(m.definition("agent"),)),
            "pool",
            "expected neither activeElementsCollection nor completionCondition beside zeebe:taskDefinition",
        ),
        (m.ad_hoc("pool", m.task("a"), ordering="Sequential"), "pool", "to be Parallel, got Sequential"),
        (m.sub_process("pool", m.start("s"), extensions=("<zeebe:adHoc />",)), "pool", "expected no zeebe:adHoc here"),
    ],
)
def test_what_is_wrong_is_refused(pool: str, element_id: str, text: str) -> None:
    (problem,) = problems(pool)
    assert problem.element_id == element_id
    assert text in problem.message


def test_what_workers_are_told_is_limited() -> None:
    def pool(length: int) -> str:
        return m.ad_hoc("pool", m.element("task", "a", f"<bpmn:documentation>{'x' * length}</bpmn:documentation>"))

    around = len('[{"elementId":"a","documentation":""}]')
    read(pool(DESCRIPTION_SIZE_MAX - around))
    (problem,) = problems(pool(DESCRIPTION_SIZE_MAX - around + 1))
    assert f"at most {DESCRIPTION_SIZE_MAX} bytes, got {DESCRIPTION_SIZE_MAX + 1}" in problem.message


def test_all_that_is_wrong_is_told_at_once() -> None:
    pool = m.ad_hoc("pool", m.start("s"), active="list", condition="enough", collects=("a", ""))
    assert len(problems(pool)) == 5


def test_an_escalation_may_be_caught_on_it() -> None:
    event = m.boundary_event("told", "pool", m.escalation())
    (process,) = parse(m.straight("p", m.ad_hoc("pool", m.task("a")), event, names=["pool"]), "p.bpmn")
    assert process.elements["pool"].boundaries == ("told",)


def joining(*parts: str) -> bytes:
    flows = m.chain("start", "fork", "a", "join") + m.chain("fork", "b", "join") + m.chain("join", "after")
    nodes = (m.start(), m.parallel("fork"), m.inclusive("join"), *map(m.task, ("a", "b", "after")))
    return m.model(m.process("p", *nodes, flows, *parts))


def test_an_inclusive_gateway_knows_what_can_get_to_it_and_where() -> None:
    (process,) = parse(joining(m.flow("after", "a")), "p.bpmn")
    # bit 0 is the flow from `a`, bit 1 the flow from `b`; what is behind the gateway gets to it through `a`
    expected = {"start": 3, "fork": 3, "a": 1, "b": 2, "after": 1, "join": 1}
    assert process.inclusive_joins == {"p": {"join": expected}}


def test_boundary_events_and_links_are_ways_too() -> None:
    parts = m.boundary_event("soon", "b", m.timer("PT1S")) + m.chain("soon", "jump") + m.throw("jump", m.link("x"))
    parts += m.catch("land", m.link("x")) + m.flow("land", "join")
    (process,) = parse(joining(parts), "p.bpmn")
    reaching = process.inclusive_joins["p"]["join"]
    assert (reaching["soon"], reaching["jump"], reaching["land"], reaching["b"]) == (4, 4, 4, 6)


def test_without_such_a_gateway_there_is_nothing_to_know() -> None:
    (process,) = parse(m.fan("p", 3), "p.bpmn")
    assert process.inclusive_joins == {}


def test_ways_to_inclusive_gateways_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    # each of the two flows can be got to from three elements
    monkeypatch.setattr(joins, "PAIRS_MAX", 7)
    parse(joining(), "p.bpmn")
    monkeypatch.setattr(joins, "PAIRS_MAX", 6)
    with pytest.raises(ModelRefused) as refused:
        parse(joining(), "p.bpmn")
    (problem,) = refused.value.problems
    assert (problem.element_id, "at most 6 pairs" in problem.message) == ("p", True)
