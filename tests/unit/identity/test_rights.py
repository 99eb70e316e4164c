"""Commands of clients are checked before they are decided, and before anything is looked for."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.principal import Principal, principal_of
from engine.core.record import Record, first_key
from engine.identity.rights import resources_of
from engine.records import Deployment, Job, ProcessInstance, ProcessInstanceCreation, VariableDocument
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import activation
from tests.support.fixture import MakeScenario
from tests.support.identities import ON, by, grant, group, member, revoke, user
from tests.support.scenario import Scenario, make

PROCESS = "PROCESS_DEFINITION"


def with_instances(s: Scenario) -> tuple[int, int]:
    """An instance of each of two processes, made by somebody who may."""
    grant(s, "user:root", "RESOURCE", "CREATE")
    grant(s, "user:root", PROCESS, "CREATE_PROCESS_INSTANCE")
    for name in ("one", "two"):
        resources = (Resource(resource_name=f"{name}.bpmn", resource=m.one_task(name)),)
        s.when(by(make("DEPLOYMENT", "CREATE", Deployment(resources=resources)), "user:root")).accepted()
    keys = [
        s.when(by(creation(name), "user:root")).accepted().one("PROCESS_INSTANCE_CREATION").key
        for name in ("one", "two")
    ]
    return keys[0], keys[1]


def creation(process_id: str, **fields: object) -> Record:
    value = ProcessInstanceCreation(bpmn_process_id=process_id, **fields)  # type: ignore[arg-type]
    return make("PROCESS_INSTANCE_CREATION", "CREATE", value)


def cancellation(key: int) -> Record:
    return make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key)


def test_claims_name_users_and_clients() -> None:
    assert principal_of("user:ada") == Principal("USER", "ada")
    assert principal_of("client:a:b") == Principal("CLIENT", "a:b")
    for claims in ("", "anonymous", "batch:7", "user:", "root", "group:operators"):
        assert principal_of(claims) == Principal()
    assert [principal_of(text).claims for text in ("user:ada", "client:c", "x")] == [
        "user:ada",
        "client:c",
        "anonymous",
    ]


def test_without_the_setting_everybody_may_do_everything(scenario: MakeScenario) -> None:
    s = scenario(1)
    s.when(user("CREATE", "ada")).accepted()
    s.deploy(m.one_task())
    s.cancel(s.create("one")).accepted()


def test_who_has_no_permission_is_refused_before_anything_is_looked_for(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    key, _ = with_instances(s)
    for claims in ("anonymous", "", "user:ada", "client:ada", "batch:1"):
        known = s.when(by(cancellation(key), claims)).rejection()
        unknown = s.when(by(cancellation(first_key(1) + 9999), claims)).rejection()
        assert known.rejection_code == unknown.rejection_code == "FORBIDDEN"
        assert known.rejection_reason == unknown.rejection_reason
        assert "CANCEL_PROCESS_INSTANCE on PROCESS_DEFINITION" in known.rejection_reason


def test_a_permission_is_for_a_resource_or_for_all(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    one, two = with_instances(s)
    grant(s, "user:ada", PROCESS, "CANCEL_PROCESS_INSTANCE", resource_id="one")
    s.when(by(cancellation(two), "user:ada")).rejected("FORBIDDEN")
    s.when(by(cancellation(one), "user:ada")).accepted()
    s.when(by(cancellation(one), "user:ada")).rejected("NOT_FOUND")
    grant(s, "user:ada", PROCESS, "CANCEL_PROCESS_INSTANCE")
    s.when(by(cancellation(two), "user:ada")).accepted()


def test_another_permission_for_the_resource_is_not_enough(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    one, _ = with_instances(s)
    grant(s, "user:ada", PROCESS, "READ_PROCESS_INSTANCE", "UPDATE_PROCESS_INSTANCE")
    s.when(by(cancellation(one), "user:ada")).rejected("FORBIDDEN", "CANCEL_PROCESS_INSTANCE")


def test_users_and_clients_of_the_same_name_are_different(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    one, _ = with_instances(s)
    grant(s, "client:ada", PROCESS, "CANCEL_PROCESS_INSTANCE")
    s.when(by(cancellation(one), "user:ada")).rejected("FORBIDDEN")
    s.when(by(cancellation(one), "client:ada")).accepted()


def test_members_have_what_their_group_has_as_long_as_they_are_in_it(scenario: MakeScenario) -> None:
    s = scenario(2, settings=ON)
    one, two = with_instances(s)
    s.when_internal(group("CREATE", "operators")).accepted()
    s.when_internal(member("ADD_MEMBER", "operators", "ada")).accepted()
    grant(s, "group:operators", PROCESS, "CANCEL_PROCESS_INSTANCE")
    s.when(by(cancellation(one), "user:bob")).rejected("FORBIDDEN")
    s.when(by(cancellation(one), "user:ada")).accepted()
    s.when_internal(member("REMOVE_MEMBER", "operators", "ada")).accepted()
    s.when(by(cancellation(two), "user:ada")).rejected("FORBIDDEN")


def test_what_is_taken_back_no_longer_holds(scenario: MakeScenario) -> None:
    s = scenario(2, settings=ON)
    one, two = with_instances(s)
    key = grant(s, "user:ada", PROCESS, "CANCEL_PROCESS_INSTANCE")
    s.when(by(cancellation(one), "user:ada")).accepted()
    revoke(s, key)
    s.when(by(cancellation(two), "user:ada")).rejected("FORBIDDEN")


def test_a_creation_is_judged_by_the_definition_that_it_uses(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    with_instances(s)
    grant(s, "user:ada", PROCESS, "CREATE_PROCESS_INSTANCE", resource_id="one")
    keys = {r.value.bpmn_process_id: r.key for r in s.everything().all("PROCESS", "CREATED")}  # type: ignore[attr-defined]
    s.when(by(creation("one"), "user:ada")).accepted()
    s.when(by(creation("two"), "user:ada")).rejected("FORBIDDEN")
    s.when(by(creation("one", process_definition_key=keys["two"]), "user:ada")).rejected("FORBIDDEN")
    s.when(by(creation("", process_definition_key=keys["one"]), "user:ada")).accepted()


def test_what_belongs_to_an_instance_is_judged_by_its_process(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    one, two = with_instances(s)
    grant(s, "client:worker", PROCESS, "UPDATE_PROCESS_INSTANCE", resource_id="one")
    jobs = {r.value.process_instance_key: r.key for r in s.everything().all("JOB", "CREATED")}  # type: ignore[attr-defined]
    for instance, allowed in ((one, True), (two, False)):
        variables = VariableDocument(scope_key=instance, variables='{"a": 1}')
        commands = [
            make("VARIABLE_DOCUMENT", "UPDATE", variables),
            make("JOB", "COMPLETE", Job(), jobs[instance]),
        ]
        for each in commands:
            moment = s.when(by(each, "client:worker"), 1)
            if allowed:
                moment.accepted()
            else:
                moment.rejected("FORBIDDEN")


def test_jobs_are_given_out_to_who_may_work_on_all_processes(scenario: MakeScenario) -> None:
    s = scenario(1, settings=ON)
    with_instances(s)
    grant(s, "client:some", PROCESS, "UPDATE_PROCESS_INSTANCE", resource_id="one")
    grant(s, "client:all", PROCESS, "UPDATE_PROCESS_INSTANCE")
    s.when(by(activation(), "client:some")).rejected("FORBIDDEN", "UPDATE_PROCESS_INSTANCE")
    assert len(s.when(by(activation(), "client:all")).accepted().all("JOB", "ACTIVATED")) == 2


def test_who_may_authorize_is_authorized_himself(scenario: MakeScenario) -> None:
    s = scenario(2, settings=ON)
    s.when(by(user("CREATE", "eve"), "user:eve")).rejected("FORBIDDEN", "CREATE on USER")
    grant(s, "user:root", "USER", "CREATE")
    s.when(by(user("CREATE", "ada"), "user:root")).accepted()


def test_a_repeated_command_is_checked_again(scenario: MakeScenario) -> None:
    """The idempotency key of another tells nothing to who may not send the command."""
    s = scenario(1, settings=ON)
    with_instances(s)
    first = creation("one")
    keyed = msgspec.structs.replace(first, step=msgspec.structs.replace(first.step, idempotency_key="k"))
    s.when(by(keyed, "user:root")).accepted()
    s.when(by(keyed, "user:root")).rejected("ALREADY_EXISTS")
    s.when(by(keyed, "user:ada")).rejected("FORBIDDEN")


@pytest.mark.parametrize("claims", ["user:ada", "anonymous"])
def test_rights_are_of_owner_and_groups(scenario: MakeScenario, claims: str) -> None:
    s = scenario(1)
    s.when(group("CREATE", "g")).accepted()
    s.when(member("ADD_MEMBER", "g", "ada")).accepted()
    grant(s, "user:ada", PROCESS, "READ_PROCESS_INSTANCE", resource_id="one")
    grant(s, "group:g", PROCESS, "READ_PROCESS_INSTANCE", resource_id="two")
    found = resources_of(s.machine(), principal_of(claims), PROCESS, ("READ_PROCESS_INSTANCE",))
    assert found == ({"one", "two"} if claims == "user:ada" else frozenset())
