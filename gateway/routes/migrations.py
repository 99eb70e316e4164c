"""Migration of one process instance, and migration plans: made of equal elements, or checked."""

from __future__ import annotations

from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta, Raw

from engine.records import ProcessInstanceMigration
from engine.records.process_instance_migration import MappingInstruction
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, Key, Name, OperationReference
from gateway.gateway import Gateway, path_key
from gateway.migration_plans import DefinitionFile, Instruction
from gateway.problems import not_found
from gateway.responses import json_response, no_content

from .process_definitions import ENTITY
from .queries import PREFIX
from .route import Route

PATH = f"{PREFIX}/process-instances"
INSTRUCTIONS_MAX = 5_000
"""Instructions of one plan."""


class InstructionBody(Body, frozen=True, kw_only=True):
    """Which element goes on as which; beyond Camunda 8: whether an event waits anew, as the target says."""

    source_element_id: Name
    target_element_id: Name
    update_event_trigger: bool = False


Instructions = Annotated[list[InstructionBody], Meta(min_length=1, max_length=INSTRUCTIONS_MAX)]


class MigrationBody(Body, frozen=True, kw_only=True):
    """The definition that an instance goes on with, whichever it has now."""

    target_process_definition_key: Key
    mapping_instructions: Instructions
    variables: Document | None = None
    operation_reference: OperationReference | None = None


class DefinitionsBody(Body, frozen=True, kw_only=True):
    """From which definition to which, and variables of the plan."""

    source_process_definition_key: Key
    target_process_definition_key: Key
    variables: Document | None = None


class PlanBody(DefinitionsBody, frozen=True, kw_only=True):
    """A plan, and what it is for."""

    mapping_instructions: Instructions


async def migrate_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Migrate an instance; what is wrong with the plan or stands in the way is told by the machine."""
    key = path_key(request)
    body = await gateway.bodies.read(request, MigrationBody)
    instructions = tuple(
        MappingInstruction(
            source_element_id=each.source_element_id,
            target_element_id=each.target_element_id,
            update_event_trigger=each.update_event_trigger,
        )
        for each in body.mapping_instructions
    )
    value = ProcessInstanceMigration(
        process_instance_key=key,
        target_process_definition_key=int(body.target_process_definition_key),
        mapping_instructions=instructions,
        variables=body.variables or "",
    )
    await gateway.change(
        request,
        key,
        "PROCESS_INSTANCE_MIGRATION",
        "MIGRATE",
        value,
        operation_reference=body.operation_reference,
    )
    return no_content()


async def generate_plan(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """A plan that maps equal elements; nothing is written anywhere."""
    body = await gateway.bodies.read(request, DefinitionsBody)
    source, target = await _files(gateway, body)
    instructions = await gateway.migration_plans.generate(source, target)
    given = {"variables": Raw(body.variables.encode())} if body.variables else {}
    return json_response({**_keys(body), "mappingInstructions": [_shown(each) for each in instructions], **given})


async def validate_plan(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """All that is wrong with a plan; nothing is written anywhere."""
    body = await gateway.bodies.read(request, PlanBody)
    source, target = await _files(gateway, body)
    given = [(each.source_element_id, each.target_element_id) for each in body.mapping_instructions]
    renewed = {each.source_element_id for each in body.mapping_instructions if each.update_event_trigger}
    problems = await gateway.migration_plans.validate(source, target, given, renewed)
    failures: dict[Instruction, list[str]] = {}
    for problem in problems:
        failures.setdefault(problem.instruction, []).append(problem.message)
    reports = [{**_shown(instruction), "failures": told} for instruction, told in failures.items()]
    return json_response({**_keys(body), "valid": not reports, "instructionReports": reports})


async def _files(gateway: Gateway, body: DefinitionsBody) -> list[DefinitionFile]:
    """Source and target. Raises Problem 404."""
    files: list[DefinitionFile] = []
    for key in (int(body.source_process_definition_key), int(body.target_process_definition_key)):
        definition = await gateway.get(ENTITY, key)
        resource = await gateway.search.definition_xml(key)
        if resource is None:
            raise not_found("process definition", key)
        files.append(DefinitionFile(process_id=definition["processDefinitionId"], resource=resource))
    return files


def _keys(body: DefinitionsBody) -> dict[str, object]:
    return {
        "sourceProcessDefinitionKey": str(body.source_process_definition_key),
        "targetProcessDefinitionKey": str(body.target_process_definition_key),
    }


def _shown(instruction: Instruction) -> dict[str, object]:
    return {"sourceElementId": instruction[0], "targetElementId": instruction[1]}


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/{{key:str}}/migration",
        summary="Migrate a process instance",
        handle=migrate_process_instance,
        body=MigrationBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PATH}/migration/plan/generation",
        summary="Make a migration plan of equal elements",
        handle=generate_plan,
        body=DefinitionsBody,
    ),
    Route(
        method="POST",
        path=f"{PATH}/migration/plan/validation",
        summary="Check a migration plan",
        handle=validate_plan,
        body=PlanBody,
    ),
)
