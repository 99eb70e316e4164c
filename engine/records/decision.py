"""The `decision` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "DECISION"


class Decision(Struct, frozen=True, kw_only=True):
    """A decision definition on this partition. CREATED."""

    decision_id: str = ""
    decision_name: str = ""
    decision_version: int = 0
    version_tag: str = ""
    decision_requirements_id: str = ""
    decision_requirements_key: int = -1
    decision_requirements_name: str = ""
    decision_requirements_version: int = 0
    deployment_key: int = -1
    tenant_id: str = ""
