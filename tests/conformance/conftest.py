"""The search stores that are judged: each with the exporter that fills it, and empty whenever a world is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from engine.shell.clock import SystemClock
from engine.shell.manual_clock import ManualClock
from exporters.contract import Exporter
from exporters.opensearch import open_exporter
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from exporters.opensearch.searching import OpensearchSearch
from exporters.search import SearchStore
from exporters.search.sqlite import COLLECTED_MAX
from exporters.sqlite import SqliteExporter, SqliteSearch

Store = tuple[Exporter, SearchStore]


class OpenStore(Protocol):
    """Opens an empty store with these settings of its exporter; it may use the folder."""

    def __call__(self, folder: Path, **settings: Any) -> AbstractAsyncContextManager[Store]: ...


#: Keys in one clause: a list of a few becomes several clauses.
KEYS_MAX = 2_000


@asynccontextmanager
async def opened(exporter: Exporter, search: SearchStore) -> AsyncIterator[Store]:
    """Both, for as long as the block lasts."""
    try:
        await exporter.open()
        yield exporter, search
    finally:
        await search.close()
        await exporter.close()


def open_sqlite(collected_max: int, folder: Path, **settings: Any) -> AbstractAsyncContextManager[Store]:
    search = SqliteSearch(folder, ManualClock(), collected_max=collected_max)
    return opened(SqliteExporter(folder, **settings), search)


@asynccontextmanager
async def open_opensearch(connection: OpensearchConnection, _: Path, **settings: Any) -> AsyncIterator[Store]:
    """The indices stay from world to world, and are emptied: to make them takes much longer than to fill them."""
    exporter = open_exporter(connection, SystemClock(), **settings)
    try:
        await exporter.open()
        await empty_indices(connection)
    finally:
        await exporter.close()
    async with opened(exporter, OpensearchSearch(connection, keys_max=KEYS_MAX)) as store:
        yield store


async def empty_indices(connection: OpensearchConnection) -> None:
    """Delete all documents, and let the node forget their versions: the next world has the same keys and positions."""
    client = OpensearchClient(connection)
    pattern = f"/{connection.index_prefix}-*"
    try:
        await client.request("PUT", f"{pattern}/_settings", {"index.gc_deletes": "0ms"})
        await client.request("POST", f"{pattern}/_delete_by_query", {"query": {"match_all": {}}}, refresh=True)
        while True:
            await client.request("POST", f"{pattern}/_refresh")
            found = await client.read(dict[str, Any], "GET", f"{pattern}/_stats/segments")
            if found["_all"]["total"]["segments"]["version_map_memory_in_bytes"] == 0:
                return
            await asyncio.sleep(0.05)
    finally:
        await client.close()


async def delete_indices(connection: OpensearchConnection) -> None:
    client = OpensearchClient(connection)
    try:
        await client.request("DELETE", f"/{connection.index_prefix}-*")
    finally:
        await client.close()


@pytest.fixture(scope="session", params=["sqlite", "sqlite of many", "opensearch"])
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Opens the store that is judged."""
    if request.param == "opensearch":
        address = request.getfixturevalue("opensearch")
        connection = OpensearchConnection(urls=(address,), index_prefix=f"test-{uuid.uuid4().hex[:12]}")
        yield partial(open_opensearch, connection)
        asyncio.run(delete_indices(connection))
    elif request.param == "sqlite":
        yield partial(open_sqlite, COLLECTED_MAX)
    else:
        # what is done when so many rows are related that each owner is looked up
        yield partial(open_sqlite, 0)
