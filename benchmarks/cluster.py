"""The whole installation on Kafka and OpenSearch, measured from outside: `python -m benchmarks.cluster`.

Uses RETOLD_TEST_KAFKA and RETOLD_TEST_OPENSEARCH, or starts one broker and one node for it. All of them share the
machine's processors, so processor time of the engine is given as well as what the clock says.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from engine.core.ports import Log
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from services import KafkaBroker, OpensearchNode

from .installation import (
    Installation,
    cancel_by_batch,
    commands_one_by_one,
    deploy,
    quantiles,
    start_from_log,
    start_over_http,
    wait_for,
)
from .table import print_table

PARTITIONS = 2
INSTANCES = 10_000
#: Times that a partition changes its owner.
HANDOVERS = 3
#: Instances whose way into the index is timed.
SEARCHED = 100


class Cluster:
    """A broker and a node, and machines over them."""

    def __init__(self, directory: Path, kafka: str, opensearch: str) -> None:
        prefix = f"bench-{os.getpid()}"
        self.connection = KafkaConnection(servers=kafka, prefix=prefix)
        self._directory = directory
        self._count = 0
        self._environment = {
            "RETOLD_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "RETOLD_KAFKA_TOPIC_PREFIX": prefix,
            "RETOLD_OPENSEARCH_URL": opensearch,
            "RETOLD_OPENSEARCH_INDEX_PREFIX": prefix,
        }

    def machine(self) -> Machine:
        """One more `retold run`, which is ready."""
        self._count += 1
        return Machine(self._directory / str(self._count), self.connection, self._environment)


class Machine(Installation):
    """One `retold run` of several."""

    def __init__(self, directory: Path, connection: KafkaConnection, environment: Mapping[str, str]) -> None:
        super().__init__(directory, PARTITIONS, environment)
        self._connection = connection

    async def open_log(self) -> Log:
        """As `Installation.open_log`."""
        return await KafkaLog.open(self._connection, partition_count=PARTITIONS)

    def kill(self) -> None:
        """With -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        """In order."""
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def services(directory: Path) -> Iterator[tuple[str, str]]:
    """The addresses of a broker and of a node."""
    with ExitStack() as running:
        kafka, opensearch = os.environ.get("RETOLD_TEST_KAFKA"), os.environ.get("RETOLD_TEST_OPENSEARCH")
        if not kafka:
            kafka = running.enter_context(KafkaBroker(directory / "kafka")).address
        if not opensearch:
            opensearch = running.enter_context(OpensearchNode(directory / "opensearch")).address
        yield kafka, opensearch


async def measure_throughput(it: Machine) -> list[tuple[str, str]]:
    """Commands and batches."""
    rows: list[tuple[str, str]] = []
    before, at = it.cpu_seconds(), time.perf_counter()
    await asyncio.sleep(10)
    rows.append(("machine idle", f"{(it.cpu_seconds() - before) / (time.perf_counter() - at):.2%} of a core"))
    latencies: list[float] = []
    await commands_one_by_one(it, latencies, 500)
    rows.append(("one command over HTTP, idle", quantiles(latencies)))
    rows.append(("instances started over HTTP, 16 in flight", f"{await start_over_http(it, 2000, 16):,.0f}/s"))
    before = it.cpu_seconds()
    rate = await start_from_log(it, INSTANCES)
    rows.append(("instances started from the log", f"{rate:,.0f}/s"))
    await wait_for(it, "ACTIVE", min(INSTANCES, 10_000))
    rows.append(("the same, of all its processes", f"{(it.cpu_seconds() - before) / INSTANCES * 1e6:,.0f} us a core"))
    before = it.cpu_seconds()
    rate, total = await cancel_by_batch(it)
    cost = (it.cpu_seconds() - before) / total * 1e6
    rows.append(
        (f"batch cancel of {total:,}, request to visible", f"{rate:,.0f} items/s; {cost:,.0f} us of a core each")
    )
    await start_from_log(it, INSTANCES)
    await wait_for(it, "ACTIVE", 10_000)
    busy: list[float] = []
    user = asyncio.create_task(commands_one_by_one(it, busy))
    rate, total = await cancel_by_batch(it)
    user.cancel()
    rows.append(("one command over HTTP, during a batch", quantiles(busy)))
    rows.append((f"batch cancel of {total:,} with that client", f"{rate:,.0f} items/s"))
    return rows


async def measure_visibility(it: Machine) -> tuple[str, str]:
    """From the answer to a creation until a search finds the instance."""
    latencies = []
    for _ in range(SEARCHED):
        made = await it.post("/process-instances", {"processDefinitionId": "one-task"})
        answered = time.perf_counter()
        wanted = {"filter": {"processInstanceKey": made["processInstanceKey"]}}
        while not await it.total("/process-instances/search", wanted):
            await asyncio.sleep(0.005)
        latencies.append((time.perf_counter() - answered) * 1000)
    return "from an answer until it is found by a search", quantiles(latencies)


async def measure_handovers(cluster: Cluster, it: Machine) -> list[tuple[str, str]]:
    """From the end of a machine until each partition has answered a command to the one that stays."""
    stopped, killed = [], []
    for _ in range(HANDOVERS):
        for end, seconds in ((Machine.stop, stopped), (Machine.kill, killed)):
            other = cluster.machine()
            await _shared_out(it)
            began = time.perf_counter()
            end(other)
            await _all_answer(it)
            seconds.append(time.perf_counter() - began)
            other.process.wait(30)
            await other.client.aclose()
    return [
        ("planned hand-over until all partitions answer", _spread(stopped)),
        ("take-over after kill -9 until all partitions answer", _spread(killed)),
    ]


def _spread(seconds: list[float]) -> str:
    return f"{min(seconds):.1f} to {max(seconds):.1f} s ({len(seconds)})"


async def _shared_out(it: Machine) -> None:
    """Until two machines own partitions, and each is followed by the other."""
    while True:
        brokers = (await it.client.get("/topology")).json()["brokers"]
        roles = [partition["role"] for broker in brokers for partition in broker["partitions"]]
        owners = [broker for broker in brokers if any(p["role"] == "leader" for p in broker["partitions"])]
        if len(owners) == 2 and len(roles) == 2 * PARTITIONS:
            return
        await asyncio.sleep(0.1)


async def _all_answer(it: Machine) -> None:
    """Until as many creations as there are partitions, which take turns, were answered one after the other."""
    answered = 0
    while answered < PARTITIONS:
        try:
            answer = await it.client.post("/process-instances", json={"processDefinitionId": "one-task"}, timeout=1)
            answered = answered + 1 if answer.status_code == 200 else 0
        except httpx.TimeoutException:
            answered = 0


async def measure(cluster: Cluster) -> list[tuple[str, str]]:
    it = cluster.machine()
    try:
        await deploy(it)
        await start_over_http(it, 500, 16)
        rows = await measure_throughput(it)
        rows.append(await measure_visibility(it))
        rows += await measure_handovers(cluster, it)
    finally:
        await it.close()
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, services(Path(directory)) as (kafka, opensearch):
        rows = asyncio.run(measure(Cluster(Path(directory), kafka, opensearch)))
        print_table(f"The whole installation on Kafka and OpenSearch ({PARTITIONS} partitions)", rows)


if __name__ == "__main__":
    main()
