"""Secondary storage in OpenSearch: exporters of several processes write it, gateways and initializers read it."""

from __future__ import annotations

import secrets

from engine.core.ports import Clock
from exporters.pump import PumpLimits

from .client import OpensearchClient, OpensearchConnection
from .exporter import OpensearchExporter
from .indices import Shape, begin_again
from .opensearch_node import OpensearchNode

__all__ = ["PUMP_LIMITS", "OpensearchConnection", "OpensearchExporter", "begin_reindex", "open_exporter"]

#: More at once than for a file: what an export costs beside its documents (a refresh, a position) is shared by more.
PUMP_LIMITS = PumpLimits(records_max=10_000, read_size_max=4 << 20)


def open_exporter(
    connection: OpensearchConnection, clock: Clock, *, export_items_on_creation: bool = True
) -> OpensearchExporter:
    """An exporter with a node and a name of its own."""
    return OpensearchExporter(
        OpensearchNode(OpensearchClient(connection)),
        _shape(connection),
        clock,
        name=secrets.token_hex(8),
        export_items_on_creation=export_items_on_creation,
        pause_seconds_max=connection.refresh_seconds,
    )


async def begin_reindex(connection: OpensearchConnection) -> tuple[str, ...]:
    """Make new indices that exporters fill from the log while the old ones serve; gives their names."""
    node = OpensearchNode(OpensearchClient(connection))
    try:
        return (await begin_again(node, _shape(connection))).names
    finally:
        await node.close()


def _shape(connection: OpensearchConnection) -> Shape:
    return Shape(prefix=connection.index_prefix, shards=connection.shards, replicas=connection.replicas)
