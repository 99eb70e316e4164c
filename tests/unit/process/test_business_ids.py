"""Business ids: assigned once, unique where that is wanted."""

from __future__ import annotations

from engine.core.record import first_key
from engine.records import Job
from tests.support import models as m
from tests.support.actions import activate, assign_business_id, complete, complete_all, creation
from tests.support.fixture import MakeScenario
from tests.support.scenario import make

FAMILY = "PROCESS_INSTANCE_BUSINESS_ID"
UNIQUE = {"business_id_uniqueness": True}


def test_a_business_id_is_assigned_once(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("a"), m.job("b", "later"), names=["a", "b"]))
    key = s.create("p")
    assigned = assign_business_id(s, key, "order 7").one(FAMILY, "ASSIGNED")
    assert (assigned.key, assigned.value.business_id, assigned.value.bpmn_process_id) == (key, "order 7", "p")
    assert (assigned.value.process_instance_key, assigned.value.root_process_instance_key) == (key, key)
    assign_business_id(s, key, "order 7").one(FAMILY, "ASSIGNED")
    assign_business_id(s, key, "order 8").rejected("INVALID_STATE", "another one")
    complete_all(s)
    jobs = s.everything().all("JOB", "CREATED")
    assert [job.value.business_id for job in jobs] == ["", "order 7"]
    complete_all(s, "later")
    assert s.is_empty()


def test_one_that_came_with_the_creation_stays(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.create("one", business_id="order 7")
    assign_business_id(s, key, "order 8").rejected("INVALID_STATE")
    assign_business_id(s, key, "order 7").accepted()


def test_it_has_a_length(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.create("one")
    assign_business_id(s, key, "").rejected("INVALID_ARGUMENT", "got none")
    assign_business_id(s, key, "b" * 257).rejected("INVALID_ARGUMENT", "got one of 257")
    assign_business_id(s, key, "ß" * 256).accepted()


def test_only_active_instances_get_one(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 8})
    s.deploy(m.fan("fan", 20))
    key = s.create("fan")
    assign_business_id(s, first_key(1) + 999, "b").rejected("NOT_FOUND")
    s.send(make("PROCESS_INSTANCE", "CANCEL", s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED",
                                                                 element_type="PROCESS").value, key))  # fmt: skip
    s.step(1)
    moment = assign_business_id(s, key, "b")
    moment.rejected("INVALID_STATE", "being canceled")
    assign_business_id(s, key, "b").rejected("NOT_FOUND")
    assert s.is_empty()


def test_a_worker_assigns_one_with_the_job(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("a"), m.job("b"), m.job("c"), names=["a", "b", "c"]))
    s.create("p")

    def complete_with(business_id: str) -> object:
        (key,) = activate(s)
        return s.when(make("JOB", "COMPLETE", Job(business_id=business_id), key))

    complete_with("order 7").accepted()  # type: ignore[attr-defined]
    assert [job.value.business_id for job in s.everything().all("JOB", "CREATED")] == ["", "order 7"]
    (key,) = activate(s)
    s.when(make("JOB", "COMPLETE", Job(business_id="order 8"), key)).rejected("INVALID_STATE", "another one")
    s.everything().none("JOB", "COMPLETED", element_id="b")
    complete(s, key).accepted()
    complete_with("order 7").has("p COMPLETED")  # type: ignore[attr-defined]
    assert s.is_empty()


def test_without_uniqueness_instances_may_share_one(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    for _ in range(2):
        s.when(creation("one", business_id="b")).accepted()
    assert s.rows()["BUSINESS_IDS"] == 2
    complete_all(s)
    assert s.is_empty()


def test_with_uniqueness_an_active_instance_keeps_others_out(scenario: MakeScenario) -> None:
    s = scenario(settings=UNIQUE)
    s.deploy(m.one_task())
    s.deploy(m.one_task("two"))
    first = s.create("one", business_id="b")
    s.when(creation("one", business_id="b")).rejected("ALREADY_EXISTS", str(first))
    s.deploy(m.one_task(retries="5"))
    s.when(creation("one", business_id="b")).rejected("ALREADY_EXISTS", str(first))
    s.when(creation("one", business_id="B")).accepted()
    s.when(creation("two", business_id="b")).accepted()
    s.when(creation("one")).accepted()
    s.cancel(first).accepted()
    s.when(creation("one", business_id="b")).accepted()


def test_with_uniqueness_none_is_assigned_later(scenario: MakeScenario) -> None:
    s = scenario(settings=UNIQUE)
    s.deploy(m.one_task())
    assign_business_id(s, s.create("one"), "b").rejected("INVALID_STATE", "unique")
