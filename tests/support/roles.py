"""The processes of an installation with the embedded log."""

from __future__ import annotations

from engine.roles.protocol import EXPORTER, GATEWAY, LOG, role_of_partition


def roles(partitions: int) -> list[str]:
    """All but the supervisor."""
    return [LOG, EXPORTER, *map(role_of_partition, range(1, partitions + 1)), GATEWAY]
