"""What a process instance may be created with: a version tag, tags, a place to start, a place to end."""

from __future__ import annotations

import pytest

from engine.process.creation import FETCH_VARIABLES_MAX, INSTRUCTIONS_MAX, TAGS_MAX
from engine.records.process_instance_creation import RuntimeInstruction
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, creation, end_after, resolve, set_variables, throw
from tests.support.fixture import MakeScenario

NESTED = m.straight(
    "p",
    m.job("before"),
    m.sub_process(
        "outer",
        m.start("s1") + m.job("a") + m.end("e1") + m.chain("s1", "a", "inner", "e1"),
        m.sub_process("inner", m.start("s2") + m.job("b") + m.job("c") + m.end("e2") + m.chain("s2", "b", "c", "e2")),
        extensions=[m.mapping([("=n + 1", "local")])],
    ),
    m.job("after"),
    m.boundary("caught", "outer", "error-a") + m.end("c-end") + m.chain("caught", "c-end"),
    names=["before", "outer", "after"],
)


def tagged(tag: str, retries: str) -> bytes:
    extension = f'<bpmn:extensionElements><zeebe:versionTag value="{tag}" /></bpmn:extensionElements>'
    parts = (m.start(), m.job("t", retries=retries), m.end(), m.chain("start", "t", "end"))
    return m.model(m.process("p", extension, *parts))


def test_a_version_tag_chooses_its_latest_version(scenario: MakeScenario) -> None:
    s = scenario(2)
    for tag, retries in (("stable", "1"), ("stable", "2"), ("beta", "3")):
        s.deploy(tagged(tag, retries))
    for partition in s.partitions:
        created = s.when(creation("p", version_tag="stable"), partition).one("PROCESS_INSTANCE_CREATION", "CREATED")
        assert created.value.bpmn_version == 2
    s.when(creation("p", version_tag="alpha")).rejected("NOT_FOUND", "'alpha'")
    s.when(creation("q", version_tag="stable")).rejected("NOT_FOUND", "'q'")


def test_tags_are_on_the_instance_and_on_its_jobs(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    moment = s.when(creation("one", tags=("a", "b:1", "a"), business_id="order 7"))
    for record in (
        moment.one("PROCESS_INSTANCE_CREATION", "CREATED"),
        moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_type="PROCESS"),
        moment.one("JOB", "CREATED"),
    ):
        assert (record.value.tags, record.value.business_id) == (("a", "b:1"), "order 7")
    activate(s)
    activated = s.everything().one("JOB", "ACTIVATED")
    assert (activated.value.tags, activated.value.business_id) == (("a", "b:1"), "order 7")
    complete(s, activated.key).accepted()
    assert s.is_empty()


@pytest.mark.parametrize("tag", ["", "7a", "a b", "a" * 101, "ä", "a\n", ":a"])
def test_a_tag_has_a_form(scenario: MakeScenario, tag: str) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("one", tags=("a" * 100, "b_-:.Z9", tag))).rejected("INVALID_ARGUMENT", "expected a tag")


def test_all_that_is_wrong_is_told_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED)
    moment = s.when(
        creation(
            "p",
            tags=tuple(f"t{number}" for number in range(TAGS_MAX + 1)),
            business_id="b" * 257,
            start=("nowhere", "p", "start", "s1", "caught", "before_outer"),
            runtime_instructions=(*end_after("nobody", "p"), RuntimeInstruction(type="OTHER", after_element_id="a")),
        )
    )
    for text in (
        "at most 10 tags, got 11",
        "at most 256 characters, got 257",
        "before an element of 'p', got 'nowhere'",
        "before an element of 'p', got 'p'",
        "got start event 'start'",
        "got start event 's1'",
        "got boundary event 'caught'",
        "got 'before_outer'",
        "end after an element of 'p', got 'nobody'",
        "end after an element of 'p', got 'p'",
        "runtime instruction 2 to be TERMINATE_PROCESS_INSTANCE, got 'OTHER'",
    ):
        moment.rejected("INVALID_ARGUMENT", text)
    assert s.is_empty()


