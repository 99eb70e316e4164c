"""The tables of decisions and their rows. Every partition holds all of them, under the same keys."""

from __future__ import annotations

from msgspec import Struct

from engine.core.state import Table


class RequirementsRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A deployed DMN file; its bytes are in REQUIREMENTS_RESOURCES."""

    decision_requirements_id: str
    name: str
    version: int
    checksum: bytes
    deployment_key: int


class DecisionRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A decision definition."""

    decision_id: str
    name: str
    version: int
    version_tag: str
    requirements_id: str
    requirements_key: int
    deployment_key: int


#: (decision requirements key,)
REQUIREMENTS = Table(80, "REQUIREMENTS", RequirementsRow)
#: (decision requirements key,) -> the file
REQUIREMENTS_RESOURCES = Table(81, "REQUIREMENTS_RESOURCES", bytes)
#: (decision requirements id,) -> key of its latest version
LATEST_REQUIREMENTS = Table(82, "LATEST_REQUIREMENTS", int)
#: (decision requirements key, decision id) -> decision key
REQUIREMENTS_DECISIONS = Table(83, "REQUIREMENTS_DECISIONS", int)
#: (decision key,)
DECISIONS = Table(84, "DECISIONS", DecisionRow)
#: (decision id,) -> key of its latest version
LATEST_DECISIONS = Table(85, "LATEST_DECISIONS", int)
#: (decision id, version tag) -> key of the latest version with it
DECISION_TAGS = Table(86, "DECISION_TAGS", int)
#: (decision id, deployment key) -> key of the version that came with it
DEPLOYED_DECISIONS = Table(87, "DEPLOYED_DECISIONS", int)
