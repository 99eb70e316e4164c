"""The `deployment` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "DEPLOYMENT"


class Resource(Struct, frozen=True, kw_only=True):
    """A deployed file."""

    resource_name: str = ""
    resource: bytes = b""


class DeployedProcess(Struct, frozen=True, kw_only=True):
    """One process of a deployment."""

    bpmn_process_id: str = ""
    version: int = 0
    version_tag: str = ""
    process_definition_key: int = -1
    name: str = ""
    resource_name: str = ""
    checksum: bytes = b""
    duplicate: bool = False


class DeployedDecisionRequirements(Struct, frozen=True, kw_only=True):
    """One DMN file of a deployment."""

    decision_requirements_id: str = ""
    decision_requirements_name: str = ""
    version: int = 0
    decision_requirements_key: int = -1
    resource_name: str = ""
    checksum: bytes = b""
    duplicate: bool = False


class DeployedDecision(Struct, frozen=True, kw_only=True):
    """One decision of a deployment."""

    decision_id: str = ""
    decision_name: str = ""
    version: int = 0
    version_tag: str = ""
    decision_key: int = -1
    decision_requirements_id: str = ""
    decision_requirements_key: int = -1
    duplicate: bool = False


class DeployedForm(Struct, frozen=True, kw_only=True):
    """A form of a deployment."""

    form_id: str = ""
    version: int = 0
    version_tag: str = ""
    form_key: int = -1
    resource_name: str = ""
    checksum: bytes = b""
    duplicate: bool = False


class Deployment(Struct, frozen=True, kw_only=True):
    """Resources deployed together. CREATE at the deployment partition gives CREATED; each other partition gets
    DISTRIBUTE, records DISTRIBUTED and answers ACKNOWLEDGE; FULLY_DISTRIBUTED answers the client."""

    deployment_key: int = -1
    resources: tuple[Resource, ...] = ()
    processes: tuple[DeployedProcess, ...] = ()
    decision_requirements: tuple[DeployedDecisionRequirements, ...] = ()
    decisions: tuple[DeployedDecision, ...] = ()
    forms: tuple[DeployedForm, ...] = ()
    partition_ids: tuple[int, ...] = ()
    acknowledging_partition: int = 0
    tenant_id: str = ""