def test_as_much_as_is_allowed(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    tags = tuple(f"t{number}" for number in range(TAGS_MAX))
    ends = end_after(*["task"] * INSTRUCTIONS_MAX)
    names = tuple(f"v{number}" for number in range(FETCH_VARIABLES_MAX))
    s.when(
        creation("one", tags=tags, business_id="ß" * 256, runtime_instructions=ends, fetch_variables=names)
    ).accepted()


def test_more_than_is_allowed(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    moment = s.when(
        creation(
            "one",
            start=("task",) * (INSTRUCTIONS_MAX + 1),
            runtime_instructions=end_after(*["task"] * (INSTRUCTIONS_MAX + 1)),
            fetch_variables=tuple(f"v{number}" for number in range(FETCH_VARIABLES_MAX + 1)),
        )
    )
    for text in ("1000 start instructions, got 1001", "1000 runtime instructions", "1000 variables to fetch, got 1001"):
        moment.rejected("INVALID_ARGUMENT", text)
    assert s.is_empty()


def test_an_instance_starts_before_an_element(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED)
    moment = s.when(creation("p", start=("after",)))
    assert moment.flow() == ["p ACTIVATING", "p ACTIVATED", "after ACTIVATING", "after ACTIVATED"]
    assert [i.element_id for i in moment.one("PROCESS_INSTANCE_CREATION").value.start_instructions] == ["after"]
    complete_all(s)
    s.everything().has("after COMPLETED", "end COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_elements_inside_sub_processes_share_one_instance_of_each(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED)
    moment = s.when(creation("p", '{"n": 1}', start=("c", "before", "a", "b", "c")))
    for element in ("outer", "inner"):
        moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id=element)
    assert sorted(r.value.element_id for r in moment.all("JOB", "CREATED")) == ["a", "b", "before", "c", "c"]
    moment.none("PROCESS_INSTANCE", element_type="START_EVENT", element_id="s1")
    moment.none("PROCESS_INSTANCE", element_type="START_EVENT", element_id="s2")
    assert moment.variables() == {"n": "1", "local": "2"}
    for _ in range(5):
        complete_all(s)
    s.everything().has("inner COMPLETED", "outer COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_chosen_sub_process_begins_at_its_start(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED)
    s.when(creation("p", '{"n": 1}', start=("outer",))).has("outer ACTIVATED", "s1 COMPLETED", "a ACTIVATED")


def test_a_chosen_sub_process_is_another_one_than_that_around_a_chosen_element(scenario: MakeScenario) -> None:
    """As in Zeebe ("Expected to activate the subprocess twice"): the ancestors alone are shared."""
    s = scenario()
    s.deploy(NESTED)
    moment = s.when(creation("p", '{"n": 1}', start=("outer", "c", "inner", "a")))
    activated = moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED")
    ids = sorted(r.value.element_id for r in activated if r.value.element_type == "SUB_PROCESS")
    assert ids == ["inner", "inner", "outer", "outer"]
    assert [r.value.element_id for r in activated if r.value.element_type == "START_EVENT"] == ["s1", "s2"]
    assert sorted(r.value.element_id for r in moment.all("JOB", "CREATED")) == ["a", "a", "b", "c"]
    for _ in range(6):
        complete_all(s)
    s.everything().one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    assert s.is_empty()


def test_the_scope_of_a_chosen_element_may_have_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED.replace(b"=n + 1", b"=count(for i in 1..n return i)"))
    moment = s.when(creation("p", '{"n": 1000000}', start=("b",)))
    incident = moment.one("INCIDENT", "CREATED", error_type="IO_MAPPING_ERROR")
    set_variables(s, moment.one("PROCESS_INSTANCE_CREATION").key, '{"n": 2}').accepted()
    resolve(s, incident.key).has("outer ACTIVATED", "inner ACTIVATED", "b ACTIVATED")


def test_a_join_that_is_chosen_needs_no_tokens(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.fan("fan", 3))
    s.when(creation("fan", start=("join",))).has("join ACTIVATED", "end COMPLETED", "fan COMPLETED")
    s.when(creation("fan", start=("task0", "join"))).has("join COMPLETED")
    complete_all(s)
    s.everything().none("PROCESS_INSTANCE", "ELEMENT_TERMINATED")


def test_many_starts_go_over_several_steps(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 7})
    s.deploy(NESTED)
    moment = s.when(creation("p", '{"n": 1}', start=("c", "after") * 10))
    assert len(moment.all("JOB", "CREATED")) == 20
    moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="inner")
    assert moment.all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")


@pytest.mark.parametrize("last", ["before", "a", "s1", "inner", "outer"])
def test_an_instance_ends_after_an_element(scenario: MakeScenario, last: str) -> None:
    s = scenario()
    s.deploy(NESTED)
    s.when(creation("p", '{"n": 1}', runtime_instructions=end_after(last, "end"))).accepted()
    for _ in range(5):
        complete_all(s)
    s.everything().has(f"{last} COMPLETED", "p TERMINATING", "p TERMINATED")
    taken = s.everything().all("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN")
    assert not [r for r in taken if r.value.element_id.startswith(f"{last}_")]
    s.everything().none("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    assert s.is_empty()


def test_an_instance_ends_after_an_element_that_was_terminated(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED)
    s.when(creation("p", '{"n": 1}', start=("b",), runtime_instructions=end_after("b"))).accepted()
    (key,) = activate(s)
    throw(s, key, "A").has("b TERMINATED", "p TERMINATING", "p TERMINATED")
    s.everything().none("PROCESS_INSTANCE", element_id="caught")
    assert s.is_empty()


@pytest.mark.parametrize("element", ["choice", "fork", "stop"])
def test_gateways_and_terminate_ends_are_elements_too(scenario: MakeScenario, element: str) -> None:
    s = scenario()
    flows = m.chain("start", "choice", "fork", "stop") + m.flow("fork", "task")
    parts = (m.start(), m.exclusive("choice"), m.parallel("fork"), m.terminate("stop"), m.job("task"), flows)
    s.deploy(m.model(m.process("p", *parts)))
    s.when(creation("p", runtime_instructions=end_after(element))).has(f"{element} COMPLETED", "p TERMINATED")
    assert s.is_empty()


def test_a_canceled_instance_ends_once(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(NESTED)
    key = s.create("p", runtime_instructions=end_after("before"))
    s.cancel(key).one("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="p")
    assert s.is_empty()
