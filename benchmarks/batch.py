"""Batch operations of each kind over the same process instances, on a whole installation: `-m benchmarks.batch`.

2 partitions, embedded. Each is measured from its request until a search shows all of its items as completed. Beside it:
processor time and memory of the processes, how fast items were found, and what a user's command meets.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.assembly import Assembly
from engine.core.ports import EVENTS, Message
from engine.core.record import command
from engine.records import Job
from exporters.search.store import TOTAL_MAX

from .installation import (
    Installation,
    append_commands,
    commands_one_by_one,
    deploy,
    quantiles,
    start_from_log,
    wait_for,
)
from .models import ONE_TASK
from .processor import megabytes_by_role
from .table import Rows, print_table

ASSEMBLY = Assembly()
PROCESS = {"processDefinitionId": "one-task", "state": "ACTIVE"}
MAPPING = {"sourceElementId": "task", "targetElementId": "task"}
MOVE = {"sourceElementId": "task", "targetElementId": "task"}
#: Seconds between two commands of the user beside.
PAUSE_SECONDS = 0.05
#: Commands by which the latency of an idle installation is known.
IDLE_COMMANDS = 200
PAGE_SIZE = 8 << 20


class Options(argparse.Namespace):
    items: int
    no_items_on_creation: bool


class Batches:
    """Runs batch operations and notes what they cost."""

    def __init__(self, it: Installation, rows: Rows, items: int) -> None:
        self._it = it
        self._rows = rows
        self._items = items

    async def run(self, name: str, path: str, body: Mapping[str, object]) -> None:
        """One over all instances, while a user goes on sending commands."""
        it, latencies = self._it, list[float]()
        user = asyncio.create_task(commands_one_by_one(it, latencies, pause=PAUSE_SECONDS))
        before, started = it.processor_seconds(), time.perf_counter()
        answer = await it.post(path, body)
        key = answer["batchOperationKey"]
        found = await self._ended(f"/batch-operations/{key}")
        total = found["operationsCompletedCount"]
        done = {"filter": {"batchOperationKey": key, "state": "COMPLETED"}}
        while await it.total("/batch-operation-items/search", done) < min(total, TOTAL_MAX):
            await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        spent = it.processor_seconds().since(before)
        user.cancel()
        if found["operationsFailedCount"] or total < self._items:
            raise RuntimeError(f"expected {self._items} items of {name} to be completed, got {found}")
        self._rows.note(f"{name}, {total:,}", f"{total / seconds:,.0f} items/s")
        self._rows.note("  processors, an item", spent.each(total))
        self._rows.note("  items found", f"{total / await self._finding(found):,.0f}/s")
        self._rows.note("  a user's command meanwhile", quantiles(latencies) if len(latencies) > 1 else "none")
        self._rows.note("  memory", describe(megabytes_by_role(it.process.pid)))

    async def _ended(self, path: str) -> Any:
        while True:
            answer = await self._it.client.get(path, params={"wait": 50})
            if answer.status_code == 200 and answer.json()["endDate"] is not None:
                return answer.json()

    async def _finding(self, batch: Mapping[str, Any]) -> float:
        """Seconds from the creation until the last partition had all items."""
        answer = await self._it.client.get(f"/batch-operations/{batch['batchOperationKey']}/progress")
        found = max(part["initializationDate"] for part in answer.json()["partitions"])
        return (datetime.fromisoformat(found) - datetime.fromisoformat(batch["creationDate"])).total_seconds()


def describe(megabytes: Mapping[str, float]) -> str:
    return ", ".join(f"{role} {size:,.0f} MB" for role, size in sorted(megabytes.items()))


async def fail_jobs(it: Installation, count: int) -> None:
    """Every job has an incident then; from the log, as fast as the partitions go."""
    log = await it.open_log()
    wanted = ASSEMBLY.codec.fingerprints["JOB"].to_bytes(8, "little")
    wish = Job(retries=0, error_message="no connection")
    for partition in range(1, log.partition_count + 1):
        offset, keys = 0, list[int]()
        while (page := await log.read(EVENTS, partition, offset, size_max=PAGE_SIZE)).entries:
            offset = page.next_offset
            jobs = (ASSEMBLY.codec.decode(entry.value) for entry in page.entries if entry.value[2:10] == wanted)
            keys += [record.key for record in jobs if record.intent == "CREATED"]
        messages = [Message(value=ASSEMBLY.codec.encode(command("JOB", "FAIL", wish, key=key))) for key in keys]
        await append_commands(log, partition, messages)
    await log.close()
    while await instances_with_incidents(it) < count:
        await asyncio.sleep(0.05)


async def instances_with_incidents(it: Installation) -> int:
    """However many: the total of a search ends at TOTAL_MAX."""
    found: Any = await it.post("/incidents/statistics/process-instances-by-error", {})
    return sum(each["activeInstancesWithErrorCount"] for each in found["items"])


async def measure(directory: Path, options: Options) -> Sequence[tuple[str, str]]:
    on_creation = str(not options.no_items_on_creation).lower()
    settings = {"RETOLD_EXPORTER_BATCH_OPERATION_EXPORT_ITEMS_ON_CREATION": on_creation}
    it, rows, count = Installation(directory, environment=settings), Rows(), options.items
    batches = Batches(it, rows, count)
    try:
        await deploy(it)
        await start_from_log(it, count)
        await wait_for(it, "ACTIVE", count)
        latencies: list[float] = []
        await commands_one_by_one(it, latencies, IDLE_COMMANDS, pause=PAUSE_SECONDS)
        rows.note("a user's command, idle", quantiles(latencies))
        rows.note("memory before", describe(megabytes_by_role(it.process.pid)))
        changes = {"filter": {"type": "work"}, "changeset": {"retries": 5}}
        await batches.run("update jobs", "/jobs/batch-update", changes)
        await fail_jobs(it, count)
        await batches.run("resolve incidents", "/process-instances/incident-resolution", {"filter": PROCESS})
        plan = {"targetProcessDefinitionKey": await next_version(it), "mappingInstructions": [MAPPING]}
        await batches.run("migrate", "/process-instances/migration", {"filter": PROCESS, "migrationPlan": plan})
        await batches.run("modify", "/process-instances/modification", {"filter": PROCESS, "moveInstructions": [MOVE]})
        await batches.run("cancel", "/process-instances/cancellation", {"filter": PROCESS})
    finally:
        await it.close()
    return rows


async def next_version(it: Installation) -> str:
    """The key of a new version of the process."""
    resource = ONE_TASK + b"<!-- the next version -->"
    answer = await it.client.post("/deployments", files={"resources": ("one-task.bpmn", resource)})
    answer.raise_for_status()
    (deployed,) = answer.json()["deployments"]
    return str(deployed["processDefinition"]["processDefinitionKey"])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000, help="process instances")
    parser.add_argument("--no-items-on-creation", action="store_true", help="pending items are not exported")
    options = parser.parse_args(namespace=Options())
    with tempfile.TemporaryDirectory() as directory:
        print_table("batch operations (2 partitions)", asyncio.run(measure(Path(directory), options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
