"""Batch operations on two levels: who may create and manage them, and what the creator may do to each item."""

from __future__ import annotations

import msgspec
import pytest

from engine.batch.authorization import authorize_item
from engine.batch.execution import ITEM_DONE
from engine.batch.operation import Item
from engine.batch.tables import BATCHES
from engine.core.faults import Reject
from engine.core.principal import Principal
from engine.core.record import command, first_key
from engine.core.settings import MachineSettings
from engine.identity.permissions import permission_to_create
from engine.operations import OPERATIONS
from engine.process.work import FOLLOW_UP, Work
from engine.records import BatchOperationItem, Settings
from tests.support import models as m
from tests.support.actions import CANCEL, RESOLVE, batch, manage
from tests.support.batches import ITEM, counts, final, key_of
from tests.support.fixture import MakeScenario
from tests.support.identities import ON, by, grant, group, member, revoke
from tests.support.scenario import Scenario

PROCESS = "PROCESS_DEFINITION"
TYPES = (CANCEL, RESOLVE)


def populated(scenario: MakeScenario, partitions: int = 2, **settings: object) -> tuple[Scenario, list[int]]:
    """Two instances of each of two processes, and authorization is on."""
    s = scenario(partitions)
    s.deploy(m.one_task("one"))
    s.deploy(m.one_task("two"))
    keys = [s.create(name, partition=index % partitions + 1) for index, name in enumerate(("one", "one", "two", "two"))]
    s.now += 1
    switch_on(s, **settings)
    return s, keys


def switch_on(s: Scenario, **settings: object) -> None:
    text = msgspec.json.encode(msgspec.structs.replace(MachineSettings(), **ON, **settings)).decode()
    for number in s.partitions:
        s.when_internal(command("SETTINGS", "UPDATE", Settings(settings=text)), number).accepted()


@pytest.mark.parametrize("kind", TYPES)
def test_creation_needs_create_or_the_permission_of_its_type(scenario: MakeScenario, kind: str) -> None:
    s, _ = populated(scenario)
    wish = by(batch(kind), "user:ada")
    s.when(wish).rejected("FORBIDDEN", f"CREATE_BATCH_OPERATION_{kind} on BATCH")
    key = grant(s, "user:ada", "BATCH", permission_to_create(kind))
    s.when(wish).accepted()
    revoke(s, key)
    grant(s, "user:ada", "BATCH", "CREATE")
    s.when(wish).accepted()


def test_the_permission_of_another_type_is_not_enough(scenario: MakeScenario) -> None:
    s, _ = populated(scenario)
    grant(s, "user:ada", "BATCH", permission_to_create(RESOLVE))
    s.when(by(batch(CANCEL), "user:ada")).rejected("FORBIDDEN", "CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE")


def test_resuming_instances_needs_the_permission_to_suspend_them() -> None:
    assert permission_to_create("RESUME_PROCESS_INSTANCE") == "CREATE_BATCH_OPERATION_SUSPEND_PROCESS_INSTANCE"


def test_managing_needs_update_before_the_key_is_looked_at(scenario: MakeScenario) -> None:
    s, _ = populated(scenario)
    grant(s, "user:ada", "BATCH", "CREATE", "READ")
    s.send(by(batch(), "user:ada"))
    s.step(1)
    key = key_of(s)
    for intent in ("SUSPEND", "RESUME", "CANCEL"):
        s.send(by(manage(intent, key), "user:ada"))
        s.send(by(manage(intent, first_key(1) + 9999), "user:ada"))
    marks = s.marks()
    s.drain()
    refused = [r for r in s.since(marks).records if r.record_type == "REJECTION"]
    assert [(r.rejection_code, "UPDATE on BATCH" in r.rejection_reason) for r in refused] == [("FORBIDDEN", True)] * 6


