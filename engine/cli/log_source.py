"""Which log and which secondary storage an audit reads, by the settings of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Settings
    from replay.projection import Projection
    from replay.sources import LogSource


def source_of(settings: Settings) -> LogSource:
    """Apache Kafka when there are bootstrap servers, else the embedded log of the data directory."""
    from engine.schema_ids import schema_ids

    ids = schema_ids(settings)
    if settings.kafka.bootstrap_servers:
        from replay.kafka import KafkaSource

        return KafkaSource(settings.kafka.connection(), ids)
    from replay.sources import EmbeddedSource

    return EmbeddedSource(settings.data, ids)


def projection_of(settings: Settings) -> Projection:
    """OpenSearch when there is a URL, else the `search.db` of the data directory."""
    if settings.opensearch.url:
        from replay.documents import OpensearchProjection

        items = settings.exporter.batch_operation.export_items_on_creation
        return OpensearchProjection(settings.opensearch.connection(), items)
    from replay.projection import SqliteProjection

    return SqliteProjection(settings.data)
