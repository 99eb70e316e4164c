"""Authorization on two levels over HTTP, with the official client: who may do what, and what a batch operation may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from camunda_orchestration_sdk import CamundaClient, NullLogger
from camunda_orchestration_sdk.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnexpectedStatus,
)
from camunda_orchestration_sdk.models import (
    AuthorizationIdBasedRequest,
    AuthorizationSearchQuery,
    CancelProcessInstanceRequest,
    GroupCreateRequest,
    GroupUpdateRequest,
    ProcessInstanceCancellationBatchOperationRequest,
    UserRequest,
    UserUpdateRequest,
)

from tests.integration.installation import Installation, wait_until
from tests.integration.official_client import batch_in, counted, create, deploy, items_of, refused, seen, unique
from tests.support import models as m

ADMIN, PASSWORD = "root", "the first password"
ENVIRONMENT = {
    "RETOLD_AUTHORIZATION_ENABLED": "true",
    "RETOLD_AUTHORIZATION_ADMIN_USERNAME": ADMIN,
    "RETOLD_AUTHORIZATION_ADMIN_PASSWORD": PASSWORD,
}


class People:
    """Clients of an installation, each with a login."""

    def __init__(self, installation: Installation, stack: ExitStack) -> None:
        self.url = installation.url
        self._stack = stack

    def connect(self, username: str, password: str) -> CamundaClient:
        """A client that is closed when the test ends."""
        return self._stack.enter_context(connect_as(self.url, username, password))


def connect_as(url: str, username: str, password: str) -> CamundaClient:
    configuration = {
        "CAMUNDA_REST_ADDRESS": url,
        "CAMUNDA_AUTH_STRATEGY": "BASIC",
        "CAMUNDA_BASIC_AUTH_USERNAME": username,
        "CAMUNDA_BASIC_AUTH_PASSWORD": password,
    }
    return CamundaClient(configuration=configuration, logger=NullLogger())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with authorization, once its administrator may log in."""
    with Installation(tmp_path_factory.mktemp("guarded"), 2, ENVIRONMENT) as installation:
        login = (ADMIN, PASSWORD)
        wait_until(
            lambda: httpx.get(f"{installation.url}/v2/topology", auth=login).status_code == 200, "an administrator"
        )
        yield installation


@pytest.fixture
def people(guarded: Installation) -> Iterator[People]:
    with ExitStack() as stack:
        yield People(guarded, stack)


@pytest.fixture
def admin(people: People) -> CamundaClient:
    return people.connect(ADMIN, PASSWORD)


def new_user(people: People, admin: CamundaClient) -> tuple[str, CamundaClient]:
    """A user without any rights, who may log in by now."""
    name = unique("user")
    admin.create_user(data=UserRequest.from_dict({"username": name, "password": f"{name}'s secret"}))
    admin.get_user(name, consistency=seen())  # type: ignore[arg-type]
    return name, people.connect(name, f"{name}'s secret")


def authorize(
    admin: CamundaClient, owner: str, resource: str, *permissions: str, resource_id: str = "*", owner_type: str = "USER"
) -> Any:
    wish = {
        "ownerId": owner,
        "ownerType": owner_type,
        "resourceId": resource_id,
        "resourceType": resource,
        "permissionTypes": list(permissions),
    }
    key = admin.create_authorization(data=AuthorizationIdBasedRequest.from_dict(wish)).authorization_key
    admin.get_authorization(key, consistency=seen())
    return key


def forbidden(permission: str, call: Callable[[], object]) -> None:
    """As `refused`, of what the client foresees no 403 for."""
    with pytest.raises(UnexpectedStatus, match=permission) as caught:
        call()
    assert caught.value.status_code == 403


def test_nobody_gets_in_without_a_login(people: People) -> None:
    for login in (None, (ADMIN, "wrong"), ("nobody", PASSWORD)):
        answer = httpx.get(f"{people.url}/v2/topology", auth=login)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.json()["title"] == "UNAUTHORIZED"
        assert answer.headers["content-type"].startswith("application/problem+json")
    assert httpx.get(f"{people.url}/v2/topology", headers={"Authorization": "Bearer x"}).status_code == 401
    assert httpx.get(f"{people.url}/").status_code == 401
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json"):
        assert httpx.get(f"{people.url}{path}").status_code == 200
    with pytest.raises(UnauthorizedError):
        people.connect(ADMIN, "wrong").get_authentication()


