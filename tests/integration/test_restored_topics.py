"""Topics of Kafka restored from a copy that a plain consumer and a plain producer made: other offsets, other stamps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from engine.core.faults import InconsistentLog
from engine.core.ports import COMMANDS, EVENTS, TOPICS
from engine.core.settings import MachineSettings
from engine.records import ProcessInstanceCreation
from engine.shell.clock import SystemClock
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import TopicsWanted, prepare_topics
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner
from replay.kafka import KafkaSource
from replay.rerun import rerun
from replay.verify import verify
from tests.integration.installation import PATIENCE, wait_until
from tests.integration.kafka_installation import KafkaInstallation
from tests.support.models import one_task
from tests.support.scenario import ASSEMBLY, CODEC, make

#: Instances that were created, and commands that nobody has decided when the copy is made.
DECIDED, PENDING = 12, 5
PARTITIONS = 2

#: What a copy keeps: topic, partition (from 0) and the number of the message there.
Keeps = Callable[[str, int, int], bool]


def everything(_topic: str, _partition: int, _number: int) -> bool:
    return True


def count(client: httpx.Client) -> int:
    found = client.post("/process-instances/search", json={}).raise_for_status().json()
    total: int = found["page"]["totalItems"]
    return total


def live(directory: Path, servers: str, prefix: str) -> None:
    """An engine that creates instances and is stopped; then commands come that nobody decides."""
    engine = KafkaInstallation(directory, servers, prefix, {})
    with engine, httpx.Client(base_url=f"{engine.url}/v2", timeout=60) as client:
        files = {"resources": ("one.bpmn", one_task(), "application/octet-stream")}
        client.post("/deployments", files=files).raise_for_status()
        for number in range(DECIDED):
            wish = {"processDefinitionId": "one", "variables": {"number": number}}
            client.post("/process-instances", json=wish).raise_for_status()
        wait_until(lambda: count(client) == DECIDED, "all instances to be found")
    producer = Producer({"bootstrap.servers": servers})
    for number in range(PENDING):
        creation = ProcessInstanceCreation(bpmn_process_id="one", variables=f'{{"pending":{number}}}')
        value = CODEC.encode(make("PROCESS_INSTANCE_CREATION", "CREATE", creation))
        producer.produce(f"{prefix}.{COMMANDS}", value, partition=number % PARTITIONS)
    assert producer.flush(30) == 0


def read_all(servers: str, topic: str) -> list[Message]:
    """All that is committed."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "copy", "isolation.level": "read_committed"})
    found: list[Message] = []
    for partition in range(PARTITIONS):
        place = TopicPartition(topic, partition, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=30)
        consumer.assign([place])
        deadline = time.monotonic() + PATIENCE
        while (offset := consumer.position([place])[0].offset) < end:
            assert time.monotonic() < deadline, f"expected {topic} of {partition} to offset {end}, got {offset}"
            message = consumer.poll(0.5)
            if message is not None:
                assert message.error() is None
                found.append(message)
    consumer.close()
    return found


def copy(servers: str, prefix: str, target: str, keeps: Keeps = everything) -> KafkaConnection:
    """What a person does with any two programs."""
    connection = KafkaConnection(servers=servers, prefix=target)
    asyncio.run(prepare_topics(connection, TopicsWanted(partition_count=PARTITIONS)))
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True})
    for topic in TOPICS:
        numbers = dict.fromkeys(range(PARTITIONS), -1)
        for message in read_all(servers, f"{prefix}.{topic}"):
            partition = message.partition()
            assert partition is not None
            numbers[partition] += 1
            if keeps(topic, partition, numbers[partition]):
                producer.produce(
                    f"{target}.{topic}", message.value(), partition=partition, headers=message.headers() or []
                )
    assert producer.flush(30) == 0
    return connection


async def recover(connection: KafkaConnection, partition: int) -> None:
    """What a partition does first."""
    log = await KafkaLog.open(connection, partition_count=PARTITIONS)
    state, machine = ASSEMBLY.machine(MemoryStore(), partition, PARTITIONS)
    runner = Runner(
        log=log,
        codec=CODEC,
        state=state,
        machine=machine,
        clock=SystemClock(),
        prepare=lambda started: ASSEMBLY.prepare(MachineSettings(), started),
    )
    try:
        await asyncio.wait_for(runner.recover(), PATIENCE)
    finally:
        await log.close()


def test_topics_restored_from_a_copy(kafka: str, kafka_prefix: str, tmp_path: Path) -> None:
    # One installation for all of it: it takes longest to start.
    live(tmp_path / "first", kafka, kafka_prefix)
    copies_that_lack_something_are_refused(kafka, kafka_prefix)
    every_command_without_an_outcome_runs_once(tmp_path / "second", kafka, kafka_prefix)


def copies_that_lack_something_are_refused(servers: str, prefix: str) -> None:
    places = [message.partition() for message in read_all(servers, f"{prefix}.{COMMANDS}")]
    pending = [len(range(partition, PENDING, PARTITIONS)) for partition in range(PARTITIONS)]
    decided = [places.count(partition) - pending[partition] for partition in range(PARTITIONS)]

    def without_the_end_of_commands(topic: str, partition: int, number: int) -> bool:
        return topic != COMMANDS or number < decided[partition] - 1

    def without_an_event(topic: str, _partition: int, number: int) -> bool:
        return topic != EVENTS or number != 20

    connection = copy(servers, prefix, f"{prefix}-lacks-commands", without_the_end_of_commands)
    with pytest.raises(InconsistentLog, match=rf"number {decided[0]} is missing: behind those before it it ends"):
        asyncio.run(recover(connection, 1))
    connection = copy(servers, prefix, f"{prefix}-lacks-an-event", without_an_event)
    with pytest.raises(Exception, match="expected position 21 at offset 20 of events of partition 1, got 22"):
        asyncio.run(recover(connection, 1))


def every_command_without_an_outcome_runs_once(directory: Path, servers: str, prefix: str) -> None:
    target = f"{prefix}-restored"
    connection = copy(servers, prefix, target)
    engine = KafkaInstallation(directory, servers, target, {})
    with engine, httpx.Client(base_url=f"{engine.url}/v2", timeout=60) as client:
        wait_until(lambda: count(client) >= DECIDED + PENDING, "what was pending to run")
        client.post("/process-instances", json={"processDefinitionId": "one"}).raise_for_status()
        wait_until(lambda: count(client) > DECIDED + PENDING, "a new instance")
        assert count(client) == DECIDED + PENDING + 1
    source = KafkaSource(connection)
    report = verify(engine.data, source=source)
    assert report.ok, msgspec.json.encode(report)
    counts = next(check.counts for check in report.checks if check.name == "outcomes")
    assert counts["log generations"] == PARTITIONS
    again = rerun(source)
    assert again.ok, msgspec.json.encode(again)
