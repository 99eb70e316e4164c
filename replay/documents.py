"""OpenSearch next to the log: every document again, then compared with the one that is searchable.

Rule: the exporter itself makes the documents, up to the positions that are stored. Reads indices by their aliases, in
pages; writes nothing there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from engine.core.faults import RetoldError
from engine.shell.clock import SystemClock
from engine.shell.codec import Codec
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.indices import IndexSet, Shape, look, read_positions
from exporters.opensearch.mappings import FIELDS, POSITIONS, REJECTED, SCHEMA_VERSION, alias_of
from exporters.opensearch.opensearch_node import OpensearchNode

from .ports import LogReading, Progress
from .projection import export
from .report import PROJECTION, Check, shown
from .scratch_node import ScratchNode
from .sources import LogSource

#: Documents of one page, and how long the node keeps its place meanwhile.
PAGE_SIZE, KEEP_ALIVE = 2_000, "5m"

#: What is compared: not how far it is, and not what could not be stored.
COMPARED = tuple(kind for kind in FIELDS if kind not in (POSITIONS, REJECTED))

ABSENT = "no document"


class Hit(Struct):
    """A document that was found."""

    id: str = msgspec.field(name="_id")
    source: Raw = msgspec.field(name="_source")


class Beside(Struct):
    """What was set aside; with a position it was taken later."""

    taken_position: int


class Hits(Struct):
    hits: list[Hit]


class Scrolled(Struct):
    """A page of all documents."""

    scroll_id: str = msgspec.field(name="_scroll_id")
    hits: Hits


class OpensearchProjection(Struct, frozen=True):
    """The indices of an installation. `export_items_on_creation`: the exporter's setting."""

    connection: OpensearchConnection
    export_items_on_creation: bool = True

    async def audit(
        self,
        temporary: Path,
        source: LogSource,
        codec: Codec,
        progress: Progress,
        *,
        is_running: bool,  # noqa: ARG002
    ) -> tuple[Check, Mapping[int, int]]:
        """As `Projection.audit`. Exporters of other machines may run in any case."""
        check = Check(PROJECTION)
        client = OpensearchClient(self.connection)
        positions: dict[int, int] = {}
        try:
            serving = (await look(OpensearchNode(client), self.connection.index_prefix)).serving
            if serving is None:
                check.skip(
                    f"there are no indices {self.connection.index_prefix}-*; the exporter builds them from the log"
                )
            elif serving.version != SCHEMA_VERSION:
                check.skip(f"the indices that serve are of version {serving.version}, this build's of {SCHEMA_VERSION}")
            else:
                stored = read_positions(await OpensearchNode(client).all_of(serving.name(POSITIONS)))
                positions |= {partition: document.position for partition, document in stored.items()}
                async with source.open() as log:
                    await self._compare(check, client, serving, positions, temporary, log, codec, progress)
        except RetoldError as error:
            check.fail(error.message)
        finally:
            await client.close()
        return check, positions

    async def _compare(
        self,
        check: Check,
        client: OpensearchClient,
        serving: IndexSet,
        positions: Mapping[int, int],
        temporary: Path,
        log: LogReading,
        codec: Codec,
        progress: Progress,
    ) -> None:
        temporary.mkdir(parents=True)
        node = ScratchNode(temporary / "documents.db")
        try:
            items = self.export_items_on_creation
            shape = Shape(prefix=serving.prefix)
            exporter = OpensearchExporter(
                node, shape, name="audit", clock=SystemClock(), export_items_on_creation=items
            )
            await exporter.open()
            for partition, position in sorted(positions.items()):
                await export(exporter, partition, position, log, codec, progress)
            made = await _made(node, serving.prefix)
            beside = documents(client, alias_of(serving.prefix, REJECTED))
            aside = {hit.id async for hit in beside if not msgspec.json.decode(hit.source, type=Beside).taken_position}
            for kind in COMPARED:
                await compare(check, kind, node, made.name(kind), client, serving.name(kind), positions, aside)
            check.count("set aside", len(aside))
        finally:
            node.release()


async def _made(node: ScratchNode, prefix: str) -> IndexSet:
    made = (await look(node, prefix)).serving
    assert made is not None  # an exporter that is open has one
    return made


async def compare(
    check: Check,
    kind: str,
    node: ScratchNode,
    expected: str,
    client: OpensearchClient,
    index: str,
    positions: Mapping[int, int],
    aside: set[str],
) -> None:
    """Every document of an index with the one that was made of the log; what was set aside is known to be missing."""
    async for hit in documents(client, index):
        check.count("documents")
        got, wanted = bytes(hit.source), node.take(expected, hit.id)
        difference = "" if wanted == got else difference_of(wanted, got)
        if difference and _is_ahead(got, positions):
            check.count("documents changed since")
        elif difference and f"{kind}:{hit.id}" not in aside:
            check.fail(f"index {index}, document {hit.id}: {difference}")
    for name, _ in node.sources(expected):
        if f"{kind}:{name}" not in aside:
            check.fail(f"index {index}, document {name}: expected it, got {ABSENT}")


async def documents(client: OpensearchClient, index: str) -> AsyncIterator[Hit]:
    """All searchable documents of an index, in no order."""
    query = {"size": PAGE_SIZE, "sort": ["_doc"]}
    page = await client.read(Scrolled, "POST", f"/{index}/_search", query, scroll=KEEP_ALIVE)
    while page.hits.hits:
        for hit in page.hits.hits:
            yield hit
        following = {"scroll": KEEP_ALIVE, "scroll_id": page.scroll_id}
        page = await client.read(Scrolled, "POST", "/_search/scroll", following)


def difference_of(wanted: bytes | None, got: bytes) -> str:
    """The fields in which two documents differ; empty if in none."""
    found = msgspec.json.decode(got, type=dict[str, Any])
    if wanted is None:
        return f"expected {ABSENT}, got {shown(found)}"
    expected = msgspec.json.decode(wanted, type=dict[str, Any])
    return "; ".join(
        f"expected {name} {shown(expected.get(name))}, got {shown(found.get(name))}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    )


def _is_ahead(source: bytes, positions: Mapping[int, int]) -> bool:
    """Whether it was changed behind the position: while the audit ran, or by an exporter that was killed then."""
    document = msgspec.json.decode(source, type=dict[str, Any])
    return int(document.get("position", 0)) > positions.get(document.get("partition_id", 0), 0)
