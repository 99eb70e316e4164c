"""Logins of requests, and what the gateway asks of secondary storage for a caller."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import httpx
import pytest

from engine.core.principal import CLIENT, USER, Principal
from engine.shell.manual_clock import ManualClock
from engine.shell.passwords import hash_password
from exporters.search.store import SearchResult, Within
from gateway.directory import REMEMBERED_SECONDS, Directory
from gateway.guard import GuardedAccess
from gateway.passwords import Passwords
from gateway.throttle import ENTRIES_MAX, FAILURES_MAX, FAILURES_OF_ADDRESS_MAX, WINDOW_SECONDS, Throttle
from tests.unit.gateway.fakes import FakeSearch, World, happens, world

HASH = hash_password("secret")
INSTANCE = 2251799813685249
DOCUMENTS: Mapping[str, list[dict[str, Any]]] = {
    "CREDENTIALS": [{"username": "ada", "passwordHash": HASH}],
    "USER": [{"username": "ada", "name": "Ada", "email": None}],
    "GROUPS_OF_USER": [{"memberId": "ada", "groupId": "operators"}],
    "GROUPS_OF_CLIENT": [],
    "AUTHORIZATION": [
        {
            "ownerType": "GROUP",
            "ownerId": "operators",
            "resourceType": "PROCESS_DEFINITION",
            "resourceId": "order",
            "permissionTypes": ["READ_PROCESS_INSTANCE"],
        },
        {
            "ownerType": "GROUP",
            "ownerId": "operators",
            "resourceType": "BATCH",
            "resourceId": "*",
            "permissionTypes": ["CREATE_BATCH_OPERATION_RESOLVE_INCIDENT"],
        },
        {
            "ownerType": "CLIENT",
            "ownerId": "ada",
            "resourceType": "PROCESS_DEFINITION",
            "resourceId": "*",
            "permissionTypes": ["READ_PROCESS_INSTANCE"],
        },
    ],
    "PROCESS_INSTANCE": [{"processInstanceKey": str(INSTANCE), "processDefinitionId": "order"}],
    "JOB": [{"jobKey": "1", "processDefinitionId": "other"}],
}


class Store(FakeSearch):
    """Finds documents by equality, one of a list, and the process that may be read; notes what was asked."""

    def __init__(self) -> None:
        super().__init__({"PROCESS_INSTANCE": {INSTANCE: DOCUMENTS["PROCESS_INSTANCE"][0]}})
        self.asked: list[tuple[str, Collection[str] | None]] = []

    async def search(
        self,
        entity: str,
        request: Mapping[str, Any],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        self.asked.append((entity, readable))
        found = [
            item
            for item in DOCUMENTS.get(entity, [])
            if all(_matches(item[name], wanted) for name, wanted in request.get("filter", {}).items())
            and (readable is None or item["processDefinitionId"] in readable)
        ]
        return SearchResult(items=found, total=len(found))


def _matches(value: str, wanted: Any) -> bool:
    return value in wanted["$in"] if isinstance(wanted, dict) else value == wanted


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"}


def run(scenario: Callable[[World, Store, ManualClock], Awaitable[None]]) -> None:
    """A gateway that guards, with a user `ada` whose password is `secret`."""

    async def guarded() -> None:
        clock, store = ManualClock(), Store()
        passwords = Passwords(clock)
        access = GuardedAccess(Directory(store, clock), passwords, None, clock)
        rules = {("INCIDENT", "RESOLVE"): happens("RESOLVED")}
        async with world(rules, search=store, access=access, passwords=passwords) as it:
            await scenario(it, store, clock)

    asyncio.run(guarded())


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        f"Basic {b64encode(b'ada').decode()}",
        f"Basic {b64encode(b':secret').decode()}",
        f"Basic {b64encode(bytes([0xFF, 0xFE])).decode()}",
        f"Basic {b64encode(b'ada:' + b's' * 2_000).decode()}",
        f"Basic {b64encode(b'ada:secret ').decode()}",
        f"Basic {'A' * 20_000}",
        "Bearer token",
        "Digest username=ada",
    ],
)
def test_what_is_no_login_is_401(header: str | None) -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        headers = {} if header is None else {"Authorization": header}
        answer = await it.client.post("/v2/process-instances/search", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="retold", charset="UTF-8"'
        assert answer.json()["title"] == "UNAUTHORIZED"
        assert "secret" not in answer.text
        assert all(entity == "CREDENTIALS" for entity, _ in store.asked)

    run(scenario)


def test_two_logins_are_none() -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        login = basic("ada", "secret")["Authorization"]
        answer = await it.client.get("/v2/topology", headers=[("Authorization", login), ("Authorization", login)])
        assert answer.status_code == 401

    run(scenario)


def test_commands_carry_the_claims_of_the_caller() -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        path = f"/v2/incidents/{INSTANCE}/resolution"
        assert (await it.client.post(path, headers=basic("ada", "secret"))).status_code == 204
        assert (await it.client.post(path, headers=basic("ada", "wrong"))).status_code == 401
        assert [command.step.claims for _, command in it.engine.commands] == ["user:ada"]

    run(scenario)


def test_a_caller_sees_what_he_or_his_groups_may_read() -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        login = basic("ada", "secret")
        found = (await it.client.post("/v2/process-instances/search", headers=login)).json()["items"]
        assert [item["processInstanceKey"] for item in found] == [str(INSTANCE)]
        assert (await it.client.get(f"/v2/process-instances/{INSTANCE}", headers=login)).status_code == 200
        assert (await it.client.post("/v2/jobs/search", headers=login)).json()["items"] == []
        assert ("JOB", frozenset({"order"})) in store.asked
        for path in ("users", "groups", "authorizations", "batch-operations"):
            page = (await it.client.post(f"/v2/{path}/search", headers=login)).json()
            assert page["page"]["totalItems"] == 0
        assert not {entity for entity, readable in store.asked} & {"GROUP", "BATCH_OPERATION"}
        refused = await it.client.get("/v2/batch-operations/1", headers=login)
        assert (refused.status_code, "READ on BATCH" in refused.json()["detail"]) == (403, True)
        assert (await it.client.get("/v2/users/ada", headers=login)).status_code == 403
        evaluation = await it.client.post("/v2/expression/evaluation", json={"expression": "=1"}, headers=login)
        assert "EVALUATE on EXPRESSION" in evaluation.json()["detail"]

    run(scenario)


def test_a_preview_needs_what_the_creation_needs() -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        async def preview(kind: str) -> httpx.Response:
            wanted = {"batchOperationType": kind, "filter": {"state": "ACTIVE"}}
            path = "/v2/batch-operations/preview"
            return await it.client.post(path, json=wanted, headers=basic("ada", "secret"))

        refused = await preview("CANCEL_PROCESS_INSTANCE")
        assert refused.status_code == 403
        assert "CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE on BATCH" in refused.json()["detail"]
        assert (await preview("RESOLVE_INCIDENT")).status_code == 200

    run(scenario)


def test_who_the_caller_is() -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        me = (await it.client.get("/v2/authentication/me", headers=basic("ada", "secret"))).json()
        assert (me["username"], me["displayName"], me["groups"]) == ("ada", "Ada", ["operators"])

    run(scenario)


def test_rights_are_looked_up_again_after_a_while() -> None:
    async def scenario() -> None:
        clock, store = ManualClock(), Store()
        directory = Directory(store, clock)
        ada = Principal(USER, "ada")
        for _ in range(3):
            await directory.rights(ada)
        assert len(store.asked) == 2
        await clock.sleep(REMEMBERED_SECONDS)
        await directory.rights(ada)
        assert len(store.asked) == 4
        assert (
            await directory.resources(Principal(CLIENT, "ada"), "PROCESS_DEFINITION", ("READ_PROCESS_INSTANCE",))
            is None
        )
        assert await directory.resources(Principal(), "BATCH", ("READ",)) == frozenset()

    asyncio.run(scenario())


def test_too_many_failures_wait_whatever_the_password() -> None:
    async def scenario(it: World, store: Store, clock: ManualClock) -> None:
        for _ in range(FAILURES_MAX):
            assert (await it.client.get("/v2/topology", headers=basic("ada", "wrong"))).status_code == 401
        answer = await it.client.get("/v2/topology", headers=basic("ada", "secret"))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, str(int(WINDOW_SECONDS)))
        assert (await it.client.get("/v2/topology", headers=basic("bob", "wrong"))).status_code == 401
        await clock.sleep(WINDOW_SECONDS)
        assert (await it.client.get("/v2/topology", headers=basic("ada", "secret"))).status_code == 200

    run(scenario)


def test_failures_of_an_address_count_together_and_are_forgotten() -> None:
    clock = ManualClock()
    throttle = Throttle(clock)
    for number in range(FAILURES_OF_ADDRESS_MAX):
        assert throttle.wait_seconds("10.0.0.1", "ada") == 0.0
        throttle.failed("10.0.0.1", f"user-{number}")
    assert throttle.wait_seconds("10.0.0.1", "ada") == WINDOW_SECONDS
    assert throttle.wait_seconds("10.0.0.2", "ada") == 0.0
    for number in range(ENTRIES_MAX):
        throttle.failed(f"10.1.{number}", "ada")
    assert throttle.wait_seconds("10.0.0.1", "ada") == 0.0, "the table is bounded"


def test_a_right_login_forgives_the_failures_of_the_name() -> None:
    throttle = Throttle(ManualClock())
    for _ in range(FAILURES_MAX):
        throttle.failed("10.0.0.1", "ada")
    throttle.succeeded("10.0.0.1", "ada")
    assert throttle.wait_seconds("10.0.0.1", "ada") == 0.0


def test_a_password_that_was_right_is_remembered_with_its_hash() -> None:
    async def scenario() -> None:
        passwords = Passwords(ManualClock())
        first, second = await passwords.hash("secret"), await passwords.hash("secret")
        assert first != second
        assert "secret" not in first
        assert await passwords.is_right(first, "secret")
        assert await passwords.is_right(first, "secret")
        assert not await passwords.is_right(first, "Secret")
        assert not await passwords.is_right(None, "secret")
        assert not await passwords.is_right(None, "")
        assert not await passwords.is_right("no hash", "secret")

    asyncio.run(scenario())
