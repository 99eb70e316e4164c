"""Whatever is asked for about users, groups and authorizations: all partitions hold the same, and it agrees."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.record import Record
from engine.identity.tables import AUTHORIZATIONS, GRANTS, GROUPS, MEMBERS, MEMBERSHIPS, USERS
from engine.records import Authorization
from tests.support.identities import ON, authorization, by, grant, group, member, user
from tests.support.scenario import Scenario, make

NAMES = st.sampled_from(["ada", "bob", "eve"])
GROUP_IDS = st.sampled_from(["g", "h"])
CLAIMS = st.sampled_from(["user:root", "user:ada", "user:bob", "client:ada", "anonymous", "batch:1"])
OWNERS = NAMES.map("user:{}".format) | GROUP_IDS.map("group:{}".format) | st.just("client:ada")
GRANTED = st.sampled_from([("USER", "CREATE"), ("USER", "DELETE"), ("GROUP", "UPDATE"), ("AUTHORIZATION", "CREATE")])

#: A command, or a number: the how-many-th authorization that was created is taken back.
WISHES = st.one_of(
    st.builds(user, st.sampled_from(["CREATE", "UPDATE", "DELETE"]), NAMES),
    st.builds(group, st.sampled_from(["CREATE", "UPDATE", "DELETE"]), GROUP_IDS),
    st.builds(
        member,
        st.sampled_from(["ADD_MEMBER", "REMOVE_MEMBER"]),
        GROUP_IDS,
        NAMES,
        st.sampled_from(["USER", "CLIENT"]),
    ),
    st.builds(
        lambda owner, granted, resource: authorization(owner, *granted, resource_id=resource),
        OWNERS,
        GRANTED,
        st.sampled_from(["*", "one"]),
    ),
    st.integers(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(wishes=st.lists(st.tuples(WISHES, CLAIMS | st.just("user:root")), max_size=30), is_on=st.booleans())
def test_partitions_agree_and_replay_gives_the_same(wishes: list[tuple[Record | int, str]], is_on: bool) -> None:
    s = Scenario(2, settings=ON if is_on else None)
    for kind in ("USER", "GROUP", "AUTHORIZATION"):
        grant(s, "user:root", kind, "CREATE", "UPDATE", "DELETE")
    for wish, claims in wishes:
        s.send(by(_record(s, wish), claims), 1)
    s.drain()
    for table in (USERS, GROUPS, MEMBERS, MEMBERSHIPS, GRANTS, AUTHORIZATIONS):
        assert s.machine(1).scan(table) == s.machine(2).scan(table)
    _agrees(s)
    s.check()


def _record(s: Scenario, wish: Record | int) -> Record:
    if not isinstance(wish, int):
        return wish
    s.drain()
    created = [record.key for record in s.everything().all("AUTHORIZATION", "CREATED")][6::2]
    return make("AUTHORIZATION", "DELETE", Authorization(), created[wish] if wish < len(created) else 7)


def _agrees(s: Scenario) -> None:
    """Both tables of what has two keys say the same, and nothing belongs to a group that is not there."""
    machine = s.machine(2)
    rows = {table: sorted((row.key, repr(row)) for _, row in machine.scan(table)) for table in (MEMBERS, MEMBERSHIPS)}
    assert rows[MEMBERS] == rows[MEMBERSHIPS]
    granted = {
        table: sorted((row.key, repr(row)) for _, row in machine.scan(table)) for table in (GRANTS, AUTHORIZATIONS)
    }
    assert granted[GRANTS] == granted[AUTHORIZATIONS]
    for _, row in machine.scan(MEMBERS):
        assert machine.get(GROUPS, row.group_id) is not None
    for _, row in machine.scan(GRANTS):
        assert row.owner_type != "GROUP" or machine.get(GROUPS, row.owner_id) is not None
