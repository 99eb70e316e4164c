"""Deployments: files become process definitions, on every partition before the client has its answer.

The deployment partition decides (versions, keys); the others take over what it decided (DISTRIBUTE) and say so.
Limit: a partition that refuses to (only a failure of the engine itself makes it) answers the client with its reason,
and nothing is taken back: the others keep their definitions, the row in PENDING_DEPLOYMENTS stays and names who lacks
them, the same file again counts as deployed everywhere, and a changed file, which is a new version, goes to all.
"""

from __future__ import annotations

from hashlib import sha256
from typing import cast

from msgspec import structs

from engine.bpmn.model import ModelRefused
from engine.bpmn.model import Process as Graph
from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT, Record, Step
from engine.core.record import command as make_command
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import Deployment, Process
from engine.records.deployment import DeployedProcess, Resource
from engine.records.process import ProcessElement

from .definitions import processes_of
from .tables import (
    DEFINITION_RESOURCES,
    DEFINITION_TAGS,
    DEFINITION_VERSIONS,
    DEFINITIONS,
    LATEST_VERSIONS,
    PENDING_DEPLOYMENTS,
    Definition,
    PendingDeployment,
)

#: Deployments are decided here, so that versions are counted in one place.
DEPLOYMENT_PARTITION = 1


def create(command: Record, view: View) -> Effects:
    """DEPLOYMENT CREATE. Every problem of every file is in one rejection."""
    if view.partition != DEPLOYMENT_PARTITION:
        raise Reject(
            INVALID_ARGUMENT, f"expected a deployment on partition {DEPLOYMENT_PARTITION}, got {view.partition}"
        )
    resources = cast(Deployment, command.value).resources
    found = _parse(resources)
    deployment_key = view.next_key()
    deployed = [_decide_version(view, graph, resource.resource_name, checksum) for resource, checksum, graph in found]
    others = tuple(partition for partition in range(1, view.partition_count + 1) if partition != view.partition)
    outcome = Deployment(deployment_key=deployment_key, processes=tuple(deployed), tenant_id=DEFAULT_TENANT)
    created = structs.replace(outcome, partition_ids=others)
    yield Event(value_type="DEPLOYMENT", intent="CREATED", key=deployment_key, value=created)
    yield from _define(deployment_key, deployed, resources)
    if not others:
        yield _finished(outcome, command.step.request)
        return
    needed = {process.resource_name for process in deployed if not process.duplicate}
    sent = structs.replace(outcome, resources=tuple(r for r in resources if r.resource_name in needed))
    # A partition that refuses it answers the client itself.
    step = Step(request=command.step.request)
    distribute = make_command("DEPLOYMENT", "DISTRIBUTE", sent, key=deployment_key, step=step)
    for partition in others:
        yield Send(partition=partition, command=distribute)


def _parse(resources: tuple[Resource, ...]) -> list[tuple[Resource, bytes, Graph]]:
    """The processes of all files, each with its file and the file's SHA-256."""
    problems: list[str] = []
    found: list[tuple[Resource, bytes, Graph]] = []
    if not resources:
        problems.append("expected at least one resource, got none")
    for resource in resources:
        checksum = sha256(resource.resource).digest()
        if not resource.resource_name.endswith((".bpmn", ".bpmn20.xml", ".xml")):
            problems.append(
                f"expected '{resource.resource_name}' to be a BPMN file (.bpmn), got another kind; leave it out"
            )
            continue
        try:
            graphs = processes_of(checksum, resource.resource, resource.resource_name)
        except ModelRefused as refused:
            problems.append(str(refused))
            continue
        found += [(resource, checksum, graph) for graph in graphs]
    names = [resource.resource_name for resource in resources]
    problems += [
        f"expected resource names to be unique, got '{n}' twice" for n in sorted(set(names)) if names.count(n) > 1
    ]
    ids = [graph.id for _, _, graph in found]
    problems += [f"expected process ids to be unique, got '{i}' twice" for i in sorted(set(ids)) if ids.count(i) > 1]
    if problems:
        raise Reject(INVALID_ARGUMENT, "\n".join(problems))
    return found


def _decide_version(view: View, graph: Graph, resource_name: str, checksum: bytes) -> DeployedProcess:
    """The same bytes as the latest version are that version; anything else is a new one."""
    latest = view.get(LATEST_VERSIONS, graph.id) or 0
    key = view.get(DEFINITION_VERSIONS, graph.id, latest) if latest else None
    present = view.get(DEFINITIONS, key) if key is not None else None
    duplicate = present is not None and present.checksum == checksum
    return DeployedProcess(
        bpmn_process_id=graph.id,
        version=latest if duplicate else latest + 1,
        version_tag=graph.version_tag,
        process_definition_key=key if duplicate and key is not None else view.next_key(),
        name=graph.name,
        resource_name=resource_name,
        checksum=checksum,
        duplicate=duplicate,
    )


