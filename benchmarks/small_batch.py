"""How long a small batch operation takes, from the request until it is shown as ended: `-m benchmarks.small_batch`.

Over HTTP on a whole installation (2 partitions, embedded). The items exist and are searchable before. It is waited for
with `GET /batch-operations/{key}?wait=…`, as a person's screen would.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .installation import Installation, deploy
from .table import print_table

ROUNDS = 20
SIZES = (1, 10, 100)


async def measure(directory: Path) -> list[tuple[str, str]]:
    it = Installation(directory)
    try:
        await deploy(it)
        await one(it, 1)  # what is loaded late
        return [(f"{size} items", describe([await one(it, size) for _ in range(ROUNDS)])) for size in SIZES]
    finally:
        await it.close()


async def one(it: Installation, size: int) -> float:
    """Seconds that one batch operation over so many new instances takes."""
    wish = {"processDefinitionId": "one-task"}
    created = [await it.post("/process-instances", wish) for _ in range(size)]
    keys = [answer["processInstanceKey"] for answer in created]
    wanted = {"processInstanceKey": {"$in": keys}}
    while await it.total("/process-instances/search", {"filter": wanted}) < size:
        await asyncio.sleep(0.01)
    started = time.perf_counter()
    answer = await it.post("/process-instances/cancellation", {"filter": wanted})
    path = f"/batch-operations/{answer['batchOperationKey']}"
    while True:
        found = await it.client.get(path, params={"wait": 10})
        if found.status_code == 200 and found.json()["state"] == "COMPLETED":
            break
    seconds = time.perf_counter() - started
    count = found.json()["operationsCompletedCount"]
    if count != size:
        raise RuntimeError(f"expected {size} items to be completed, got {count}")
    return seconds


def describe(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"median {statistics.median(ordered) * 1000:.0f} ms, longest {ordered[-1] * 1000:.0f} ms"


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as directory:
        print_table(
            "a small batch operation, from the request until it is shown COMPLETED",
            asyncio.run(measure(Path(directory))),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
