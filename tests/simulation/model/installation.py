"""Commands about the installation itself: deployments, settings and schemas."""

from __future__ import annotations

from hashlib import sha256
from typing import cast

import msgspec

from engine.bpmn.model import ModelRefused, Process
from engine.bpmn.parse import parse
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE
from engine.core.record import Record
from engine.core.settings import MachineSettings
from engine.records import Deployment, Schema, Settings
from engine.records.deployment import DeployedProcess, Resource

from .waiting import check_starts, renew_starts
from .work import Rule
from .world import Refused, World

DEPLOYMENT_PARTITION = 1
FILE_ENDINGS = (".bpmn", ".bpmn20.xml", ".xml")

#: SHA-256 of a file -> its processes, None if it is refused: what has been parsed once
_parsed: dict[bytes, tuple[Process, ...] | None] = {}


def processes_of(resource: Resource) -> tuple[Process, ...]:
    """The processes of a file. Raises Refused."""
    checksum = sha256(resource.resource).digest()
    if checksum not in _parsed:
        try:
            _parsed[checksum] = parse(resource.resource, resource.resource_name)
        except ModelRefused:
            _parsed[checksum] = None
    found = _parsed[checksum]
    if found is None or not resource.resource_name.endswith(FILE_ENDINGS):
        raise Refused(INVALID_ARGUMENT)
    return found


def deploy(world: World, command: Record) -> None:
    """The deployment partition counts versions: the same bytes as all latest versions are those; else all are new."""
    resources = cast(Deployment, command.value).resources
    names = [resource.resource_name for resource in resources]
    graphs = [(graph, resource) for resource in resources for graph in processes_of(resource)]
    ids = [graph.id for graph, _ in graphs]
    twice = len(set(names)) < len(names) or len(set(ids)) < len(ids)
    if world.partition != DEPLOYMENT_PARTITION or not resources or twice:
        raise Refused(INVALID_ARGUMENT)
    check_starts(world, [graph for graph, _ in graphs])
    created = world.step.find("DEPLOYMENT", "CREATED")
    key = created.key if created else world.history.born("DEPLOYMENT")
    world.expect("DEPLOYMENT", "CREATED", key)
    if any(is_new(world, graph, resource) for graph, resource in graphs):
        for graph, resource in graphs:
            checksum = sha256(resource.resource).digest()
            define(world, graph, len(world.versions.get(graph.id, ())) + 1, checksum)
            renew_starts(world, graph.id)
    for partition in world.others:
        world.expect_sent(partition)
    world.deployments[key] = list(world.others)
    if not world.others:
        world.expect("DEPLOYMENT", "FULLY_DISTRIBUTED", key)


def is_new(world: World, graph: Process, resource: Resource) -> bool:
    versions = world.versions.get(graph.id)
    return not versions or world.definitions[versions[-1]][2] != sha256(resource.resource).digest()


def define(world: World, graph: Process, version: int, checksum: bytes, key: int | None = None) -> None:
    """A new version; its key is the one that the log gives it, or `key`."""
    born = world.history.born("PROCESS", graph.id, version)
    key = born if key is None else key
    world.definitions[key] = (graph, version, checksum)
    world.versions.setdefault(graph.id, []).append(key)
    world.expect("PROCESS", "CREATED", key, bpmn_process_id=graph.id, bpmn_version=version)


def distribute(world: World, command: Record) -> None:
    """Another partition holds what the deployment partition decided."""
    value = cast(Deployment, command.value)
    world.expect("DEPLOYMENT", "DISTRIBUTED", value.deployment_key)
    files = {resource.resource_name: resource for resource in value.resources}
    for process in value.processes:
        if not process.duplicate:
            define(world, graph_of(process, files), process.version, process.checksum, process.process_definition_key)
    world.expect_sent(DEPLOYMENT_PARTITION)


def graph_of(process: DeployedProcess, files: dict[str, Resource]) -> Process:
    return next(g for g in processes_of(files[process.resource_name]) if g.id == process.bpmn_process_id)


def acknowledge(world: World, command: Record) -> None:
    """The last partition that holds a deployment answers the client."""
    value = cast(Deployment, command.value)
    missing = world.deployments.get(value.deployment_key, [])
    if value.acknowledging_partition not in missing:
        raise Refused(INVALID_STATE)
    missing.remove(value.acknowledging_partition)
    world.expect("DEPLOYMENT", "ACKNOWLEDGED", value.deployment_key)
    if not missing:
        world.expect("DEPLOYMENT", "FULLY_DISTRIBUTED", value.deployment_key)


def update_settings(world: World, command: Record) -> None:
    try:
        wanted = msgspec.json.decode(cast(Settings, command.value).settings, type=MachineSettings)
    except msgspec.MsgspecError:
        raise Refused(INVALID_ARGUMENT) from None
    if wanted == world.settings and world.has_settings:
        raise Refused(INVALID_STATE)
    world.settings, world.has_settings = wanted, True
    world.expect("SETTINGS", "UPDATED")


def register_schema(world: World, command: Record) -> None:
    fingerprint = cast(Schema, command.value).fingerprint
    if fingerprint in world.schemas:
        raise Refused(INVALID_STATE)
    world.schemas.add(fingerprint)
    world.expect("SCHEMA", "REGISTERED", fingerprint=fingerprint)


RULES: dict[tuple[str, str], Rule] = {
    ("DEPLOYMENT", "CREATE"): deploy,
    ("DEPLOYMENT", "DISTRIBUTE"): distribute,
    ("DEPLOYMENT", "ACKNOWLEDGE"): acknowledge,
    ("SETTINGS", "UPDATE"): update_settings,
    ("SCHEMA", "REGISTER"): register_schema,
}
