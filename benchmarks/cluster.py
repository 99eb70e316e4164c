"""The whole installation on Kafka and OpenSearch, measured from outside: `python -m benchmarks.cluster`.

Options: [--instances N] [--records N] [--changes N]. Every process shares this machine's processors, so processor time
is given as well as what the clock says. The same work on the embedded log is measured first, to compare with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx

from engine.core.ports import Log
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog

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
from .processor import Seconds
from .services import Running, running_broker, running_node
from .table import Row, Rows, print_table

PARTITIONS = 2
#: Seconds that one measurement may take; then it is told that it took longer, and the next one begins.
MEASUREMENT_SECONDS_MAX = 150
#: Commands that are sent one after the other, and instances whose way into the index is timed.
COMMANDS_ALONE, SEARCHED = 300, 50
#: What a snapshot may lie behind the log, as by default, and seconds between two of them while the log grows.
BEHIND, SNAPSHOT_INTERVAL = 10_000, 5
#: Instances that are put on the log at once while it grows, at most.
GROWTH_MAX = 20_000


class Options(argparse.Namespace):
    """How much is measured."""

    instances: int
    records: int
    changes: int


class Cluster:
    """A broker and a node, and machines over them. `name` tells its topics and indices from those of others."""

    def __init__(self, directory: Path, broker: Running, node: Running, name: str) -> None:
        prefix = f"bench-{os.getpid()}-{name}"
        self.connection = KafkaConnection(servers=broker.address, prefix=prefix)
        self.broker = broker
        self.node = node
        self._directory = directory / name
        self._count = 0
        self._environment = {
            "RETOLD_KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "RETOLD_KAFKA_TOPIC_PREFIX": prefix,
            "RETOLD_OPENSEARCH_URL": node.address,
            "RETOLD_OPENSEARCH_INDEX_PREFIX": prefix,
        }

    def machine(self, environment: Mapping[str, str] | None = None) -> Machine:
        """One more `retold run` without a state, which is ready."""
        self._count += 1
        return Machine(self._directory / str(self._count), self, {**self._environment, **(environment or {})})


class Machine(Installation):
    """One `retold run` of several."""

    def __init__(self, directory: Path, cluster: Cluster, environment: Mapping[str, str]) -> None:
        super().__init__(directory, PARTITIONS, environment)
        self._cluster = cluster

    async def open_log(self) -> Log:
        """As `Installation.open_log`."""
        return await KafkaLog.open(self._cluster.connection, partition_count=PARTITIONS)

    def processor_seconds(self) -> Seconds:
        """As `Installation.processor_seconds`, and those of the services that are known."""
        seconds = super().processor_seconds()
        for name, service in (("broker", self._cluster.broker), ("node", self._cluster.node)):
            if service.pid:
                seconds[name] = service.processor_seconds()
        return seconds

    def kill(self) -> None:
        """With -9."""
        self.process.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """In order."""
        self.process.send_signal(signal.SIGTERM)


class Bench:
    """Measurements of one installation, one after the other."""

    def __init__(self, it: Installation, options: Options, rows: Rows) -> None:
        self._it = it
        self._options = options
        self._rows = rows

    async def measure(self, what: str, measurement: Awaitable[str]) -> None:
        """Note a figure, or that it took too long."""
        try:
            async with asyncio.timeout(MEASUREMENT_SECONDS_MAX):
                self._rows.note(what, await measurement)
        except TimeoutError:
            self._rows.note(what, f"not within {MEASUREMENT_SECONDS_MAX} s")

    async def idle(self) -> str:
        """What it takes when nothing happens."""
        before, began = self._it.processor_seconds(), time.perf_counter()
        await asyncio.sleep(10)
        return self._it.processor_seconds().since(before).share(time.perf_counter() - began)

    async def one_by_one(self) -> str:
        latencies: list[float] = []
        await commands_one_by_one(self._it, latencies, COMMANDS_ALONE)
        return quantiles(latencies)

    async def over_http(self) -> str:
        count = self._options.instances // 5
        before = self._it.processor_seconds()
        rate = await start_over_http(self._it, count, 16)
        return f"{rate:,.0f}/s; {self._it.processor_seconds().since(before).each(count)}"

    async def from_log(self) -> str:
        """Until they are visible, so that what the exporter takes is whole; the rate is that of the outcomes."""
        count = self._options.instances
        before = self._it.processor_seconds()
        rate, _ = await start_from_log(self._it, count)
        await wait_for(self._it, "ACTIVE", count)
        return f"{rate:,.0f}/s; {self._it.processor_seconds().since(before).each(count)}"

    async def one_partition(self) -> str:
        before = self._it.processor_seconds()
        rate, records = await start_from_log(self._it, self._options.instances, (1,))
        used = self._it.processor_seconds().since(before)
        each = used["partition"] / records * 1e6
        return f"{rate * records / self._options.instances:,.0f} records/s, {each:.1f} us of the engine each"

    async def batch(self) -> str:
        before = self._it.processor_seconds()
        rate, total = await cancel_by_batch(self._it)
        used = self._it.processor_seconds().since(before)
        self.batch_seconds = used["partition"] / total
        return f"{rate:,.0f} items/s ({total:,}); {used.each(total)}"

    async def batch_with_user(self) -> str:
        """Of a user who goes on starting instances while the batch operation runs."""
        latencies: list[float] = []
        user = asyncio.create_task(commands_one_by_one(self._it, latencies))
        try:
            rate, total = await cancel_by_batch(self._it)
        finally:
            user.cancel()
        return f"{quantiles(latencies)}; {rate:,.0f} items/s ({total:,})"

    async def visible(self) -> str:
        """From the answer to a creation until a search finds the instance."""
        latencies = []
        for _ in range(SEARCHED):
            made = await self._it.post("/process-instances", {"processDefinitionId": "one-task"})
            answered = time.perf_counter()
            wanted: dict[str, object] = {"filter": {"processInstanceKey": made["processInstanceKey"]}}
            while not await self._it.total("/process-instances/search", wanted):
                await asyncio.sleep(0.005)
            latencies.append((time.perf_counter() - answered) * 1000)
        return quantiles(latencies)

    async def clear(self) -> str:
        """Cancel what is active."""
        rate, total = await cancel_by_batch(self._it)
        return f"{rate:,.0f} items/s ({total:,})"

    async def run(self, name: str) -> None:
        """What is measured of every log."""
        await deploy(self._it)
        await start_over_http(self._it, 500, 16)
        await self.measure(f"{name}: instances started over HTTP, 16 in flight", self.over_http())
        await self.measure(f"{name}: batch cancel of these", self.clear())
        await self.measure(f"{name}: instances started from the log", self.from_log())
        await self.measure(f"{name}: batch cancel, request to visible", self.batch())
        # idle after the work: brokers and nodes that have just begun are busy compiling themselves
        await self.measure(f"{name}: idle, of a core", self.idle())
        await self.measure(f"{name}: one command over HTTP, idle", self.one_by_one())


async def compare(options: Options, directory: Path, cluster: Cluster, rows: Rows) -> None:
    """The same work on the embedded log and on Kafka, and then what only makes sense there."""
    alone = Installation(directory / "embedded", PARTITIONS)
    try:
        embedded = Bench(alone, options, rows)
        await embedded.run("embedded")
    finally:
        await alone.close()
    it = cluster.machine()
    try:
        bench = Bench(it, options, rows)
        await bench.run("Kafka")
        ratio = embedded.batch_seconds / bench.batch_seconds
        rows.note("items of a batch operation per second of the engine, Kafka to embedded", f"{ratio:.0%}")
        await bench.measure("instances started on one partition", bench.one_partition())
        await bench.measure("one command over HTTP, during a batch cancel", bench.batch_with_user())
        await bench.measure("from an answer until it is found by a search", bench.visible())
        for name, end in (("planned hand-over", Machine.stop), ("take-over after kill -9", Machine.kill)):
            measurement = change_owners(cluster, it, end, options.changes)
            await bench.measure(f"{name}, until all partitions answer", measurement)
    finally:
        await it.close()


async def change_owners(cluster: Cluster, it: Machine, end: Callable[[Machine], None], count: int) -> str:
    """From the end of a machine until each partition has answered a command to the one that stays."""
    seconds = []
    for _ in range(count):
        other = cluster.machine()
        try:
            await _shared_out(it)
            began = time.perf_counter()
            end(other)
            await _all_answer(it)
            seconds.append(time.perf_counter() - began)
            other.process.wait(30)
        finally:
            other.kill()
            await other.client.aclose()
    return ", ".join(f"{value:.1f} s" for value in seconds)


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


async def measure_starts(options: Options, directory: Path, cluster: Cluster, rows: Rows) -> None:
    """Of machines that have no state, when there are many records: with a snapshot, and from the first record on."""
    snapshots = directory / "snapshots"
    alone = {"RETOLD_ROLES": "engine,gateway"}
    kept = {
        "RETOLD_SNAPSHOTS_DIRECTORY": str(snapshots),
        "RETOLD_SNAPSHOTS_INTERVAL": f"PT{SNAPSHOT_INTERVAL}S",
        "RETOLD_SNAPSHOTS_RECORDS_MIN": str(BEHIND),
    }
    it = cluster.machine({**alone, **kept})
    try:
        await deploy(it)
        began, records = time.perf_counter(), 0
        while records < options.records:
            records += (await start_from_log(it, min(GROWTH_MAX, options.records // 20)))[1]
        rows.note("records on the log", f"{records:,} ({records / (time.perf_counter() - began):,.0f}/s)")
        while newest_positions(snapshots) < records - PARTITIONS * BEHIND:
            await asyncio.sleep(0.2)
    finally:
        await it.close()
    for name, environment in (("from a snapshot", kept), ("from zero", {})):
        began = time.perf_counter()
        it = cluster.machine({**alone, **environment})
        try:
            await _all_answer(it)
            used = Installation.processor_seconds(it).total
            figure = f"{time.perf_counter() - began:.1f} s (of the processor {used:.1f} s)"
            rows.note(f"start {name}, until all partitions answer", figure)
        finally:
            await it.close()


def newest_positions(directory: Path) -> int:
    """The records of all partitions that their newest snapshots have."""
    partitions = [
        [int(one.name.partition("-")[0]) for one in folder.glob("[0-9]*")] for folder in directory.glob("partition-*")
    ]
    return sum(max(found, default=0) for found in partitions)


async def measure(options: Options, directory: Path, broker: Running, node: Running) -> list[Row]:
    rows = Rows()
    await compare(options, directory, Cluster(directory, broker, node, "work"), rows)
    try:
        async with asyncio.timeout(MEASUREMENT_SECONDS_MAX):
            await measure_starts(options, directory, Cluster(directory, broker, node, "starts"), rows)
    except TimeoutError:
        rows.note("starts with many records", f"not within {MEASUREMENT_SECONDS_MAX} s")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000, help="at most 10,000: a search counts no further")
    parser.add_argument("--records", type=int, default=1_000_000, help="on the log before a start is timed")
    parser.add_argument("--changes", type=int, default=2, help="hand-overs, and take-overs")
    options = parser.parse_args(namespace=Options())
    with tempfile.TemporaryDirectory() as directory, running_broker() as broker, running_node() as node:
        rows = asyncio.run(measure(options, Path(directory), broker, node))
        print_table(f"The whole installation on Kafka and OpenSearch ({PARTITIONS} partitions)", rows)


if __name__ == "__main__":
    main()
