"""Deployments: versions, problems of all files at once, distribution to every partition."""

from __future__ import annotations

from engine.records import Deployment
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import complete_all
from tests.support.fixture import MakeScenario
from tests.support.scenario import make


def test_the_same_bytes_are_the_same_version(scenario: MakeScenario) -> None:
    s = scenario()
    first = s.deploy(m.one_task()).one("DEPLOYMENT", "FULLY_DISTRIBUTED").value.processes[0]
    again = s.deploy(m.one_task()).one("DEPLOYMENT", "FULLY_DISTRIBUTED").value.processes[0]
    assert (first.version, first.duplicate, again.version, again.duplicate) == (1, False, 1, True)
    assert first.process_definition_key == again.process_definition_key
    assert len(s.everything().all("PROCESS", "CREATED")) == 1


def test_other_bytes_are_a_new_version_and_older_ones_stay(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task("p", "old"))
    s.create("p")
    s.deploy(m.one_task("p", "new"))
    s.create("p")
    s.create("p", bpmn_version=1)
    assert [r.value.bpmn_version for r in s.everything().all("PROCESS_INSTANCE_CREATION", "CREATED")] == [1, 2, 1]
    moment = s.deploy(m.one_task("p", "old"))
    assert moment.one("PROCESS", "CREATED").value.bpmn_version == 3
    for kind in ("old", "new"):
        complete_all(s, kind)
    assert s.is_empty()


def test_several_files_and_several_processes_in_one(scenario: MakeScenario) -> None:
    s = scenario()
    two = m.model(m.process("a", m.start()), m.process("b", m.start("other")))
    moment = s.deploy(two, m.one_task())
    found = moment.one("DEPLOYMENT", "FULLY_DISTRIBUTED").value.processes
    assert [(process.bpmn_process_id, process.resource_name) for process in found] == [
        ("a", "model0.bpmn"),
        ("b", "model0.bpmn"),
        ("one", "model1.bpmn"),
    ]
    elements = moment.one("PROCESS", "CREATED", bpmn_process_id="one").value.elements
    assert [element.element_id for element in elements] == ["one", "start", "task", "end"]
    for name in ("a", "b", "one"):
        s.create(name)


def test_problems_of_all_files_are_told_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    resources = (
        Resource(resource_name="one.bpmn", resource=b"<x"),
        Resource(resource_name="form.json", resource=b"{}"),
        Resource(resource_name="two.bpmn", resource=m.model(m.process("p", m.start(), m.element("callActivity", "c")))),
        Resource(resource_name="good.bpmn", resource=m.one_task()),
        Resource(resource_name="good.bpmn", resource=m.one_task()),
    )
    moment = s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=resources)))
    for text in ("one.bpmn", "form.json", "'c'", "'good.bpmn' twice", "'one' twice"):
        moment.rejected("INVALID_ARGUMENT", text)
    s.when(make("DEPLOYMENT", "CREATE", Deployment())).rejected("INVALID_ARGUMENT", "at least one resource")
    assert not s.rows().get("DEFINITIONS")


def test_more_problems_than_a_record_can_hold_are_still_one_rejection(scenario: MakeScenario) -> None:
    s = scenario()
    bad = "".join(m.element("callActivity", f"c{index}") for index in range(20_000))
    resource = Resource(resource_name="bad.bpmn", resource=m.model(m.process("p", m.start(), bad)))
    moment = s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))))
    moment.rejected("INVALID_ARGUMENT", "'c0'")
    assert len(s.partitions[1].events[-1]) < 200_000


def test_the_client_is_answered_once_when_all_partitions_hold_it(scenario: MakeScenario) -> None:
    s = scenario(3)
    resources = (Resource(resource_name="one.bpmn", resource=m.one_task()),)
    s.send(make("DEPLOYMENT", "CREATE", Deployment(resources=resources), request="gateway/5"), 1)
    s.step(1)
    s.step(3)
    s.step(1)
    assert not any("request" in headers for headers in s.partitions[1].headers)
    s.drain()
    answers = [headers for p in s.partitions.values() for headers in p.headers if headers]
    assert answers == [{"request": "gateway/5", "final": "1"}]
    assert s.everything().one("DEPLOYMENT", "FULLY_DISTRIBUTED").value.resources == ()
    assert {r.key for r in s.everything().all("PROCESS", "CREATED")} == {s.records(1)[1].key}
    assert s.rows()["DEFINITIONS"] == 3
    assert "PENDING_DEPLOYMENTS" not in s.rows()
    for partition in (1, 2, 3):
        s.create("one", partition=partition)


def test_deployments_are_decided_on_the_first_partition(scenario: MakeScenario) -> None:
    s = scenario(2)
    resources = (Resource(resource_name="one.bpmn", resource=m.one_task()),)
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=resources)), 2).rejected("INVALID_ARGUMENT", "partition 1")


def test_nobody_outside_forges_internal_work(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(make("DEPLOYMENT", "DISTRIBUTE", Deployment()), 2).rejected("FORBIDDEN", "a client's command")
    s.when(make("DEPLOYMENT", "ACKNOWLEDGE", Deployment()), 1)
    assert s.records(1)[-1].rejection_code == "FORBIDDEN"


def test_a_large_model_reaches_every_partition(scenario: MakeScenario) -> None:
    s = scenario(3)
    big = m.one_task().replace(b"<bpmn:process", b"<!--" + b"x" * 1_900_000 + b"--><bpmn:process", 1)
    s.deploy(big)
    assert s.rows()["DEFINITIONS"] == 3