def test_who_resumes_may_be_another(scenario: MakeScenario) -> None:
    s, _ = populated(scenario, 1)
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", PROCESS, "READ_PROCESS_INSTANCE", "CANCEL_PROCESS_INSTANCE")
    grant(s, "user:bob", "BATCH", "UPDATE")
    s.send(by(batch(), "user:ada"))
    s.step(1)
    key = key_of(s)
    s.when(by(manage("SUSPEND", key), "user:bob")).accepted()
    s.when(by(manage("RESUME", key), "user:bob")).accepted()
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def test_the_creator_is_who_the_claims_say_on_all_partitions(scenario: MakeScenario) -> None:
    s, _ = populated(scenario)
    grant(s, "client:robot", "BATCH", "CREATE")
    grant(s, "client:robot", PROCESS, "READ_PROCESS_INSTANCE", "CANCEL_PROCESS_INSTANCE")
    s.send(by(batch(actor_type="USER", actor_id="somebody-else"), "client:robot"))
    s.step(1)
    s.step(2)
    for number in (1, 2):
        row = s.machine(number).get(BATCHES, key_of(s))
        assert row is not None
        assert row.creator == Principal("CLIENT", "robot")
    s.drain()
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def test_only_what_the_creator_may_read_is_selected(scenario: MakeScenario) -> None:
    s, keys = populated(scenario)
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", PROCESS, "CANCEL_PROCESS_INSTANCE")
    grant(s, "user:ada", PROCESS, "READ_PROCESS_INSTANCE", resource_id="two")
    s.when(by(batch(), "user:ada")).accepted()
    assert counts(final(s)) == (2, 2, 0, 0, 0)
    done = {r.key for r in s.everything().all(ITEM, "COMPLETED")}
    assert done == set(keys[2:])


def test_keys_given_by_hand_that_may_not_be_read_are_unknown(scenario: MakeScenario) -> None:
    s, keys = populated(scenario)
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", PROCESS, "CANCEL_PROCESS_INSTANCE")
    s.when(by(batch(filter_text="", item_keys=tuple(keys)), "user:ada")).accepted()
    assert counts(final(s)) == (4, 0, 0, 4, 0)
    assert {r.value.error_code for r in s.everything().all(ITEM, "SKIPPED")} == {"NOT_FOUND"}


def test_items_need_the_right_of_the_creator(scenario: MakeScenario) -> None:
    s, keys = populated(scenario)
    s.when_internal(group("CREATE", "operators")).accepted()
    s.when_internal(member("ADD_MEMBER", "operators", "ada")).accepted()
    grant(s, "group:operators", "BATCH", "CREATE")
    grant(s, "group:operators", PROCESS, "READ_PROCESS_INSTANCE")
    grant(s, "group:operators", PROCESS, "CANCEL_PROCESS_INSTANCE", resource_id="one")
    s.when(by(batch(), "user:ada")).accepted()
    assert counts(final(s)) == (4, 2, 2, 0, 0)
    refused = s.everything().all(ITEM, "FAILED")
    assert {r.key for r in refused} == set(keys[2:])
    for record in refused:
        assert isinstance(record.value, BatchOperationItem)
        assert record.value.error_code == "FORBIDDEN"
        assert "CANCEL_PROCESS_INSTANCE" in record.value.error_message


def test_rights_are_those_at_the_time_of_execution(scenario: MakeScenario) -> None:
    """Taken back while the batch operation runs: what is left of it fails."""
    s, _ = populated(scenario, 1, slice_size=1)
    grant(s, "user:ada", "BATCH", "CREATE")
    key = grant(s, "user:ada", PROCESS, "READ_PROCESS_INSTANCE", "CANCEL_PROCESS_INSTANCE")
    s.send(by(batch(), "user:ada"))
    while not s.everything().all(ITEM, "COMPLETED"):
        s.one()
    revoke(s, key)
    total, completed, failed, *_ = counts(final(s))
    assert (total, completed + failed) == (4, 4)
    assert min(completed, failed) > 0
    assert {r.value.error_code for r in s.everything().all(ITEM, "FAILED")} == {"FORBIDDEN"}  # type: ignore[attr-defined]


def test_without_the_setting_nobody_is_asked(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.one_task())
    for partition in (1, 2):
        s.create("one", partition=partition)
    s.when(by(batch(), "user:ada")).accepted()
    assert counts(final(s)) == (2, 2, 0, 0, 0)


def test_a_decision_with_the_name_of_a_process_is_no_right_to_delete_evaluations_in_it(scenario: MakeScenario) -> None:
    s, keys = populated(scenario, 1)
    grant(s, "user:ada", "DECISION_DEFINITION", "DELETE_DECISION_INSTANCE", resource_id="one")
    at_end = Work(FOLLOW_UP, 5, ITEM_DONE, "")
    item = Item(key=5, process_instance_key=keys[0], root_process_instance_key=keys[0], at_end=at_end)
    operation = OPERATIONS["DELETE_DECISION_INSTANCE"]
    with pytest.raises(Reject, match="permission DELETE_DECISION_INSTANCE on DECISION_DEFINITION"):
        authorize_item(Principal("USER", "ada"), operation, item, s.machine())
    grant(s, "user:ada", "DECISION_DEFINITION", "DELETE_DECISION_INSTANCE")
    authorize_item(Principal("USER", "ada"), operation, item, s.machine())