def _define(deployment_key: int, deployed: list[DeployedProcess], resources: tuple[Resource, ...]) -> Effects:
    files = {resource.resource_name: resource.resource for resource in resources}
    for process in deployed:
        if process.duplicate:
            continue
        file = files[process.resource_name]
        graphs = processes_of(process.checksum, file, process.resource_name)
        graph = next(graph for graph in graphs if graph.id == process.bpmn_process_id)
        value = Process(
            bpmn_process_id=process.bpmn_process_id,
            bpmn_version=process.version,
            version_tag=process.version_tag,
            name=process.name,
            resource_name=process.resource_name,
            checksum=process.checksum,
            resource=file,
            deployment_key=deployment_key,
            elements=tuple(
                ProcessElement(element_id=e.id, name=e.name, element_type=e.type) for e in graph.elements.values()
            ),
            tenant_id=DEFAULT_TENANT,
        )
        yield Event(value_type="PROCESS", intent="CREATED", key=process.process_definition_key, value=value)


def _finished(outcome: Deployment, request: str) -> Event:
    return Event(
        value_type="DEPLOYMENT",
        intent="FULLY_DISTRIBUTED",
        key=outcome.deployment_key,
        value=outcome,
        answers=True,
        request=request,
    )


def distribute(command: Record, view: View) -> Effects:
    """DEPLOYMENT DISTRIBUTE, from the deployment partition: hold what it decided, and acknowledge."""
    value = cast(Deployment, command.value)
    held = structs.replace(value, resources=())
    yield Event(value_type="DEPLOYMENT", intent="DISTRIBUTED", key=value.deployment_key, value=held)
    yield from _define(value.deployment_key, list(value.processes), value.resources)
    answer = structs.replace(held, acknowledging_partition=view.partition)
    acknowledgement = make_command("DEPLOYMENT", "ACKNOWLEDGE", answer, key=value.deployment_key)
    yield Send(partition=DEPLOYMENT_PARTITION, command=acknowledgement)


def acknowledge(command: Record, view: View) -> Effects:
    """DEPLOYMENT ACKNOWLEDGE: the last one answers the client."""
    value = cast(Deployment, command.value)
    pending = view.get(PENDING_DEPLOYMENTS, value.deployment_key)
    if pending is None or value.acknowledging_partition not in pending.missing:
        raise Reject(INVALID_STATE, f"expected a deployment that partition {value.acknowledging_partition} lacks")
    yield Event(value_type="DEPLOYMENT", intent="ACKNOWLEDGED", key=value.deployment_key, value=value)
    if len(pending.missing) == 1:
        yield _finished(structs.replace(value, acknowledging_partition=0), pending.request)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    missing = cast(Deployment, fact.value).partition_ids
    if missing:
        state.put(PENDING_DEPLOYMENTS, fact.key, value=PendingDeployment(request=fact.step.request, missing=missing))


def _apply_acknowledged(fact: Fact, state: State) -> None:
    partition = cast(Deployment, fact.value).acknowledging_partition
    pending = state.require(PENDING_DEPLOYMENTS, fact.key)
    missing = tuple(other for other in pending.missing if other != partition)
    state.put(PENDING_DEPLOYMENTS, fact.key, value=structs.replace(pending, missing=missing))


def _apply_fully_distributed(fact: Fact, state: State) -> None:
    if state.get(PENDING_DEPLOYMENTS, fact.key) is not None:
        state.delete(PENDING_DEPLOYMENTS, fact.key)


def _apply_process(fact: Fact, state: State) -> None:
    value = cast(Process, fact.value)
    definition = Definition(
        bpmn_process_id=value.bpmn_process_id,
        bpmn_version=value.bpmn_version,
        version_tag=value.version_tag,
        checksum=value.checksum,
        deployment_key=value.deployment_key,
    )
    state.put(DEFINITIONS, fact.key, value=definition)
    state.put(DEFINITION_RESOURCES, fact.key, value=value.resource)
    state.put(DEFINITION_VERSIONS, value.bpmn_process_id, value.bpmn_version, value=fact.key)
    if value.bpmn_version > (state.get(LATEST_VERSIONS, value.bpmn_process_id) or 0):
        state.put(LATEST_VERSIONS, value.bpmn_process_id, value=value.bpmn_version)
    if value.version_tag:
        state.put(DEFINITION_TAGS, value.bpmn_process_id, value.version_tag, value=fact.key)


PART = Part(
    processors={
        ("DEPLOYMENT", "CREATE"): create,
        ("DEPLOYMENT", "DISTRIBUTE"): distribute,
        ("DEPLOYMENT", "ACKNOWLEDGE"): acknowledge,
    },
    appliers={
        ("DEPLOYMENT", "CREATED"): _apply_created,
        ("DEPLOYMENT", "DISTRIBUTED"): apply_nothing,
        ("DEPLOYMENT", "ACKNOWLEDGED"): _apply_acknowledged,
        ("DEPLOYMENT", "FULLY_DISTRIBUTED"): _apply_fully_distributed,
        ("PROCESS", "CREATED"): _apply_process,
    },
    tables=table_values(
        DEFINITIONS,
        DEFINITION_RESOURCES,
        DEFINITION_VERSIONS,
        DEFINITION_TAGS,
        LATEST_VERSIONS,
        PENDING_DEPLOYMENTS,
    ),
)
