"""How fast the screens of operators are searched in OpenSearch: the same searches, and the same world, as in SQLite.

Run `python -m benchmarks.opensearch_search [--url URL] [--instances N] [--rounds N]`; without a URL a node is started
here, with its heap of half a GiB, on the same cores. The time of a core is this program's share alone.
"""

from __future__ import annotations

import argparse
import asyncio
import uuid
from contextlib import nullcontext

from engine.core.ports import SelectionQuery
from engine.shell.clock import SystemClock
from exporters.opensearch import OpensearchConnection, open_exporter
from exporters.opensearch.client import OpensearchClient
from exporters.opensearch.searching import OpensearchSearch

from .search import PARTITIONS, World, answers
from .services import Running, running_node
from .table import print_table

PAGE = 10_000


async def measure(url: str, instances: int, rounds: int) -> None:
    """Fill new indices, ask, print how long the answers took, and delete the indices."""
    connection = OpensearchConnection(urls=(url,), index_prefix=f"benchmark-{uuid.uuid4().hex[:8]}")
    clock = SystemClock()
    world = World(instances)
    search = OpensearchSearch(connection)
    client = OpensearchClient(connection)
    try:
        seconds = await world.export(open_exporter(connection, clock))
        rows = [(f"{instances:,} instances exported", f"{instances / seconds:,.0f}/s")]
        rows += await answers(search, world, rounds)
        began = clock.monotonic()
        selected = sum([await select_all(search, partition) for partition in range(1, PARTITIONS + 1)])
        rows.append(("active root instances selected", f"{selected / (clock.monotonic() - began):,.0f}/s"))
        print_table(f"Searches in OpenSearch, {rounds} rounds each", rows)
    finally:
        await client.request("DELETE", f"/{connection.index_prefix}-*")
        await client.close()
        await search.close()


async def select_all(search: OpensearchSearch, partition: int) -> int:
    """All pages that an initializer of one partition asks for; how many items they have."""
    after, found = -1, 0
    while True:
        query = SelectionQuery(
            entity="PROCESS_INSTANCE",
            partition=partition,
            filter='{"state":"ACTIVE"}',
            roots_only=True,
            after=after,
            key_max=(1 << 63) - 1,
            limit=PAGE,
        )
        items = await search.select(query)
        found += len(items)
        if len(items) < PAGE:
            return found
        after = items[-1].item_key


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    with nullcontext(Running(address=arguments.url)) if arguments.url else running_node() as node:
        asyncio.run(measure(node.address, arguments.instances, arguments.rounds))


if __name__ == "__main__":
    main()
