"""Machines of one installation on a broker and a node that a test may stop, kill and pause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from engine.shell.kafka.connection import KafkaConnection
from replay.kafka import KafkaSource
from services import KafkaBroker, OpensearchNode
from tests.integration.installation import PATIENCE, ROOT, Installation, wait_until

#: The engine's own user may do everything here; `docs/production.md` says what is enough.
USER, PASSWORD = "admin", "correct horse"


class Services:
    """One broker that asks who somebody is, and one node."""

    def __init__(self, directory: Path) -> None:
        self.broker = KafkaBroker(directory / "kafka", users={USER: PASSWORD})
        self.node = OpensearchNode(directory / "opensearch")

    def environment(self, name: str) -> dict[str, str]:
        """The settings of a machine of the installation of this name."""
        return {
            "RETOLD_KAFKA_BOOTSTRAP_SERVERS": self.broker.address,
            "RETOLD_KAFKA_TOPIC_PREFIX": name,
            "RETOLD_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "RETOLD_KAFKA_SASL_USERNAME": USER,
            "RETOLD_KAFKA_SASL_PASSWORD": PASSWORD,
            "RETOLD_OPENSEARCH_URL": self.node.address,
            "RETOLD_OPENSEARCH_INDEX_PREFIX": name,
        }

    def machine(self, name: str, directory: Path) -> Installation:
        """One more machine of the installation of this name: `retold run` with a data directory of its own."""
        return Installation(directory, environment=self.environment(name))

    def connection(self, name: str) -> KafkaConnection:
        return KafkaConnection(servers=self.broker.internal_address, prefix=name)

    def source(self, name: str) -> KafkaSource:
        """The log of an installation that was stopped."""
        return KafkaSource(self.connection(name))

    def verify(self, name: str, *machines: Installation) -> None:
        """Log, the state on each of these machines, and the index agree."""
        for machine in machines:
            done = run_retold("replay", "verify", "--data", str(machine.data), environment=self.environment(name))
            assert done.returncode == 0, done.stdout + done.stderr


def run_retold(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command of `retold`, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "engine.cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def owned(machine: Installation) -> set[int]:
    """The partitions that a machine owns, as it says itself."""
    answer = httpx.get(f"{machine.url}/v2/topology", timeout=PATIENCE)
    brokers = answer.json()["brokers"] if answer.is_success else []
    return {
        partition["partitionId"]
        for broker in brokers
        if broker["port"] == machine.port
        for partition in broker["partitions"]
        if partition["role"] == "leader"
    }


def wait_owned(machine: Installation, *partitions: int) -> None:
    wait_until(lambda: owned(machine) == set(partitions), f"the machine to own {partitions}")


@contextmanager
def asleep(machine: Installation) -> Iterator[None]:
    """All processes of a machine are stopped, and go on after the block."""
    pids = [machine.pid, *machine.pids().values()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
