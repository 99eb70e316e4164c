"""The part of the golden story in which users, groups and their authorizations come, change and go."""

from __future__ import annotations

from tests.support.identities import authorization, grant, group, member, revoke, user
from tests.support.scenario import Scenario


def know_people(s: Scenario) -> None:
    s.when(user("CREATE", "ada", name="Ada"), 1).accepted()
    s.when(user("UPDATE", "ada", name="Ada Lovelace", email="ada@example.org"), 1).accepted()
    s.when(group("CREATE", "operators"), 1).accepted()
    s.when(group("UPDATE", "operators", description="who repair"), 1).accepted()
    s.when(member("ADD_MEMBER", "operators", "ada"), 1).accepted()
    key = grant(s, "group:operators", "BATCH", "CREATE")
    s.when(authorization("group:operators", "BATCH", "CREATE", "READ", intent="UPDATE", key=key), 1).accepted()
    revoke(s, key)
    s.when(member("REMOVE_MEMBER", "operators", "ada"), 1).accepted()
    s.when(group("DELETE", "operators"), 1).accepted()
    s.when(user("DELETE", "ada"), 1).accepted()
