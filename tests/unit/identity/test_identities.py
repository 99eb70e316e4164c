"""Users, groups and authorizations: decided on partition 1, the same everywhere."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from engine.identity.tables import (
    AUTHORIZATIONS,
    AUTHORIZATIONS_MAX,
    GRANTS,
    GROUPS,
    GROUPS_MAX,
    MEMBERS,
    MEMBERS_MAX,
    MEMBERSHIPS,
    USERS,
)
from engine.records import Authorization, User
from tests.support.fixture import MakeScenario
from tests.support.identities import HASH, authorization, by, grant, group, member, user
from tests.support.scenario import Scenario, make

TABLES = (USERS, GROUPS, MEMBERS, MEMBERSHIPS, GRANTS, AUTHORIZATIONS)


def assert_the_same_everywhere(s: Scenario) -> None:
    """Every partition holds the same rows."""
    for table in TABLES:
        rows = [s.machine(number).scan(table) for number in s.partitions]
        assert all(others == rows[0] for others in rows[1:]), f"expected {table.name} to be the same everywhere"


def test_what_happens_on_partition_1_happens_on_all_under_one_key(scenario: MakeScenario) -> None:
    s = scenario(3)
    s.when(by(user("CREATE", "ada", name="Ada", email="ada@example.org"), "user:root")).accepted()
    s.when(user("UPDATE", "ada", name="Ada L.", password_hash="")).accepted()
    s.when(group("CREATE", "operators", name="Operators")).accepted()
    s.when(group("UPDATE", "operators", name="Operators", description="who repair")).accepted()
    s.when(member("ADD_MEMBER", "operators", "ada")).accepted()
    s.when(member("ADD_MEMBER", "operators", "worker-1", "CLIENT")).accepted()
    s.when(authorization("group:operators", "BATCH", "READ", "CREATE")).accepted()
    created = s.everything().all("USER", "CREATED")
    assert len(created) == 3
    assert {record.key for record in created} == {created[0].key}
    assert {record.step.claims for record in created} == {"user:root"}
    row = s.machine(3).get(USERS, "ada")
    assert row is not None
    assert (row.name, row.email, row.password_hash) == ("Ada L.", "", HASH)
    assert len(s.machine(2).scan(MEMBERS, "operators")) == 2
    granted = s.machine(3).get(GRANTS, "GROUP", "operators", "BATCH", "*")
    assert granted is not None
    assert granted.permission_types == ("CREATE", "READ")
    assert_the_same_everywhere(s)


def test_only_partition_1_decides(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(user("CREATE", "ada"), 2).rejected("INVALID_ARGUMENT", "partition 1")
    assert s.machine(2).get(USERS, "ada") is None


def test_only_the_first_partition_answers(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(user("CREATE", "ada")).accepted()
    assert s.partitions[1].headers[0]["final"] == "1"
    assert all("request" not in headers for headers in s.partitions[2].headers)


def test_who_is_deleted_leaves_nothing_for_the_next_of_that_name(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(user("CREATE", "ada")).accepted()
    s.when(group("CREATE", "operators")).accepted()
    s.when(member("ADD_MEMBER", "operators", "ada")).accepted()
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "CANCEL_PROCESS_INSTANCE", resource_id="one")
    moment = s.when(user("DELETE", "ada", password_hash="")).accepted()
    assert [(r.value_type, r.intent) for r in moment.records if r.step.partition_id == 2] == [
        ("GROUP", "MEMBER_REMOVED"),
        ("AUTHORIZATION", "DELETED"),
        ("AUTHORIZATION", "DELETED"),
        ("USER", "DELETED"),
    ]
    deleted = moment.all("USER", "DELETED")[0].value
    assert isinstance(deleted, User)
    assert deleted.password_hash == ""
    assert {name for name in s.rows() if name in {table.name for table in TABLES}} == {"GROUPS"}
    assert_the_same_everywhere(s)


def test_a_group_that_is_deleted_takes_members_and_authorizations_with_it(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(group("CREATE", "operators")).accepted()
    s.when(member("ADD_MEMBER", "operators", "ada")).accepted()
    grant(s, "group:operators", "BATCH", "CREATE")
    s.when(group("DELETE", "operators")).accepted()
    assert not {name for name in s.rows() if name in {table.name for table in TABLES}}


def test_members_are_added_and_removed_once(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(member("ADD_MEMBER", "operators", "ada")).rejected("NOT_FOUND", "operators")
    s.when(group("CREATE", "operators")).accepted()
    s.when(member("REMOVE_MEMBER", "operators", "ada")).rejected("NOT_FOUND", "not in it")
    s.when(member("ADD_MEMBER", "operators", "ada")).accepted()
    s.when(member("ADD_MEMBER", "operators", "ada")).rejected("ALREADY_EXISTS")
    s.when(member("REMOVE_MEMBER", "operators", "ada")).accepted()
    assert_the_same_everywhere(s)


def test_an_authorization_is_changed_as_a_whole(scenario: MakeScenario) -> None:
    s = scenario(2)
    key = grant(s, "user:ada", "BATCH", "CREATE")
    other = grant(s, "user:ada", "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE", resource_id="one")
    s.when(authorization("user:ada", "BATCH", "READ")).rejected("ALREADY_EXISTS", str(key))
    s.when(authorization("user:ada", "BATCH", "READ", intent="UPDATE", key=other)).rejected("ALREADY_EXISTS")
    s.when(authorization("client:c", "BATCH", "READ", intent="UPDATE", key=key)).accepted()
    assert s.machine(2).get(GRANTS, "USER", "ada", "BATCH", "*") is None
    row = s.machine(2).get(GRANTS, "CLIENT", "c", "BATCH", "*")
    assert row is not None
    assert row.permission_types == ("READ",)
    s.when(make("AUTHORIZATION", "DELETE", Authorization(), key)).accepted()
    s.when(make("AUTHORIZATION", "DELETE", Authorization(), key)).rejected("NOT_FOUND")
    assert_the_same_everywhere(s)


@pytest.mark.parametrize(
    ("wish", "code", "text"),
    [
        (user("CREATE", ""), "INVALID_ARGUMENT", "username"),
        (user("CREATE", "a b"), "INVALID_ARGUMENT", "username"),
        (user("CREATE", "a" * 257), "INVALID_ARGUMENT", "username"),
        (user("CREATE", "ada", name="n" * 257, email="e" * 257), "INVALID_ARGUMENT", "email"),
        (user("CREATE", "ada", password_hash="secret"), "INVALID_ARGUMENT", "passwordHash"),
        (user("CREATE", "ada", password_hash=""), "INVALID_ARGUMENT", "passwordHash"),
        (user("UPDATE", "ada"), "NOT_FOUND", "ada"),
        (user("DELETE", "ada"), "NOT_FOUND", "ada"),
        (group("CREATE", "a/b"), "INVALID_ARGUMENT", "groupId"),
        (group("UPDATE", "none"), "NOT_FOUND", "none"),
        (group("DELETE", "none"), "NOT_FOUND", "none"),
        (member("ADD_MEMBER", "none", "ada", "ROLE"), "INVALID_ARGUMENT", "memberType"),
        (authorization("role:r", "BATCH", "READ"), "INVALID_ARGUMENT", "ownerType"),
        (authorization("user:ada", "TENANT", "READ"), "INVALID_ARGUMENT", "resourceType"),
        (authorization("user:ada", "BATCH", "DELETE"), "INVALID_ARGUMENT", "permissionTypes"),
        (authorization("user:ada", "BATCH"), "INVALID_ARGUMENT", "permissionTypes"),
        (authorization("user:ada", "BATCH", "READ", resource_id=""), "INVALID_ARGUMENT", "resourceId"),
        (authorization("group:none", "BATCH", "READ"), "NOT_FOUND", "none"),
        (authorization("user:ada", "BATCH", "READ", intent="UPDATE", key=7), "NOT_FOUND", "7"),
    ],
)
def test_what_cannot_be_is_refused(scenario: MakeScenario, wish: Record, code: str, text: str) -> None:
    s = scenario(1)
    s.when(wish, 1).rejected(code, text)


def test_a_refused_password_hash_is_not_repeated_in_the_reason(scenario: MakeScenario) -> None:
    s = scenario(1)
    reason = s.when(user("CREATE", "ada", password_hash="my secret")).rejection().rejection_reason
    assert "secret" not in reason


def test_a_user_is_created_once(scenario: MakeScenario) -> None:
    s = scenario(1)
    s.when(user("CREATE", "ada")).accepted()
    s.when(user("CREATE", "ada")).rejected("ALREADY_EXISTS")


def test_what_a_deletion_ends_is_bounded(scenario: MakeScenario) -> None:
    s = scenario(1)
    for number in range(GROUPS_MAX + 1):
        s.when(group("CREATE", f"group-{number}")).accepted()
    for number in range(GROUPS_MAX):
        s.when(member("ADD_MEMBER", f"group-{number}", "ada")).accepted()
    s.when(member("ADD_MEMBER", f"group-{GROUPS_MAX}", "ada")).rejected("EXCEEDED_LIMIT", str(GROUPS_MAX))
    for number in range(1, MEMBERS_MAX):
        s.when(member("ADD_MEMBER", "group-0", f"user-{number}")).accepted()
    s.when(member("ADD_MEMBER", "group-0", "one-more")).rejected("EXCEEDED_LIMIT", str(MEMBERS_MAX))
    for number in range(AUTHORIZATIONS_MAX):
        grant(s, "group:group-0", "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE", resource_id=f"p{number}")
    s.when(authorization("group:group-0", "BATCH", "READ")).rejected("EXCEEDED_LIMIT", str(AUTHORIZATIONS_MAX))
    moment = s.when(group("DELETE", "group-0")).accepted()
    assert len(moment.all("GROUP", "MEMBER_REMOVED")) == MEMBERS_MAX
    assert len(moment.all("AUTHORIZATION", "DELETED")) == AUTHORIZATIONS_MAX
