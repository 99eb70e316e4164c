"""Migration of a process instance: what stays, what goes on with the other definition, what is refused."""

from __future__ import annotations

from functools import partial

import pytest

from engine.records.job import Job
from tests.support import models as m
from tests.support.actions import (
    activate,
    assign_business_id,
    complete,
    complete_user_task,
    creation,
    end_after,
    fail,
    migrate,
    resolve,
    set_variables,
    throw,
    update,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment, Scenario

FAMILY = "PROCESS_INSTANCE_MIGRATION"


def deploy(s: Scenario, *resources: bytes) -> list[int]:
    """The keys of the definitions, in the order of the files."""
    deployed = s.deploy(*resources)
    keys = {r.key: r.position for r in deployed.all("PROCESS", "CREATED") if r.step.partition_id == 1}
    return sorted(keys, key=keys.__getitem__)


def begin(
    scenario: MakeScenario, before: bytes, after: bytes, variables: str = "", process_id: str = "p"
) -> tuple[Scenario, int, int]:
    """An instance of the one definition, and the key of the other."""
    s = scenario()
    deploy(s, before)
    key = s.create(process_id, variables)
    return s, key, deploy(s, after)[0]


def chained(process_id: str, *names: str) -> bytes:
    """A process with a job after the other."""
    return m.straight(process_id, *(m.job(name, name) for name in names), names=names)


def migrated(moment: Moment) -> dict[str, str]:
    """Element ids before and after, of the element instances that have moved."""
    found = moment.accepted().all("PROCESS_INSTANCE", "ELEMENT_MIGRATED")
    return {record.value.source_element_id: record.value.element_id for record in found}


def test_an_instance_goes_on_with_the_other_definition(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a", "b"), chained("p", "c", "d"), '{"x": 1}')
    moment = migrate(s, key, target, ("a", "d"))
    assert migrated(moment) == {"p": "p", "a": "d"}
    assert {r.value.process_definition_key for r in moment.all("PROCESS_INSTANCE")} == {target}
    assert moment.one("JOB", "MIGRATED").value.element_id == "d"
    assert moment.one("VARIABLE", "MIGRATED").value.process_definition_key == target
    done = moment.one(FAMILY, "MIGRATED")
    assert (done.key, done.value.target_process_definition_key, done.step.request) == (key, target, "gateway/8")
    (job,) = activate(s, "a")
    flow = complete(s, job).has("d COMPLETED", "end COMPLETED", "p COMPLETED").flow()
    assert "b ACTIVATING" not in flow
    assert s.is_empty()


def test_a_job_stays_with_its_worker(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("p", "b"))
    (job,) = activate(s, "a")
    record = migrate(s, key, target, ("a", "b")).accepted().one("JOB", "MIGRATED")
    assert isinstance(record.value, Job)
    assert (record.key, record.value.worker, record.value.type) == (job, "worker", "a")
    assert activate(s, "a") == []
    complete(s, job).has("b COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_worker_may_run_out_of_time_after_it(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("p", "b"))
    (job,) = activate(s, "a")
    migrate(s, key, target, ("a", "b")).accepted()
    timed_out = s.advance(60_000).one("JOB", "TIMED_OUT")
    assert (timed_out.key, timed_out.value.element_id) == (job, "b")


def test_an_instance_becomes_one_of_another_process(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("q", "a"))
    assign_business_id(s, key, "order-1").accepted()
    done = migrate(s, key, target, "a").accepted().one(FAMILY, "MIGRATED")
    assert (done.value.bpmn_process_id, done.value.target_bpmn_process_id) == ("p", "q")
    (job,) = activate(s, "a")
    complete(s, job).has("q COMPLETED")
    assert s.is_empty()


def test_an_incident_and_its_job_move(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("p", "b"))
    (job,) = activate(s, "a")
    incident = fail(s, job).one("INCIDENT", "CREATED").key
    moved = migrate(s, key, target, ("a", "b")).accepted().one("INCIDENT", "MIGRATED")
    assert (moved.key, moved.value.element_id, moved.value.process_definition_key) == (incident, "b", target)
    update(s, job, retries=2).accepted()
    resolve(s, incident).accepted()
    assert activate(s, "a") == [job]


def test_an_incident_of_an_activation_goes_on_with_the_target(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, m.straight("p", m.job("a", "=missing"), names=["a"]), chained("p", "b"))
    incident = s.everything().one("INCIDENT", "CREATED").key
    moment = migrate(s, key, target, ("a", "b"))
    moment.accepted().none("JOB")
    resolve(s, incident).accepted()
    assert len(activate(s, "b")) == 1


def test_a_user_task_stays_as_it_is(scenario: MakeScenario) -> None:
    def user_task(name: str) -> bytes:
        held = '<zeebe:userTask /><zeebe:assignmentDefinition assignee="lisa" />'
        return m.straight("p", m.element("userTask", name, extensions=[held], name=f"Check {name}"), names=[name])

    s, key, target = begin(scenario, user_task("a"), user_task("b"))
    moved = migrate(s, key, target, ("a", "b")).accepted().one("USER_TASK", "MIGRATED")
    assert (moved.value.assignee, moved.value.name, moved.value.element_id) == ("lisa", "Check a", "b")
    complete_user_task(s, moved.key).has("b COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_scopes_and_multi_instance_activities_move_with_their_state(scenario: MakeScenario) -> None:
    def model(scope: str, name: str) -> bytes:
        activity = m.multi(
            m.job(name, "work"), outputCollection="results", outputElement="=result", inputElement="item"
        )
        inner = (m.start("begin"), activity, m.end("done"), m.chain("begin", name, "done"))
        return m.straight("p", m.sub_process(scope, *inner), names=[scope])

    s, key, target = begin(scenario, model("s", "a"), model("t", "b"), '{"items": [1, 2, 3]}')
    first, second, third = activate(s)
    complete(s, first, '{"result": "x"}').accepted()
    moment = migrate(s, key, target, ("s", "t"), ("a", "b"))
    assert migrated(moment) == {"p": "p", "s": "t", "a": "b"}
    assert len(moment.all("PROCESS_INSTANCE", "ELEMENT_MIGRATED")) == 5
    complete(s, second, '{"result": "y"}').accepted()
    done = complete(s, third, '{"result": "z"}').has("b COMPLETED", "t COMPLETED", "p COMPLETED")
    assert done.one("VARIABLE", name="results").value.value == '["x","y","z"]'
    assert s.is_empty()


def test_called_instances_stay_and_return_to_the_target(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, m.one_task("child"), m.straight("p", m.call("a", "child"), names=["a"]))
    key = s.create("p")
    (target,) = deploy(s, m.straight("p", m.call("b", "other"), names=["b"]))
    assert migrated(migrate(s, key, target, ("a", "b"))) == {"p": "p", "a": "b"}
    (job,) = activate(s)
    complete(s, job).has("child COMPLETED", "b COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_called_instance_migrates_itself(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, chained("child", "a"), m.straight("p", m.call("call", "child"), names=["call"]))
    s.create("p")
    called = s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="child")[0].key
    (target,) = deploy(s, chained("child", "b"))
    migrate(s, called, target, ("a", "b")).accepted()
    (job,) = activate(s, "a")
    complete(s, job).has("b COMPLETED", "child COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_tokens_that_wait_at_a_gateway_move_over_flows_of_the_same_id_or_as_told(scenario: MakeScenario) -> None:
    def model(join: str, flows: tuple[str, str]) -> bytes:
        named = [m.flow(name, join, name=flow) for name, flow in zip("ab", flows, strict=True)]
        parts = (m.start(), m.parallel("fork"), m.job("a", "a"), m.job("b", "b"), m.parallel(join), m.end())
        return m.model(
            m.process("p", *parts, m.chain("start", "fork", "a"), m.chain("fork", "b"), *named, m.flow(join, "end"))
        )

    s, key, target = begin(scenario, model("join", ("fa", "fb")), model("meet", ("ga", "fb")))
    (job,) = activate(s, "a")
    complete(s, job).accepted()
    migrate(s, key, target, "b").rejected("INVALID_STATE", "expected 'join', where a token waits, to be mapped")
    migrate(s, key, target, "b", ("join", "meet")).rejected("INVALID_STATE", "expected 'fa', over which a token came")
    moment = migrate(s, key, target, "b", ("join", "meet"), ("fa", "ga")).accepted()
    moment.one("PROCESS_INSTANCE", "SEQUENCE_FLOW_DELETED", element_id="fa", joining_gateway="join")
    moment.one("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", element_id="ga", joining_gateway="meet")
    (job,) = activate(s, "b")
    complete(s, job).has("meet COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_inclusive_gateway_that_nothing_can_reach_any_more_goes_on(scenario: MakeScenario) -> None:
    def model(*flows: str) -> bytes:
        parts = (
            m.start(),
            m.parallel("fork"),
            m.job("a", "a"),
            m.job("b", "b"),
            m.inclusive("join"),
            m.end(),
            m.end("e"),
        )
        return m.model(
            m.process("p", *parts, m.chain("start", "fork", "a", "join", "end"), m.chain("fork", "b"), *flows)
        )

    before = model(m.chain("b", "join"))
    after = model(m.chain("b", "e"), m.flow("start", "join"))
    s, key, target = begin(scenario, before, after)
    (job,) = activate(s, "a")
    complete(s, job).accepted()
    migrate(s, key, target, "b", "join").has(f"{FAMILY} MIGRATED", "join ACTIVATED", "join COMPLETED", "end COMPLETED")
    (job,) = activate(s, "b")
    complete(s, job).has("p COMPLETED")
    assert s.is_empty()


def test_where_the_instance_is_to_end_moves(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, chained("p", "a", "b"))
    begun = s.when(creation("p", runtime_instructions=end_after("a")), 1).accepted()
    key = begun.one("PROCESS_INSTANCE_CREATION", "CREATED").key
    (target,) = deploy(s, chained("p", "c", "b"))
    assert migrate(s, key, target, ("a", "c")).one(FAMILY, "MIGRATED").value.terminate_after == ("c",)
    (job,) = activate(s, "a")
    complete(s, job).has("c COMPLETED", "p TERMINATED")
    assert s.is_empty()


def test_errors_are_caught_as_the_target_says(scenario: MakeScenario) -> None:
    after = (m.start(), m.job("b", "b"), m.boundary("failed", "b"), m.end(), m.end("caught"))
    target = m.model(m.process("p", *after, m.chain("start", "b", "end"), m.chain("failed", "caught")))
    s, key, found = begin(scenario, chained("p", "a"), target)
    migrate(s, key, found, ("a", "b")).accepted()
    (job,) = activate(s, "a")
    throw(s, job, "A").has("failed COMPLETED", "caught COMPLETED")
    assert s.is_empty()


def test_ad_hoc_sub_processes_tell_what_the_target_has_inside(scenario: MakeScenario) -> None:
    def model(scope: str, *names: str) -> bytes:
        inside = [m.job(name, name) for name in names]
        return m.straight("p", m.ad_hoc(scope, *inside, active=f'=["{names[0]}"]'), names=[scope])

    s, key, target = begin(scenario, model("s", "a"), model("t", "b", "c"))
    moment = migrate(s, key, target, ("s", "t"), ("a", "b"))
    assert migrated(moment) == {"p": "p", "s": "t", "s#innerInstance": "t#innerInstance", "a": "b"}
    assert '"c"' in moment.one("VARIABLE", "UPDATED").value.value
    (job,) = activate(s, "a")
    complete(s, job).has("b COMPLETED", "t#innerInstance COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_all_that_is_not_mapped_is_named_at_once(scenario: MakeScenario) -> None:
    def model(start: str) -> bytes:
        parts = (m.start(start), m.parallel("fork"), m.job("a", "a"), m.job("b", "b"), m.job("c", "c"))
        flows = (m.chain(start, "fork", "a"), m.chain("fork", "b"), m.chain("fork", "c"))
        return m.model(m.process("p", *parts, *flows))

    s, key, target = begin(scenario, model("start"), model("begin"))
    moment = migrate(s, key, target, "b")
    for name in "ac":
        moment.rejected("INVALID_STATE", f"expected '{name}', which is active, to be mapped, got no instruction")
    moment.none("PROCESS_INSTANCE")


@pytest.mark.parametrize(
    ("mapping", "code", "text"),
    [
        ([], "INVALID_ARGUMENT", "mappingInstructions: expected at least one, got none"),
        (["a", "a"], "INVALID_ARGUMENT", "mappingInstructions[1].sourceElementId: expected 'a' to be mapped once"),
        ([("a", "")], "INVALID_ARGUMENT", "mappingInstructions[0].targetElementId: expected the id of an element"),
        ([("a", "x"), ("y", "b")], "INVALID_ARGUMENT", "expected an element of the target process 'p', got 'x'"),
        ([("a", "x"), ("y", "b")], "INVALID_ARGUMENT", "expected an element of the source process 'p', got 'y'"),
        ([("a", "end")], "INVALID_ARGUMENT", "expected 'end' to be of type SERVICE_TASK, as 'a' is, got END_EVENT"),
    ],
)
def test_a_bad_plan_is_refused(
    scenario: MakeScenario, mapping: list[str | tuple[str, str]], code: str, text: str
) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("p", "b"))
    migrate(s, key, target, *mapping).rejected(code, text)


def test_what_cannot_migrate_is_refused(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("p", "b"))
    migrate(s, key + 1_000, target, ("a", "b")).rejected("NOT_FOUND", "expected a running process instance")
    migrate(s, key, target + 1_000, ("a", "b")).rejected("NOT_FOUND", "expected the key of a process definition")
    s.cancel(key).accepted()
    migrate(s, key, target, ("a", "b")).rejected("NOT_FOUND", "it may have ended")


def test_an_instance_that_is_too_large_for_a_step_is_refused_whole(scenario: MakeScenario) -> None:
    small = partial(scenario, settings={"migration_effects_max": 100})
    s, key, target = begin(small, chained("p", "a"), chained("p", "b"))
    set_variables(s, key, "{" + ",".join(f'"v{number}": 1' for number in range(100)) + "}").accepted()
    moment = migrate(s, key, target, ("a", "b"))
    moment.rejected("EXCEEDED_LIMIT", "to migrate in one step of 100 records, got more")
    moment.none("VARIABLE")
    (job,) = activate(s, "a")
    complete(s, job).has("a COMPLETED")


def test_more_element_instances_than_a_step_has_records_are_refused(scenario: MakeScenario) -> None:
    s = scenario(settings={"migration_effects_max": 20})
    deploy(s, m.fan("p", 20))
    key = s.create("p")
    (target,) = deploy(s, m.fan("p", 21))
    migrate(s, key, target, "start").rejected("EXCEEDED_LIMIT", "to migrate in one step of 20 records")
