"""The `decision_requirements` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "DECISION_REQUIREMENTS"


class DecisionRequirements(Struct, frozen=True, kw_only=True):
    """A deployed DMN file on this partition. CREATED."""

    decision_requirements_id: str = ""
    decision_requirements_name: str = ""
    decision_requirements_version: int = 0
    namespace: str = ""
    resource_name: str = ""
    checksum: bytes = b""
    resource: bytes = b""
    deployment_key: int = -1
    tenant_id: str = ""
