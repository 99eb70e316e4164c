"""Topics are made with the settings that a log needs; others are refused, all problems at once, each with its fix."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, TOPICS
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import TopicsWanted, count_partitions, prepare_topics, topic_settings
from tests.integration.installation import wait_until

WANTED = TopicsWanted(partition_count=2)


@pytest.fixture
def connection(kafka: str, kafka_prefix: str) -> KafkaConnection:
    return KafkaConnection(servers=kafka, prefix=kafka_prefix)


@pytest.fixture
def admin(kafka: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka})


def create(
    admin: AdminClient,
    connection: KafkaConnection,
    partitions: int,
    topics: Sequence[str] = TOPICS,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Topics with our settings, but for those given."""
    config = {**topic_settings(WANTED), **(settings or {})}
    new = [NewTopic(connection.topic(topic), partitions, 1, config=config) for topic in topics]
    for done in admin.create_topics(new).values():
        done.result(60)
    names = {topic.topic for topic in new}
    # a broker learns of it a little later
    wait_until(lambda: admin.list_topics(timeout=60).topics.keys() >= names, f"the broker to know {names}")


def refusal(connection: KafkaConnection, wanted: TopicsWanted = WANTED) -> str:
    with pytest.raises(RetoldError) as raised:
        asyncio.run(prepare_topics(connection, wanted))
    assert not isinstance(raised.value, Unavailable)
    return raised.value.message


def test_missing_topics_are_made_as_a_log_needs_them(connection: KafkaConnection, admin: AdminClient) -> None:
    wanted = TopicsWanted(partition_count=3, replication_factor=1, retention_ms=86_400_000)
    assert asyncio.run(prepare_topics(connection, wanted)) == 3
    for topic in TOPICS:
        (done,) = admin.describe_configs([ConfigResource("topic", connection.topic(topic))]).values()
        actual = {name: entry.value for name, entry in done.result(60).items()}
        assert {name: actual[name] for name in topic_settings(wanted)} == topic_settings(wanted)
    assert actual["retention.ms"] == "86400000"
    assert actual["message.timestamp.type"] == "LogAppendTime"
    assert asyncio.run(prepare_topics(connection, wanted)) == 3
    assert asyncio.run(count_partitions(connection, "test")) == 3


def test_what_is_missing_is_added_to_what_fits(connection: KafkaConnection, admin: AdminClient) -> None:
    create(admin, connection, 2, [COMMANDS, EVENTS])
    assert asyncio.run(prepare_topics(connection, WANTED)) == 2


def test_several_processes_may_make_them_at_once(connection: KafkaConnection) -> None:
    async def prepare() -> list[int]:
        return await asyncio.gather(*(prepare_topics(connection, WANTED) for _ in range(3)))

    assert asyncio.run(prepare()) == [2, 2, 2]


def test_topics_are_not_made_when_that_is_not_wanted(connection: KafkaConnection) -> None:
    text = refusal(connection, TopicsWanted(partition_count=2, create=False))
    for topic in TOPICS:
        name = re.escape(connection.topic(topic))
        assert re.search(rf"{name}: .* got none; run: kafka-topics.sh .*--create --topic {name} --partitions 2 ", text)
    assert "--config message.timestamp.type=LogAppendTime" in text


def test_wrong_settings_are_refused_all_at_once_with_the_fix(connection: KafkaConnection, admin: AdminClient) -> None:
    wrong = {"cleanup.policy": "compact", "max.message.bytes": "1000000", "message.timestamp.type": "CreateTime"}
    create(admin, connection, 2, [COMMANDS], wrong)
    create(admin, connection, 2, [EVENTS], {"retention.ms": "604800000", "compression.type": "producer"})
    create(admin, connection, 2, [INTERNAL], {"compression.type": "gzip", "max.message.bytes": "20000000"})
    text = refusal(connection)
    commands, events = connection.topic(COMMANDS), connection.topic(EVENTS)
    for problem in (
        f"{commands}: expected cleanup.policy=delete, got compact",
        f"{commands}: expected max.message.bytes=5242880, got 1000000",
        f"{commands}: expected message.timestamp.type=LogAppendTime, got CreateTime",
        f"{events}: expected retention.ms=-1, got 604800000",
        f"{events}: expected compression.type=uncompressed, got producer",
        f"--alter --topic {commands} --add-config cleanup.policy=delete,max.message.bytes=5242880,"
        "message.timestamp.type=LogAppendTime",
        f"--alter --topic {events} --add-config retention.ms=-1,compression.type=uncompressed",
    ):
        assert problem in text
    assert connection.topic(INTERNAL) not in text


