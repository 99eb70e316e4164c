"""The real machines of one run, where their log and their secondary storage are, and what a seed drew for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from engine.config import Settings
from engine.core.ports import Log
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from exporters.opensearch.indices import read_positions
from exporters.opensearch.mappings import POSITIONS, alias_of
from exporters.opensearch.opensearch_node import OpensearchNode
from tests.integration.installation import Installation
from tests.integration.kafka_machines import run_retold
from tests.simulation.rest import positions_in_file

#: Settings that are drawn as in a simulation; the others are those of every installation.
DRAWN = {"batch_operation", "process", "exporter", "gateway", "snapshots"}
#: More would need more processors than a test has.
PARTITIONS_MAX = 3


class Place(Protocol):
    """Where the log and secondary storage of a run are."""

    @property
    def machines(self) -> int:
        """With how many it begins."""

    @property
    def option(self) -> str:
        """Of the command, that chooses it."""

    def environment(self) -> Mapping[str, str]:
        """The settings of each machine that say so."""

    async def open_log(self, data: Path, partition_count: int) -> Log:
        """`data`: the directory of the first machine."""

    async def exported(self, data: Path) -> Mapping[int, int]:
        """Partition -> position up to which everything is searchable. Raises Unavailable."""


class ClusterPlace(Struct, frozen=True, kw_only=True):
    """A broker and a node that ask nobody to log in, and a name for the topics and indices of this run."""

    kafka: str
    opensearch: str
    topic_prefix: str
    index_prefix: str
    machines: int = 2
    option: str = ""

    def environment(self) -> Mapping[str, str]:
        return {
            "RETOLD_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "RETOLD_KAFKA_TOPIC_PREFIX": self.topic_prefix,
            "RETOLD_OPENSEARCH_URL": self.opensearch,
            "RETOLD_OPENSEARCH_INDEX_PREFIX": self.index_prefix,
        }

    async def open_log(self, data: Path, partition_count: int) -> Log:
        connection = KafkaConnection(servers=self.kafka, prefix=self.topic_prefix)
        return await KafkaLog.open(connection, partition_count=partition_count, name="judge")

    async def exported(self, data: Path) -> Mapping[int, int]:
        client = OpensearchClient(OpensearchConnection(urls=(self.opensearch,), index_prefix=self.index_prefix))
        try:
            documents = await OpensearchNode(client).all_of(alias_of(self.index_prefix, POSITIONS))
        finally:
            await client.close()
        return {partition: document.position for partition, document in read_positions(documents).items()}


class EmbeddedPlace(Struct, frozen=True, kw_only=True):
    """One machine with the embedded log and SQLite."""

    machines: int = 1
    option: str = "--embedded"

    def environment(self) -> Mapping[str, str]:
        return {}

    async def open_log(self, data: Path, partition_count: int) -> Log:
        return await EmbeddedLog.open(data)

    async def exported(self, data: Path) -> Mapping[int, int]:
        return positions_in_file(data)


class Machines:
    """All machines. `ending` stops them in order, or kills them when something went wrong."""

    def __init__(self, place: Place, settings: Settings, folder: Path, ending: ExitStack) -> None:
        self.place = place
        self.partition_count = min(settings.partitions, PARTITIONS_MAX)
        self.diary: list[str] = []
        self.all: list[Installation] = []
        #: Those that should run now.
        self.running: list[Installation] = []
        self._adding = threading.Lock()
        self._ending = ending
        self._folder = folder
        self._began = time.monotonic()
        self.settings = _drawn(settings, folder).model_dump_json(by_alias=True, include=DRAWN)
        self._file = folder / "retold.yaml"
        self._file.write_text(self.settings)

    @property
    def data(self) -> Path:
        """Directory of the first machine."""
        return self._folder / "1" / "data"

    def note(self, text: str) -> None:
        """Write down what was done."""
        self.diary.append(f"{self.seconds:8.2f} {text}")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def urls(self) -> list[str]:
        """Of those that should run now."""
        return [machine.url for machine in self.running]

    def add(self) -> None:
        """Start one more, which ends with all the others. Returns when all of it works; several threads may call it."""
        environment = {**self.place.environment(), "RETOLD_CONFIG": str(self._file)}
        with self._adding:
            machine = Installation(self._folder / str(len(self.all) + 1), self.partition_count, environment)
            self.all.append(machine)
        self._ending.enter_context(machine)
        self.running.append(machine)

    def start(self, machine: Installation) -> None:
        """Once more. Returns when all of it works."""
        machine.start()
        self.running.append(machine)

    def name(self, machine: Installation) -> str:
        return f"machine {machine.data.parent.name}"

    def verify(self, machine: Installation) -> str:
        """What `retold replay verify` has against a machine that was stopped."""
        done = run_retold("replay", "verify", "--data", str(machine.data), environment=machine.environment)
        return "" if done.returncode == 0 else f"{self.name(machine)}: {done.stdout}{done.stderr}"


def _drawn(settings: Settings, folder: Path) -> Settings:
    """With a place for the snapshots, if there are any, which all machines share."""
    if settings.snapshots.directory is None:
        return settings
    snapshots = settings.snapshots.model_copy(update={"directory": folder / "snapshots"})
    return settings.model_copy(update={"snapshots": snapshots})
