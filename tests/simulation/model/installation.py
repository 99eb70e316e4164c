"""Commands about the installation itself: deployments, settings and schemas."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, cast

import msgspec

from engine.bpmn.forms import Form, parse_form
from engine.bpmn.model import ModelRefused, Process
from engine.bpmn.parse import parse
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE
from engine.core.record import Record
from engine.core.settings import MachineSettings
from engine.dmn.model import DecisionRequirements
from engine.dmn.parse import parse as parse_decisions
from engine.records import Deployment, Schema, Settings
from engine.records.deployment import Resource

from . import messages, signals
from .waiting import check_starts, renew_timers
from .world import Definition, Refused, Rule, World

DEPLOYMENT_PARTITION = 1
FILE_ENDINGS = (".bpmn", ".bpmn20.xml", ".xml")

#: (kind, SHA-256 of a file) -> what it holds, None if it is refused: what has been parsed once
_parsed: dict[tuple[str, bytes], object] = {}


def read(resource: Resource) -> tuple[Process, ...] | DecisionRequirements | Form:
    """What a file holds. Raises Refused."""
    name = resource.resource_name
    readers: list[tuple[tuple[str, ...], Callable[[bytes, str], Any]]] = [
        (FILE_ENDINGS, parse),
        ((".dmn",), parse_decisions),
        ((".form",), parse_form),
    ]
    for endings, reader in readers:
        if name.endswith(endings):
            place = (endings[0], sha256(resource.resource).digest())
            if place not in _parsed:
                try:
                    _parsed[place] = reader(resource.resource, name)
                except ModelRefused:
                    _parsed[place] = None
            if _parsed[place] is not None:
                return cast("tuple[Process, ...] | DecisionRequirements | Form", _parsed[place])
    raise Refused(INVALID_ARGUMENT)


class Files:
    """What the files of a deployment hold, each with its file. Raises Refused."""

    def __init__(self, resources: tuple[Resource, ...]) -> None:
        self.processes: list[tuple[Process, Resource]] = []
        self.decisions: list[tuple[DecisionRequirements, Resource]] = []
        self.forms: list[tuple[Form, Resource]] = []
        for resource in resources:
            found = read(resource)
            if isinstance(found, DecisionRequirements):
                self.decisions.append((found, resource))
            elif isinstance(found, Form):
                self.forms.append((found, resource))
            else:
                self.processes += [(graph, resource) for graph in found]

    def names(self) -> list[tuple[str, str]]:
        """The names that must be unique."""
        names = [("process", graph.id) for graph, _ in self.processes]
        names += [("requirements", graph.id) for graph, _ in self.decisions]
        names += [("decision", id_) for graph, _ in self.decisions for id_ in graph.decisions]
        return names + [("form", form.id) for form, _ in self.forms]


def deploy(world: World, command: Record) -> None:
    """The deployment partition counts versions: the same bytes as all latest versions are those; else all are new."""
    resources = cast(Deployment, command.value).resources
    files = Files(resources)
    names = [*files.names(), *(("file", resource.resource_name) for resource in resources)]
    if world.partition != DEPLOYMENT_PARTITION or not resources or len(set(names)) < len(names):
        raise Refused(INVALID_ARGUMENT)
    check_starts(world, [graph for graph, _ in files.processes])
    created = world.step.find("DEPLOYMENT", "CREATED")
    key = created.key if created else world.history.born("DEPLOYMENT")
    world.expect("DEPLOYMENT", "CREATED", key)
    held = [("process", graph.id, resource) for graph, resource in files.processes]
    held += [("requirements", graph.id, resource) for graph, resource in files.decisions]
    held += [("form", form.id, resource) for form, resource in files.forms]
    checksums = {(kind, id_): sha256(resource.resource).digest() for kind, id_, resource in held}
    if any(world.files.get(name) != checksum for name, checksum in checksums.items()):
        for graph, _ in files.decisions:
            define_requirements(world, graph.id, world.requirements.get(graph.id, 0) + 1)
            for id_ in graph.decisions:
                define_decision(world, graph, id_, world.decisions.next_version(id_), key)
        for form, _ in files.forms:
            define_form(world, form, world.forms.next_version(form.id), key)
        for process, _ in files.processes:
            define(world, process, max(world.versions.get(process.id, ()), default=0) + 1, key)
        world.files |= checksums
    for partition in world.others:
        world.expect_sent(partition)
    world.deployments[key] = list(world.others)
    if not world.others:
        world.expect("DEPLOYMENT", "FULLY_DISTRIBUTED", key)


def define_requirements(world: World, id_: str, version: int, key: int | None = None) -> None:
    world.requirements[id_] = version
    born = world.history.born("DECISION_REQUIREMENTS", id_, version)
    told: dict[str, Any] = {"decision_requirements_id": id_, "decision_requirements_version": version}
    world.expect("DECISION_REQUIREMENTS", "CREATED", born if key is None else key, **told)


def define_decision(
    world: World, graph: DecisionRequirements, id_: str, version: int, deployment: int, key: int | None = None
) -> None:
    born = world.history.born("DECISION", id_, version)
    key = born if key is None else key
    world.decisions.add(key, id_, version, graph.decisions[id_].version_tag, deployment, graph)
    world.expect("DECISION", "CREATED", key, decision_id=id_, decision_version=version)


def define_form(world: World, form: Form, version: int, deployment: int, key: int | None = None) -> None:
    born = world.history.born("FORM", form.id, version)
    key = born if key is None else key
    world.forms.add(key, form.id, version, form.version_tag, deployment, form)
    world.expect("FORM", "CREATED", key, form_id=form.id, form_version=version)


def define(world: World, graph: Process, version: int, deployment: int, key: int | None = None) -> None:
    """A new version; its key is the one that the log gives it, or `key`. It is started by what it waits for."""
    born = world.history.born("PROCESS", graph.id, version)
    key = born if key is None else key
    versions = world.versions.setdefault(graph.id, {})
    before = versions[max(versions)] if versions else None
    world.definitions[key] = Definition(graph, version, deployment)
    versions[version] = key
    world.expect("PROCESS", "CREATED", key, bpmn_process_id=graph.id, bpmn_version=version)
    messages.renew_beginnings(world, key, before)
    signals.renew_subscriptions(world, key, before)
    if world.partition == DEPLOYMENT_PARTITION:
        renew_timers(world, key, before)


def distribute(world: World, command: Record) -> None:
    """Another partition holds what the deployment partition decided."""
    value = cast(Deployment, command.value)
    deployment, files = value.deployment_key, Files(value.resources)
    world.expect("DEPLOYMENT", "DISTRIBUTED", deployment)
    around = {id_: graph for graph, _ in files.decisions for id_ in graph.decisions}
    for one in value.decision_requirements:
        if not one.duplicate:
            define_requirements(world, one.decision_requirements_id, one.version, one.decision_requirements_key)
    for told in value.decisions:
        if not told.duplicate:
            id_ = told.decision_id
            define_decision(world, around[id_], id_, told.version, deployment, told.decision_key)
    forms = {form.id: form for form, _ in files.forms}
    for shown in value.forms:
        if not shown.duplicate:
            define_form(world, forms[shown.form_id], shown.version, deployment, shown.form_key)
    graphs = {graph.id: graph for graph, _ in files.processes}
    for process in value.processes:
        if not process.duplicate:
            graph = graphs[process.bpmn_process_id]
            define(world, graph, process.version, deployment, process.process_definition_key)
    world.expect_sent(DEPLOYMENT_PARTITION)


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
