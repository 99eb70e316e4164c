"""DMN files of a deployment: versions of decision requirements and of their decisions, and what holds them.

The deployment itself is in `deployments`: this module decides what becomes of its DMN files.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.dmn.model import DecisionRequirements as Graph
from engine.records import Decision, DecisionRequirements
from engine.records.deployment import DeployedDecision, DeployedDecisionRequirements

from .decision_tables import (
    DECISION_TAGS,
    DECISIONS,
    DEPLOYED_DECISIONS,
    LATEST_DECISIONS,
    LATEST_REQUIREMENTS,
    REQUIREMENTS,
    REQUIREMENTS_DECISIONS,
    REQUIREMENTS_RESOURCES,
    DecisionRow,
    RequirementsRow,
)
from .decisions import requirements_of


class DecisionFile(Struct, frozen=True, kw_only=True):
    """A DMN file of a deployment, read."""

    resource_name: str
    checksum: bytes
    graph: Graph


def is_latest(view: View, file: DecisionFile) -> bool:
    """Whether the same bytes are the latest version already."""
    key = view.get(LATEST_REQUIREMENTS, file.graph.id)
    present = view.get(REQUIREMENTS, key) if key is not None else None
    return present is not None and present.checksum == file.checksum


def decide(
    view: View, file: DecisionFile, *, renew: bool
) -> tuple[DeployedDecisionRequirements, list[DeployedDecision]]:
    """The file's version and those of its decisions: new ones, or the latest again."""
    latest = view.get(LATEST_REQUIREMENTS, file.graph.id)
    present = view.get(REQUIREMENTS, latest) if latest is not None else None
    version = present.version if present is not None else 0
    key = view.next_key() if renew or latest is None else latest
    requirements = DeployedDecisionRequirements(
        decision_requirements_id=file.graph.id,
        decision_requirements_name=file.graph.name,
        version=version + 1 if renew else version,
        decision_requirements_key=key,
        resource_name=file.resource_name,
        checksum=file.checksum,
        duplicate=not renew,
    )
    decisions = [_decide_decision(view, file.graph, id_, key, renew=renew) for id_ in file.graph.decisions]
    return requirements, decisions


def _decide_decision(view: View, graph: Graph, id_: str, requirements_key: int, *, renew: bool) -> DeployedDecision:
    decision = graph.decisions[id_]
    latest = view.get(LATEST_DECISIONS, id_)
    key = latest if renew else view.get(REQUIREMENTS_DECISIONS, requirements_key, id_)
    present = view.get(DECISIONS, key) if key is not None else None
    version = present.version if present is not None else 0
    return DeployedDecision(
        decision_id=id_,
        decision_name=decision.name,
        version=version + 1 if renew else version,
        version_tag=decision.version_tag,
        decision_key=view.next_key() if renew or key is None else key,
        decision_requirements_id=graph.id,
        decision_requirements_key=requirements_key,
        duplicate=not renew,
    )


def define(
    deployment_key: int,
    requirements: tuple[DeployedDecisionRequirements, ...],
    decisions: tuple[DeployedDecision, ...],
    files: dict[str, bytes],
) -> Effects:
    """The definitions of what is new, from the files by their names."""
    for one in requirements:
        if one.duplicate:
            continue
        resource = files[one.resource_name]
        graph = requirements_of(one.checksum, resource, one.resource_name)
        value = DecisionRequirements(
            decision_requirements_id=one.decision_requirements_id,
            decision_requirements_name=one.decision_requirements_name,
            decision_requirements_version=one.version,
            namespace=graph.namespace,
            resource_name=one.resource_name,
            checksum=one.checksum,
            resource=resource,
            deployment_key=deployment_key,
            tenant_id=DEFAULT_TENANT,
        )
        key = one.decision_requirements_key
        yield Event(value_type="DECISION_REQUIREMENTS", intent="CREATED", key=key, value=value)
    around = {one.decision_requirements_key: one for one in requirements}
    for decision in decisions:
        if not decision.duplicate:
            yield _defined(deployment_key, decision, around[decision.decision_requirements_key])


def _defined(deployment_key: int, decision: DeployedDecision, around: DeployedDecisionRequirements) -> Event:
    value = Decision(
        decision_id=decision.decision_id,
        decision_name=decision.decision_name,
        decision_version=decision.version,
        version_tag=decision.version_tag,
        decision_requirements_id=decision.decision_requirements_id,
        decision_requirements_key=decision.decision_requirements_key,
        decision_requirements_name=around.decision_requirements_name,
        decision_requirements_version=around.version,
        deployment_key=deployment_key,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type="DECISION", intent="CREATED", key=decision.decision_key, value=value)


# appliers


def _apply_requirements(fact: Fact, state: State) -> None:
    value = cast(DecisionRequirements, fact.value)
    row = RequirementsRow(
        decision_requirements_id=value.decision_requirements_id,
        name=value.decision_requirements_name,
        version=value.decision_requirements_version,
        checksum=value.checksum,
        deployment_key=value.deployment_key,
    )
    state.put(REQUIREMENTS, fact.key, value=row)
    state.put(REQUIREMENTS_RESOURCES, fact.key, value=value.resource)
    state.put(LATEST_REQUIREMENTS, value.decision_requirements_id, value=fact.key)


def _apply_decision(fact: Fact, state: State) -> None:
    value = cast(Decision, fact.value)
    row = DecisionRow(
        decision_id=value.decision_id,
        name=value.decision_name,
        version=value.decision_version,
        version_tag=value.version_tag,
        requirements_id=value.decision_requirements_id,
        requirements_key=value.decision_requirements_key,
        deployment_key=value.deployment_key,
    )
    state.put(DECISIONS, fact.key, value=row)
    state.put(LATEST_DECISIONS, value.decision_id, value=fact.key)
    state.put(REQUIREMENTS_DECISIONS, value.decision_requirements_key, value.decision_id, value=fact.key)
    state.put(DEPLOYED_DECISIONS, value.decision_id, value.deployment_key, value=fact.key)
    if value.version_tag:
        state.put(DECISION_TAGS, value.decision_id, value.version_tag, value=fact.key)


PART = Part(
    appliers={
        ("DECISION_REQUIREMENTS", "CREATED"): _apply_requirements,
        ("DECISION", "CREATED"): _apply_decision,
    },
    tables=table_values(
        REQUIREMENTS,
        REQUIREMENTS_RESOURCES,
        LATEST_REQUIREMENTS,
        REQUIREMENTS_DECISIONS,
        DECISIONS,
        LATEST_DECISIONS,
        DECISION_TAGS,
        DEPLOYED_DECISIONS,
    ),
)
