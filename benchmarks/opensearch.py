"""How fast one core exports into OpenSearch: as `benchmarks.export`, with a node on the same machine.

Run `python -m benchmarks.opensearch [--instances N] [--partitions P] [--url URL] [--profile]`. Without an address a
node is started, and its processor time is told too.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from contextlib import nullcontext

from engine.shell.clock import SystemClock
from exporters.opensearch import PUMP_LIMITS, OpensearchConnection, open_exporter
from exporters.opensearch.client import OpensearchClient

from .export import Bench, export_life
from .services import Running, running_node


async def measure(url: str, instances: int, partitions: int, profile: bool) -> None:
    """Export, and count the documents."""
    connection = OpensearchConnection(urls=(url,), index_prefix=f"bench-{secrets.token_hex(4)}")
    client = OpensearchClient(connection)
    started = time.perf_counter()
    try:
        await export_life(
            Bench(open_exporter(connection, SystemClock()), partitions, profile, PUMP_LIMITS), instances, partitions
        )
        answer = await client.read(dict[str, object], "GET", f"/{connection.index_prefix}-instances/_count")
        print(f"{answer['count']} documents, {time.perf_counter() - started:.1f} s in all")
        await client.request("DELETE", f"/{connection.index_prefix}-*")
    finally:
        await client.close()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--url", default="", help="of a node that runs; default: one is started")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    with nullcontext(Running(address=arguments.url)) if arguments.url else running_node() as node:
        used = node.processor_seconds()
        asyncio.run(measure(node.address, arguments.instances, arguments.partitions, arguments.profile))
        if node.pid:
            print(f"{node.processor_seconds() - used:.1f} s of processor time in the node")


if __name__ == "__main__":
    main()