def test_who_the_caller_is(admin: CamundaClient) -> None:
    me = admin.get_authentication()
    assert (me.username, me.groups, me.authorized_components) == (ADMIN, [], ["*"])


def test_users_groups_and_authorizations(people: People, admin: CamundaClient) -> None:
    name, user = new_user(people, admin)
    group: Any = unique("group")
    created = admin.create_group(data=GroupCreateRequest.from_dict({"groupId": group, "name": "Some"}))
    assert (created.group_id, created.name, created.description) == (group, "Some", None)
    refused(
        ConflictError,
        lambda: admin.create_group(data=GroupCreateRequest.from_dict({"groupId": group, "name": "Some"})),
        "ALREADY_EXISTS",
        group,
    )
    updated = admin.update_group(group, data=GroupUpdateRequest.from_dict({"name": "Other", "description": "d"}))
    assert (updated.name, updated.description) == ("Other", "d")
    admin.get_group(group, consistency=seen(lambda found: found.name == "Other"))
    admin.assign_user_to_group(group, name)  # type: ignore[arg-type]
    admin.assign_client_to_group(group, "worker")  # type: ignore[arg-type]
    (member,) = admin.search_users_for_group(group, consistency=counted(1)).items
    assert member.username == name
    (member,) = admin.search_clients_for_group(group, consistency=counted(1)).items
    assert member.client_id == "worker"
    wait_until(lambda: user.get_authentication().groups == [group], "the group of the user")
    key = authorize(admin, group, "BATCH", "READ", owner_type="GROUP")
    query = AuthorizationSearchQuery.from_dict({"filter": {"ownerId": group, "ownerType": "GROUP"}})
    (found,) = admin.search_authorizations(data=query, consistency=counted(1)).items
    assert (found.authorization_key, [each.value for each in found.permission_types]) == (key, ["READ"])
    changed = {"ownerId": group, "ownerType": "GROUP", "resourceId": "*", "resourceType": "BATCH"}
    wish = AuthorizationIdBasedRequest.from_dict({**changed, "permissionTypes": ["CREATE", "READ"]})
    admin.update_authorization(key, data=wish)
    admin.get_authorization(key, consistency=seen(lambda found: len(found.permission_types) == 2))
    admin.unassign_user_from_group(group, name)  # type: ignore[arg-type]
    admin.search_users_for_group(group, consistency=counted(0))
    admin.delete_authorization(key)
    refused(NotFoundError, lambda: admin.delete_authorization(key), "NOT_FOUND", "authorization")
    admin.delete_group(group)
    admin.search_authorizations(data=query, consistency=counted(0))


def test_a_password_is_changed_and_a_user_deleted(people: People, admin: CamundaClient) -> None:
    name, user = new_user(people, admin)
    user.get_authentication()
    admin.update_user(name, data=UserUpdateRequest.from_dict({"name": "Ada", "email": "a@b.c", "password": "new"}))  # type: ignore[arg-type]
    wait_until(lambda: httpx.get(f"{people.url}/v2/topology", auth=(name, "new")).status_code == 200, "the new one")
    assert httpx.get(f"{people.url}/v2/topology", auth=(name, f"{name}'s secret")).status_code == 401
    again = people.connect(name, "new")
    assert (again.get_authentication().display_name, again.get_authentication().email) == ("Ada", "a@b.c")
    admin.delete_user(name)  # type: ignore[arg-type]
    wait_until(lambda: httpx.get(f"{people.url}/v2/topology", auth=(name, "new")).status_code == 401, "no user")


