"""Deployments: files in, definitions of processes and decisions, and forms out."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.datastructures import UploadFile
from litestar.response.base import ASGIResponse

from engine.core.ports import VALUE_SIZE_MAX
from engine.core.record import DEFAULT_TENANT
from engine.records import Deployment
from engine.records.deployment import (
    DeployedDecision,
    DeployedDecisionRequirements,
    DeployedForm,
    DeployedProcess,
    Resource,
)
from gateway.bodies import HttpRequest, header
from gateway.gateway import Gateway
from gateway.problems import Problem, bad_request
from gateway.responses import json_response
from gateway.settings import RECORD_HEADROOM, GatewaySettings

from .queries import PREFIX
from .route import Route

MULTIPART = "multipart/form-data"
#: Deployments are numbered by one partition, which hands them to the others.
DEPLOYMENT_PARTITION = 1
RESOURCES_SIZE_MAX = VALUE_SIZE_MAX - RECORD_HEADROOM


async def create_deployment(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Deploy files; answered when every partition has them."""
    form = await _form(request)
    problems = _problems(form)
    uploads = [upload for upload in form.get("resources", []) if isinstance(upload, UploadFile)]
    resources = tuple([Resource(resource_name=upload.filename, resource=await upload.read()) for upload in uploads])
    size = sum(len(resource.resource) for resource in resources)
    if size > RESOURCES_SIZE_MAX:
        problems.append(f"resources: expected at most {RESOURCES_SIZE_MAX} bytes together, got {size}; deploy fewer")
    if problems:
        raise bad_request(problems)
    record = await gateway.create(
        request,
        "DEPLOYMENT",
        "CREATE",
        Deployment(resources=resources, tenant_id=DEFAULT_TENANT),
        partition=DEPLOYMENT_PARTITION,
    )
    deployed = msgspec.convert(record.value, Deployment)
    return json_response(
        {
            "deploymentKey": str(record.key),
            "tenantId": DEFAULT_TENANT,
            "deployments": [
                *(_process(process) for process in deployed.processes),
                *(_decision(decision) for decision in deployed.decisions),
                *(_requirements(requirements) for requirements in deployed.decision_requirements),
                *(_form_deployed(form) for form in deployed.forms),
            ],
        }
    )


async def _form(request: HttpRequest) -> dict[str, list[Any]]:
    media_type = header(request, b"content-type").partition(";")[0].strip().lower()
    if media_type != MULTIPART:
        raise Problem(
            415, f"expected Content-Type {MULTIPART}, got {media_type[:100] or 'none'}; send the files as parts"
        )
    try:
        form = await request.form()
    except (UnicodeDecodeError, LookupError) as error:
        raise bad_request([f"body: expected text parts in UTF-8, got: {error}; correct them"]) from None
    return {name: form.getall(name) for name in form}


def _problems(form: dict[str, list[Any]]) -> list[str]:
    problems = [
        f"{name[:100]}: expected a part named resources or tenantId, got another; leave it out"
        for name in form
        if name not in ("resources", "tenantId")
    ]
    resources = form.get("resources", [])
    if not resources:
        problems.append("resources: expected at least one file, got none; add a part with a file name")
    if any(not isinstance(upload, UploadFile) for upload in resources):
        problems.append("resources: expected files, got a part without a file name; add filename= to it")
    names = [upload.filename for upload in resources if isinstance(upload, UploadFile)]
    problems += [
        f"resources: expected file names that differ, got {name[:100]} {names.count(name)} times; rename or remove one"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    problems += [
        f"tenantId: expected tenant '{DEFAULT_TENANT}', got {str(tenant)[:40]!r}; there is no other, leave it out"
        for tenant in form.get("tenantId", [])
        if tenant != DEFAULT_TENANT
    ]
    return problems


def _deployed(kind: str, shown: dict[str, object]) -> dict[str, object]:
    """One thing that was deployed; of all kinds there is one property, null but for this one."""
    kinds = ("processDefinition", "decisionDefinition", "decisionRequirements", "form", "resource")
    return {**dict.fromkeys(kinds), kind: {**shown, "tenantId": DEFAULT_TENANT}}


def _process(process: DeployedProcess) -> dict[str, object]:
    shown: dict[str, object] = {
        "processDefinitionId": process.bpmn_process_id,
        "processDefinitionVersion": process.version,
        "resourceName": process.resource_name,
        "processDefinitionKey": str(process.process_definition_key),
    }
    return _deployed("processDefinition", shown)


def _decision(decision: DeployedDecision) -> dict[str, object]:
    shown: dict[str, object] = {
        "decisionDefinitionId": decision.decision_id,
        "version": decision.version,
        "name": decision.decision_name,
        "decisionRequirementsId": decision.decision_requirements_id,
        "decisionDefinitionKey": str(decision.decision_key),
        "decisionRequirementsKey": str(decision.decision_requirements_key),
    }
    return _deployed("decisionDefinition", shown)


def _requirements(requirements: DeployedDecisionRequirements) -> dict[str, object]:
    shown: dict[str, object] = {
        "decisionRequirementsId": requirements.decision_requirements_id,
        "decisionRequirementsName": requirements.decision_requirements_name,
        "version": requirements.version,
        "resourceName": requirements.resource_name,
        "decisionRequirementsKey": str(requirements.decision_requirements_key),
    }
    return _deployed("decisionRequirements", shown)


def _form_deployed(form: DeployedForm) -> dict[str, object]:
    shown: dict[str, object] = {
        "formId": form.form_id,
        "version": form.version,
        "resourceName": form.resource_name,
        "formKey": str(form.form_key),
    }
    return _deployed("form", shown)


def deployment_routes(settings: GatewaySettings) -> tuple[Route, ...]:
    """The routes, with their own limit of the body."""
    return (
        Route(
            method="POST",
            path=f"{PREFIX}/deployments",
            summary="Deploy BPMN, DMN and form files (multipart/form-data, parts named resources)",
            handle=create_deployment,
            body_size_max=settings.deployment_size_max,
        ),
    )
