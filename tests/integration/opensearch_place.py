"""One installation's indices on a real node, exporters of them, and a story that is exported into them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from engine.core.faults import Unavailable
from engine.shell.clock import SystemClock
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.indices import Shape
from exporters.opensearch.mappings import DEFINITIONS, INSTANCES, SCHEMA_VERSION
from exporters.opensearch.opensearch_node import OpensearchNode
from exporters.sqlite import SqliteExporter
from tests.support.projections import Documents, expected_documents, export_records
from tests.support.scenario import Scenario

#: Index, id -> version, sequence number, source.
Stored = Mapping[tuple[str, str], tuple[int, int, str]]


class Place:
    """One installation's indices on a node, and the client that looks at them from outside."""

    def __init__(self, address: str, prefix: str) -> None:
        self.prefix = prefix
        self.node = self._node(address)
        self._client = OpensearchClient(OpensearchConnection(urls=(address,), index_prefix=prefix))
        self._address = address
        self._opened: list[OpensearchExporter] = []

    async def __aenter__(self) -> Place:
        return self

    async def __aexit__(self, *_: object) -> None:
        for exporter in self._opened:
            await exporter.close()
        await self.node.close()
        await self._client.close()

    def _node(self, address: str, bulk_size_max: int = 1 << 20) -> OpensearchNode:
        connection = OpensearchConnection(urls=(address,), index_prefix=self.prefix, bulk_size_max=bulk_size_max)
        return OpensearchNode(OpensearchClient(connection))

    def exporter(self, name: str = "one", *, address: str = "", version: int = SCHEMA_VERSION) -> OpensearchExporter:
        """One that is not open yet; closed in the end."""
        shape = Shape(prefix=self.prefix, version=version)
        exporter = OpensearchExporter(
            self._node(address or self._address), shape, SystemClock(), name=name, pause_seconds_max=0.05
        )
        self._opened.append(exporter)
        return exporter

    async def open(self, name: str = "one", *, address: str = "", version: int = SCHEMA_VERSION) -> OpensearchExporter:
        exporter = self.exporter(name, address=address, version=version)
        await exporter.open()
        return exporter

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The node, about an index of this installation."""
        return json.loads(await self._client.request(method, f"/{self.prefix}-{path}", body))

    async def stored(self) -> Stored:
        """Every document with what the node knows of it."""
        body = {"size": 10_000, "version": True, "seq_no_primary_term": True}
        found = {}
        for index in (INSTANCES, DEFINITIONS, "batch-operations"):
            for hit in (await self.ask("POST", f"{index}/_search", body))["hits"]["hits"]:
                source = json.dumps(hit["_source"])
                found[index, hit["_id"]] = (hit["_version"], hit["_seq_no"], source)
        return found


class Told:
    """A story, and what SQLite makes of it."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.records = {number: scenario.records(number) for number in scenario.partitions}
        self.expected: Documents = asyncio.run(self._project(folder))

    async def _project(self, folder: Path) -> Documents:
        exporter = SqliteExporter(folder)
        await exporter.open()
        for records in self.records.values():
            await export_records(exporter, records)
        await exporter.close()
        return expected_documents(folder)

    async def export(self, exporter: OpensearchExporter, page_size: int = 1_000_000, *, part: float = 1.0) -> None:
        """Export this part of every partition."""
        for records in self.records.values():
            steps = [record for record in records if record.index == record.step.step_count - 1]
            last = steps[int((len(steps) - 1) * part)].position
            await export_records(exporter, [one for one in records if one.position <= last], page_size)

    def ends(self) -> Mapping[int, int]:
        return {number: records[-1].position for number, records in self.records.items()}


def positions(exporter: OpensearchExporter) -> Mapping[int, int]:
    return {partition: exported.position for partition, exported in exporter.positions().items()}


async def insist(call: Callable[[], Awaitable[None]], tries_max: int = 100) -> int:
    """Call until it is available, as the pump does; gives how often it was not."""
    for tries in range(tries_max):
        try:
            await call()
        except Unavailable:
            continue
        return tries
    raise AssertionError(f"still unavailable after {tries_max} tries")


def in_place(address: str, prefix: str, test: Callable[[Place], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Place(address, prefix) as place:
            await test(place)

    asyncio.run(run())
