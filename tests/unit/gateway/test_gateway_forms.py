"""Forms: by key, of user tasks, at the start of processes; answers that the official client can read."""

from __future__ import annotations

from typing import Any

import pytest
from camunda_orchestration_sdk.models.deployment_result import DeploymentResult
from camunda_orchestration_sdk.models.form_result import FormResult

from engine.core.record import Record, first_key
from engine.records.deployment import DeployedForm
from tests.unit.gateway.fakes import FakeSearch, World, event
from tests.unit.gateway.test_gateway_routes import run

KEY = first_key(1) + 1
FORM = {"formKey": str(KEY + 5), "formId": "f", "version": 2, "schema": '{"id":"f"}', "tenantId": "<default>"}


@pytest.mark.parametrize("path", [f"forms/{KEY + 5}", f"user-tasks/{KEY}/form", f"process-definitions/{KEY}/form"])
def test_a_form(path: str) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.get(f"/v2/{path}")
        assert response.status_code == 200
        form = FormResult.from_dict(response.json())
        assert (form.form_key, form.form_id, form.version, form.schema) == (str(KEY + 5), "f", 2, '{"id":"f"}')

    documents = {
        "FORM": {KEY + 5: FORM},
        "USER_TASK": {KEY: {"formKey": str(KEY + 5)}},
        "PROCESS_DEFINITION": {KEY: {"startFormId": "f"}},
    }
    run(scenario, search=FakeSearch(documents))


def test_the_form_at_the_start_is_the_latest_with_its_id() -> None:
    async def scenario(it: World) -> None:
        await it.client.get(f"/v2/process-definitions/{KEY}/form")
        latest = {"filter": {"formId": "f"}, "sort": [{"field": "version", "order": "DESC"}], "page": {"limit": 1}}
        assert it.search.questions == [("FORM", latest)]

    run(scenario, search=FakeSearch({"FORM": {KEY + 5: FORM}, "PROCESS_DEFINITION": {KEY: {"startFormId": "f"}}}))


@pytest.mark.parametrize("path", ["process-definitions", "user-tasks"])
def test_without_a_form(path: str) -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"/v2/{path}/{KEY}/form")).status_code == 204
        assert (await it.client.get(f"/v2/{path}/{KEY + 1}/form")).status_code == 404

    run(scenario, search=FakeSearch({"PROCESS_DEFINITION": {KEY: {}}, "USER_TASK": {KEY: {"formKey": None}}}))


def test_a_start_form_that_is_not_deployed_yet() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"/v2/process-definitions/{KEY}/form")).status_code == 204

    run(scenario, search=FakeSearch({"PROCESS_DEFINITION": {KEY: {"startFormId": "f"}}}))


def test_deployed_forms() -> None:
    def deployed(wish: Record, _: int) -> list[Record]:
        form = DeployedForm(form_id="f", version=2, form_key=KEY, resource_name="a.form")
        return [event(wish, "FULLY_DISTRIBUTED", key=KEY + 2, resources=(), forms=(form,))]

    async def scenario(it: World) -> None:
        files: Any = [("resources", ("a.form", b'{"id":"f"}'))]
        result = DeploymentResult.from_dict((await it.client.post("/v2/deployments", files=files)).json())
        (deployment,) = result.deployments
        form = deployment.form
        assert form is not None
        assert (form.form_id, form.version, form.form_key, form.resource_name) == ("f", 2, str(KEY), "a.form")

    run(scenario, {("DEPLOYMENT", "CREATE"): deployed})
