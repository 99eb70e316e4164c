"""How tokens flow: events, tasks, gateways, sub-processes, terminate end events."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, resolve, set_variables
from tests.support.fixture import MakeScenario


def test_nothing_but_start_and_end(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", m.start(), m.end(), m.chain("start", "end"))))
    s.create("p")
    assert s.everything().flow() == [
        "p ACTIVATING",
        "p ACTIVATED",
        "start ACTIVATING",
        "start ACTIVATED",
        "start COMPLETING",
        "start COMPLETED",
        "end ACTIVATING",
        "end ACTIVATED",
        "end COMPLETING",
        "end COMPLETED",
        "p COMPLETING",
        "p COMPLETED",
    ]
    assert s.is_empty()


def test_a_start_event_without_a_way_out_ends_the_process(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", m.start())))
    s.create("p")
    s.everything().has("start COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("tag", ["task", "manualTask"])
def test_plain_tasks_pass_through(scenario: MakeScenario, tag: str) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.element(tag, "t"), names=["t"]))
    s.create("p")
    s.everything().has("t ACTIVATING", "t ACTIVATED", "t COMPLETING", "t COMPLETED", "end ACTIVATING", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("tag", ["serviceTask", "sendTask", "businessRuleTask", "scriptTask"])
def test_tasks_with_a_job_wait_for_it(scenario: MakeScenario, tag: str) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.element(tag, "t", extensions=[m.definition("work")]), names=["t"]))
    s.create("p")
    assert s.everything().flow()[-1] == "t ACTIVATED"
    (key,) = activate(s)
    complete(s, key).has("t COMPLETING", "t COMPLETED", "end ACTIVATING", "p COMPLETED")
    assert s.is_empty()


def test_a_task_with_two_ways_out_takes_both(scenario: MakeScenario) -> None:
    s = scenario()
    parts = m.start() + m.task("t") + m.end("a") + m.end("b") + m.chain("start", "t", "a") + m.chain("t", "b")
    s.deploy(m.model(m.process("p", parts)))
    s.create("p")
    s.everything().has("a COMPLETED", "b COMPLETED", "p COMPLETED")
    assert s.is_empty()


def choosing(default: str = "") -> bytes:
    return m.model(
        m.process(
            "p",
            m.start(),
            m.exclusive("g", default),
            *(m.end(name) for name in ("low", "high", "other")),
            m.chain("start", "g"),
            m.flow("g", "low", "=amount < 10"),
            m.flow("g", "high", "=amount > 100"),
            m.flow("g", "other", "" if default else "=amount = 50"),
        )
    )


@pytest.mark.parametrize(("amount", "end"), [(5, "low"), (500, "high"), (20, "other")])
def test_an_exclusive_gateway_takes_the_first_true_flow_or_the_default(
    scenario: MakeScenario, amount: int, end: str
) -> None:
    s = scenario()
    s.deploy(choosing(default="g_other"))
    s.create("p", f'{{"amount": {amount}}}')
    ends = [line for line in s.everything().flow() if line.endswith(" COMPLETED")]
    assert ends == ["start COMPLETED", "g COMPLETED", f"{end} COMPLETED", "p COMPLETED"]


def test_no_flow_matches_until_the_incident_is_resolved(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(choosing())
    key = s.create("p", '{"amount": 20}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="CONDITION_ERROR", element_id="g")
    again = resolve(s, incident.key).accepted()
    second = again.one("INCIDENT", "CREATED", error_type="CONDITION_ERROR")
    set_variables(s, key, '{"amount": 50}').accepted()
    resolve(s, second.key).has("g ACTIVATED", "other COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_parallel_branches_join(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.fan("p", 3))
    s.create("p")
    keys = activate(s)
    assert len(keys) == 3
    complete(s, keys[1]).none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")
    complete(s, keys[0]).none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")
    complete(s, keys[2]).has("join ACTIVATING", "join COMPLETED", "end COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_join_in_a_loop_and_uneven_arrival(scenario: MakeScenario) -> None:
    """Two tokens that wait on one flow are taken one at a time: each passage needs one from every flow."""
    s = scenario()
    long = "a" + "x" * 250
    s.deploy(
        m.model(
            m.process(
                "p",
                m.start() + m.parallel("fork") + m.job("left", "left") + m.job("right", "right") + m.exclusive("merge"),
                m.parallel(long) + m.end() + m.chain("start", "fork", "merge", "left") + m.chain(long, "end"),
                m.flow("left", long, name="l" * 250) + m.chain("fork", "right") + m.flow("right", long, name="r" * 250),
                m.flow("fork", "merge", name="twice"),
            )
        )
    )
    s.create("p")
    for key in activate(s, "left"):
        complete(s, key).none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")
    (key,) = activate(s, "right")
    moment = complete(s, key)
    moment.one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id=long)
    moment.none("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    assert s.rows()["JOINS"] == 1


def test_a_loop_goes_through_a_join_again_and_again(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(
        m.model(
            m.process(
                "p",
                m.start() + m.exclusive("merge") + m.parallel("fork") + m.task("a") + m.task("b") + m.parallel("join"),
                m.script("count", "=if n = null then 1 else n + 1", "n") + m.exclusive("again", "again_end") + m.end(),
                m.chain("start", "merge", "fork", "a", "join", "count", "again", "end") + m.chain("fork", "b", "join"),
                m.flow("again", "merge", "=n < 3"),
            )
        )
    )
    s.create("p")
    assert len(s.everything().all("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="join")) == 3
    assert s.is_empty()


def nested(*inside: str, after: str = "") -> bytes:
    return m.model(
        m.process(
            "p",
            m.start()
            + m.sub_process(
                "outer", m.start("s1") + m.sub_process("inner", *inside) + m.end("e1"), m.chain("s1", "inner", "e1")
            )
            + m.end()
            + m.chain("start", "outer", "end")
            + after,
        )
    )


def test_nested_sub_processes(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(m.start("s2") + m.job("t") + m.end("e2") + m.chain("s2", "t", "e2")))
    s.create("p")
    (key,) = activate(s)
    complete(s, key).has(
        "t COMPLETED", "e2 COMPLETED", "inner COMPLETED", "e1 COMPLETED", "outer COMPLETED", "p COMPLETED"
    )
    assert s.is_empty()


def test_cancel_of_nested_sub_processes(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(nested(m.start("s2") + m.job("t") + m.end("e2") + m.chain("s2", "t", "e2")))
    key = s.create("p")
    s.cancel(key).has(
        "p TERMINATING",
        "outer TERMINATING",
        "inner TERMINATING",
        "t TERMINATED",
        "inner TERMINATED",
        "outer TERMINATED",
        "p TERMINATED",
    )
    assert s.is_empty()


def test_terminate_ends_the_process_with_everything_that_waits(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(
        m.model(
            m.process(
                "p",
                m.start() + m.parallel("fork") + m.job("a") + m.job("b", "other") + m.parallel("join") + m.end(),
                m.job("c") + m.terminate("stop") + m.chain("start", "fork", "a", "stop") + m.chain("fork", "b", "join"),
                m.chain("fork", "c", "join", "end"),
            )
        )
    )
    s.create("p")
    first, second = activate(s)
    complete(s, second).accepted()
    assert s.rows()["JOINS"] == 1
    moment = complete(s, first)
    moment.has("stop COMPLETED", "b TERMINATED", "p COMPLETING", "p COMPLETED")
    moment.one("JOB", "CANCELED")
    assert s.is_empty()


def test_terminate_in_a_sub_process_ends_only_that(scenario: MakeScenario) -> None:
    s = scenario()
    inside = (
        m.start("s") + m.parallel("fork") + m.job("a") + m.job("b", "other") + m.terminate("stop") + m.end("e"),
        m.chain("s", "fork", "a", "stop") + m.chain("fork", "b", "e"),
    )
    parts = m.start() + m.sub_process("sub", *inside) + m.job("after", "after") + m.end()
    s.deploy(m.model(m.process("p", parts, m.chain("start", "sub", "after", "end"))))
    s.create("p")
    (key,) = activate(s)
    complete(s, key).has("stop COMPLETED", "b TERMINATED", "sub COMPLETED", "after ACTIVATED")
    complete_all(s, "after")
    assert s.is_empty()


def test_a_token_that_waits_for_ever_at_a_join_keeps_the_instance_open(scenario: MakeScenario) -> None:
    s = scenario()
    parts = m.start() + m.exclusive("x", "x_join") + m.parallel("join") + m.end() + m.end("never")
    parts += (
        m.chain("start", "x", "join", "end")
        + m.flow("x", "join", "=false", name="second")
        + m.flow("x", "never", "=false")
    )
    s.deploy(m.model(m.process("p", parts)))
    key = s.create("p")
    s.everything().none("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty()