def test_the_fix_of_the_message_is_enough(connection: KafkaConnection, admin: AdminClient) -> None:
    create(admin, connection, 2, settings={"retention.ms": "1000", "min.insync.replicas": "1"})
    for name, pairs in re.findall(r"--alter --topic (\S+) --add-config (\S+)", refusal(connection)):
        entries = [
            ConfigEntry(*pair.split("="), incremental_operation=AlterConfigOpType.SET) for pair in pairs.split(",")
        ]
        resource = ConfigResource("topic", name, incremental_configs=entries)
        (done,) = admin.incremental_alter_configs([resource]).values()
        done.result(60)
    assert asyncio.run(prepare_topics(connection, WANTED)) == 2


def test_a_longer_retention_fits_and_a_shorter_does_not(connection: KafkaConnection, admin: AdminClient) -> None:
    create(admin, connection, 2, settings={"retention.ms": "1000000"})
    shorter = msgspec.structs.replace(WANTED, retention_ms=900_000)
    assert asyncio.run(prepare_topics(connection, shorter)) == 2
    assert "expected retention.ms=1100000, got 1000000" in refusal(
        connection, msgspec.structs.replace(WANTED, retention_ms=1_100_000)
    )


def test_another_number_of_partitions_is_refused(connection: KafkaConnection, admin: AdminClient) -> None:
    create(admin, connection, 3)
    assert "expected 2 partitions, got 3; their number is fixed for the life of a log: set partitions to 3" in refusal(
        connection
    )
    with pytest.raises(RetoldError, match=r"with 2 partitions, got 3; look at kafka.topicPrefix and partitions"):
        asyncio.run(KafkaLog.open(connection, partition_count=2))


def test_topics_that_differ_are_refused(connection: KafkaConnection, admin: AdminClient) -> None:
    create(admin, connection, 2, [COMMANDS, INTERNAL])
    create(admin, connection, 1, [EVENTS])
    name = connection.topic(EVENTS)
    text = refusal(connection)
    assert f"{name}: expected 2 partitions as other topics have, got 1; run: kafka-topics.sh" in text
    assert f"--alter --topic {name} --partitions 2" in text
    with pytest.raises(RetoldError, match="the same number of partitions"):
        asyncio.run(KafkaLog.open(connection, partition_count=2))


def test_more_replicas_than_there_are_cannot_be_in_sync(connection: KafkaConnection) -> None:
    wanted = TopicsWanted(partition_count=1, min_insync_replicas=2)
    assert "expected 2 replicas, got 1; add replicas with kafka-reassign-partitions.sh" in refusal(connection, wanted)


def test_what_a_broker_will_not_make_is_told_with_the_command(connection: KafkaConnection) -> None:
    text = refusal(connection, TopicsWanted(partition_count=1, replication_factor=3))
    assert re.search(r"got InvalidReplicationFactorError: .*--replication-factor 3", text)


def test_nothing_is_made_by_who_only_reads(connection: KafkaConnection, admin: AdminClient) -> None:
    with pytest.raises(RetoldError, match="expected 3 topics"):
        asyncio.run(KafkaLog.open(connection, partition_count=2))
    with pytest.raises(RetoldError, match="expected 3 topics"):
        asyncio.run(count_partitions(connection, "test"))
    assert not [name for name in admin.list_topics(timeout=60).topics if name.startswith(connection.prefix)]


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.socket() as closed, socket.socket() as silent:
        closed.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ports = [one.getsockname()[1] for one in (closed, silent)]
        servers = ",".join(f"127.0.0.1:{port}" for port in ports)
        connection = KafkaConnection(servers=servers, request_timeout=1.0)
        with pytest.raises(Unavailable, match="start it") as raised:
            asyncio.run(prepare_topics(connection, WANTED))
        assert re.search(rf"127.0.0.1:{ports[0]} gives .*Connect call failed", raised.value.message)
        assert f"127.0.0.1:{ports[1]} gives no answer in time" in raised.value.message
        with pytest.raises(Unavailable, match="start it"):
            asyncio.run(KafkaLog.open(connection, partition_count=2))
