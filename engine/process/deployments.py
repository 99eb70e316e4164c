"""Deployments: files become processes, decisions and forms, on every partition before the client's answer.

The deployment partition decides (versions, keys); the others take over what it decided (DISTRIBUTE) and say so.
Limit: a partition that refuses to (only a failure of the engine itself makes it) answers the client with its reason,
and nothing is taken back: the others keep their definitions, the row in PENDING_DEPLOYMENTS stays and names who lacks
them, the same file again counts as deployed everywhere, and a changed file, which is a new version, goes to all.
What is deployed together is versioned together, as in Zeebe: one new file makes new versions of all.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import cast

from msgspec import Struct, structs

from engine.bpmn.forms import parse_form
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

from . import decision_deployments, form_deployments, signals
from .decision_deployments import DecisionFile
from .decisions import requirements_of
from .definitions import find_before, processes_of
from .form_deployments import FormFile
from .message_starts import renew_subscriptions
from .tables import (
    DEFINITION_DEPLOYMENTS,
    DEFINITION_RESOURCES,
    DEFINITION_TAGS,
    DEFINITION_VERSIONS,
    DEFINITIONS,
    LATEST_VERSIONS,
    PENDING_DEPLOYMENTS,
    Definition,
    PendingDeployment,
)
from .timer_starts import problems_of, renew_timers

BPMN_EXTENSIONS = (".bpmn", ".bpmn20.xml", ".xml")
DMN_EXTENSION = ".dmn"
FORM_EXTENSION = ".form"
EXTENSIONS = (*BPMN_EXTENSIONS, DMN_EXTENSION, FORM_EXTENSION)

#: Deployments are decided here, so that versions are counted in one place.
DEPLOYMENT_PARTITION = 1


def create(command: Record, view: View) -> Effects:
    """DEPLOYMENT CREATE. Every problem of every file is in one rejection."""
    if view.partition != DEPLOYMENT_PARTITION:
        raise Reject(
            INVALID_ARGUMENT, f"expected a deployment on partition {DEPLOYMENT_PARTITION}, got {view.partition}"
        )
    resources = cast(Deployment, command.value).resources
    found = _parse(resources, view)
    deployment_key = view.next_key()
    outcome = _decide(view, deployment_key, found)
    others = tuple(partition for partition in range(1, view.partition_count + 1) if partition != view.partition)
    created = structs.replace(outcome, partition_ids=others)
    yield Event(value_type="DEPLOYMENT", intent="CREATED", key=deployment_key, value=created)
    yield from _define(view, outcome, resources)
    if not others:
        yield _finished(outcome, command.step.request)
        return
    needed = {process.resource_name for process in outcome.processes if not process.duplicate}
    needed |= {file.resource_name for file in outcome.decision_requirements if not file.duplicate}
    needed |= {form.resource_name for form in outcome.forms if not form.duplicate}
    sent = structs.replace(outcome, resources=tuple(r for r in resources if r.resource_name in needed))
    # A partition that refuses it answers the client itself.
    step = Step(request=command.step.request)
    distribute = make_command("DEPLOYMENT", "DISTRIBUTE", sent, key=deployment_key, step=step)
    for partition in others:
        yield Send(partition=partition, command=distribute)


class ProcessFile(Struct, frozen=True, kw_only=True):
    """A process of a deployment, read, with the SHA-256 of its file."""

    resource_name: str
    checksum: bytes
    graph: Graph


class Found(Struct, frozen=True, kw_only=True):
    """What the files of a deployment hold."""

    processes: list[ProcessFile] = []
    decisions: list[DecisionFile] = []
    forms: list[FormFile] = []


def _parse(resources: tuple[Resource, ...], view: View) -> Found:
    """Every problem of every file is in one Reject."""
    problems: list[str] = []
    found = Found()
    if not resources:
        problems.append("expected at least one resource, got none")
    for resource in resources:
        try:
            _read(resource, found)
        except ModelRefused as refused:
            problems.append(str(refused))
    problems += _repeated("resource names", [resource.resource_name for resource in resources])
    problems += _repeated("process ids", [file.graph.id for file in found.processes])
    problems += _repeated("decision requirements ids", [file.graph.id for file in found.decisions])
    problems += _repeated("decision ids", [id_ for file in found.decisions for id_ in file.graph.decisions])
    problems += _repeated("form ids", [file.form.id for file in found.forms])
    unknown = [resource.resource_name for resource in resources if not resource.resource_name.endswith(EXTENSIONS)]
    problems += [
        f"expected '{name}' to be BPMN, DMN or a form (.bpmn, .dmn, .form), got another kind; leave it out"
        for name in unknown
    ]
    problems += [problem for file in found.processes for problem in problems_of(view, file.graph)]
    if problems:
        raise Reject(INVALID_ARGUMENT, "\n".join(problems))
    return found


def _read(resource: Resource, found: Found) -> None:
    """Add what a file holds. Raises ModelRefused."""
    name, content = resource.resource_name, resource.resource
    checksum = sha256(content).digest()
    if name.endswith(DMN_EXTENSION):
        graph = requirements_of(checksum, content, name)
        found.decisions.append(DecisionFile(resource_name=name, checksum=checksum, graph=graph))
    elif name.endswith(FORM_EXTENSION):
        found.forms.append(FormFile(resource_name=name, checksum=checksum, form=parse_form(content, name)))
    elif name.endswith(BPMN_EXTENSIONS):
        graphs = processes_of(checksum, content, name)
        found.processes.extend(ProcessFile(resource_name=name, checksum=checksum, graph=graph) for graph in graphs)


def _repeated(what: str, names: list[str]) -> list[str]:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    return [f"expected {what} to be unique, got '{name}' twice" for name in repeated]


def _decide(view: View, deployment_key: int, found: Found) -> Deployment:
    """The versions of everything: all new, unless the same bytes are the latest version of each already."""
    duplicates = [_is_latest(view, file) for file in found.processes]
    duplicates += [decision_deployments.is_latest(view, file) for file in found.decisions]
    duplicates += [form_deployments.is_latest(view, file) for file in found.forms]
    renew = not all(duplicates)
    processes = tuple(_decide_version(view, file, renew=renew) for file in found.processes)
    decided = [decision_deployments.decide(view, file, renew=renew) for file in found.decisions]
    forms = tuple(form_deployments.decide(view, file, renew=renew) for file in found.forms)
    return Deployment(
        deployment_key=deployment_key,
        processes=processes,
        decision_requirements=tuple(requirements for requirements, _ in decided),
        decisions=tuple(decision for _, decisions in decided for decision in decisions),
        forms=forms,
        tenant_id=DEFAULT_TENANT,
    )


def _latest(view: View, bpmn_process_id: str) -> tuple[int, int | None, Definition | None]:
    """Version, key and row of the latest version; 0 and None if there is none."""
    version = view.get(LATEST_VERSIONS, bpmn_process_id) or 0
    key = view.get(DEFINITION_VERSIONS, bpmn_process_id, version) if version else None
    return version, key, view.get(DEFINITIONS, key) if key is not None else None


def _is_latest(view: View, file: ProcessFile) -> bool:
    _, _, present = _latest(view, file.graph.id)
    return present is not None and present.checksum == file.checksum


def _decide_version(view: View, file: ProcessFile, *, renew: bool) -> DeployedProcess:
    latest, key, _ = _latest(view, file.graph.id)
    return DeployedProcess(
        bpmn_process_id=file.graph.id,
        version=latest + 1 if renew else latest,
        version_tag=file.graph.version_tag,
        process_definition_key=view.next_key() if renew or key is None else key,
        name=file.graph.name,
        resource_name=file.resource_name,
        checksum=file.checksum,
        duplicate=not renew,
    )


def _define(view: View, outcome: Deployment, resources: tuple[Resource, ...]) -> Effects:
    """The definitions of what is new. Processes come last: they name the others."""
    files = {resource.resource_name: resource.resource for resource in resources}
    key = outcome.deployment_key
    yield from decision_deployments.define(key, outcome.decision_requirements, outcome.decisions, files)
    yield from form_deployments.define(key, outcome.forms, files)
    for process in outcome.processes:
        if not process.duplicate:
            file = files[process.resource_name]
            graphs = processes_of(process.checksum, file, process.resource_name)
            graph = next(graph for graph in graphs if graph.id == process.bpmn_process_id)
            yield _defined(key, process, file, graph)
            before = find_before(view, graph.id, process.version)
            yield from renew_subscriptions(view, process.process_definition_key, graph, before)
            yield from signals.renew_subscriptions(view, process.process_definition_key, graph, before)
            if view.partition == DEPLOYMENT_PARTITION:
                yield from renew_timers(view, process.process_definition_key, graph, before)


def _defined(deployment_key: int, process: DeployedProcess, file: bytes, graph: Graph) -> Event:
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
        start_form_id=graph.start_form_id,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type="PROCESS", intent="CREATED", key=process.process_definition_key, value=value)


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
    yield from _define(view, value, value.resources)
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
    state.put(DEFINITION_DEPLOYMENTS, value.bpmn_process_id, value.deployment_key, value=fact.key)


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
        DEFINITION_DEPLOYMENTS,
        LATEST_VERSIONS,
        PENDING_DEPLOYMENTS,
    ),
)