def test_no_answer_shows_a_password_or_its_hash(people: People, admin: CamundaClient) -> None:
    name, _ = new_user(people, admin)
    login = (ADMIN, PASSWORD)
    answers = [
        httpx.get(f"{people.url}/v2/users/{name}", auth=login),
        httpx.post(f"{people.url}/v2/users/search", auth=login),
        httpx.post(f"{people.url}/v2/users", auth=login, json={"username": name, "password": "once more"}),
        httpx.post(f"{people.url}/v2/users", auth=login, json={"username": "a b", "password": "once more"}),
        httpx.post(f"{people.url}/v2/users", auth=login, json={"username": 5, "password": ["once more"]}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 400, 400]
    for answer in answers:
        assert "argon2" not in answer.text
        assert "once more" not in answer.text


def test_commands_and_searches_follow_the_authorizations(people: People, admin: CamundaClient) -> None:
    name, user = new_user(people, admin)
    mine, others = unique("mine"), unique("others")
    forbidden("CREATE on RESOURCE", lambda: deploy(user, m.one_task(mine)))
    for process in (mine, others):
        deploy(admin, m.one_task(process))
    hidden = create(admin, others)
    forbidden("CREATE_PROCESS_INSTANCE on PROCESS_DEFINITION", lambda: create(user, mine))
    authorize(admin, name, "PROCESS_DEFINITION", "CREATE_PROCESS_INSTANCE", "READ_PROCESS_INSTANCE", resource_id=mine)
    key = create(user, mine)
    user.get_process_instance(key, consistency=seen())
    admin.get_process_instance(hidden, consistency=seen())
    refused(ForbiddenError, lambda: user.get_process_instance(hidden), "FORBIDDEN", "READ_PROCESS_INSTANCE")
    forbidden("CREATE_PROCESS_INSTANCE", lambda: create(user, others))
    forbidden("CANCEL_PROCESS_INSTANCE", lambda: user.cancel_process_instance(key, data=CancelProcessInstanceRequest()))
    login = (name, f"{name}'s secret")
    for path in ("process-instances", "jobs", "element-instances", "variables", "process-definitions", "users"):
        page = httpx.post(f"{people.url}/v2/{path}/search", auth=login).json()
        assert {each.get("processInstanceKey", str(key)) for each in page["items"]} <= {str(key)}, path
    assert httpx.post(f"{people.url}/v2/process-instances/search", auth=login).json()["page"]["totalItems"] == 1
    assert httpx.post(f"{people.url}/v2/process-definitions/search", auth=login).json()["items"] == []


def test_a_batch_operation_has_the_rights_of_its_creator(people: People, admin: CamundaClient) -> None:
    name, user = new_user(people, admin)
    readable, cancelable = unique("readable"), unique("cancelable")
    for process in (readable, cancelable):
        deploy(admin, m.one_task(process))
    kept, gone, unseen = create(admin, readable), create(admin, cancelable), unique("unseen")
    deploy(admin, m.one_task(unseen))
    unread = create(admin, unseen)
    for key in (kept, gone, unread):
        admin.get_process_instance(key, consistency=seen())
    wish = ProcessInstanceCancellationBatchOperationRequest.from_dict(
        {"filter": {"processInstanceKey": {"$in": [str(kept), str(gone), str(unread)]}}}
    )
    refused(
        ForbiddenError,
        lambda: user.cancel_process_instances_batch_operation(data=wish),
        "FORBIDDEN",
        "CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE on BATCH",
    )
    authorize(admin, name, "BATCH", "CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE", "READ")
    authorize(admin, name, "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE", resource_id=readable)
    authorize(
        admin, name, "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE", "CANCEL_PROCESS_INSTANCE", resource_id=cancelable
    )
    key = user.cancel_process_instances_batch_operation(data=wish).batch_operation_key
    batch = batch_in(admin, key)
    # what he may not read is as a key of nothing: passed over, which Camunda 8 counts as completed
    assert (batch.operations_total_count, batch.operations_completed_count, batch.operations_failed_count) == (3, 2, 1)
    assert admin.get_process_instance(unread, consistency=seen()).state == "ACTIVE"
    assert (batch.actor_type, batch.actor_id) == ("USER", name)
    (failed,) = items_of(admin, key, "FAILED", 1)
    assert failed.item_key == str(kept)
    assert "CANCEL_PROCESS_INSTANCE" in failed.error_message
    assert user.get_batch_operation(key, consistency=seen()).state == "COMPLETED"
    refused(ForbiddenError, lambda: user.cancel_batch_operation(key), "FORBIDDEN", "UPDATE on BATCH")


def test_failed_logins_are_slowed_down(people: People) -> None:
    """Of one name from one address: others are not touched."""
    name = unique("guessed")
    answers = [httpx.get(f"{people.url}/v2/topology", auth=(name, f"guess {number}")) for number in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert httpx.get(f"{people.url}/v2/topology", auth=(ADMIN, PASSWORD)).status_code == 200
