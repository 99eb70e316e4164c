"""The topics of an installation, inboxes too: made with the settings that the log needs, or looked at and refused.

Rule: an existing topic is never changed by us; what is wrong with all of them is told at once, each with its fix.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import VALUE_SIZE_MAX
from engine.shell.kafka.connection import RETRY_SECONDS, KafkaConnection, client_options, reach

#: Largest batch that a topic takes, in bytes: a value and its headers, with room.
MESSAGE_SIZE_MAX = VALUE_SIZE_MAX + (1 << 20)


class TopicsWanted(Struct, frozen=True, kw_only=True):
    """How the topics shall be. `replication_factor` -1: the broker's default; `retention_ms` -1: for ever."""

    partition_count: int
    create: bool = True
    replication_factor: int = -1
    min_insync_replicas: int = 1
    retention_ms: int = -1


class Topic(Struct, frozen=True, kw_only=True):
    """A topic as it is; `replication_factor`: of the partition that has least."""

    partition_count: int
    replication_factor: int
    settings: Mapping[str, str]


async def prepare_topics(connection: KafkaConnection, wanted: TopicsWanted) -> int:
    """Create the topics that are missing and look at all of them; gives the partition count.

    Raises Unavailable when Kafka does not answer, RetoldError with everything that is wrong and how to put it right.
    """
    from aiokafka.admin import AIOKafkaAdminClient

    from engine.shell.kafka.errors import KAFKA_ERRORS, fault_of

    await reach(connection, "topics")
    admin = AIOKafkaAdminClient(**client_options(connection, "topics"))
    try:
        async with asyncio.timeout(connection.request_timeout * 3):
            await admin.start()
            found = await _find(admin, connection)
            missing = [topic for topic in connection.topics if topic not in found]
            if missing and wanted.create and not _differences(connection, wanted, found):
                await _create(admin, connection, wanted, missing)
                found = await _find_all(admin, connection)
    except KAFKA_ERRORS as error:
        raise fault_of(error, "the topics' description") from error
    finally:
        await admin.close()
    problems = _differences(connection, wanted, found)
    problems += [_missing(connection, wanted, topic) for topic in connection.topics if topic not in found]
    if problems:
        raise RetoldError("expected topics that keep a log, got:\n" + "\n".join(f"- {text}" for text in problems))
    return wanted.partition_count


async def count_partitions(connection: KafkaConnection, name: str) -> int:
    """How many partitions the topics that are there have. Creates nothing.

    Raises Unavailable when Kafka does not answer, RetoldError when topics are missing or differ.
    """
    from engine.shell.kafka.fetcher import AiokafkaFetcher

    await reach(connection, name)
    fetcher = AiokafkaFetcher(connection, name, 0)
    try:
        return await fetcher.count_partitions()
    finally:
        await fetcher.close()


def topic_settings(wanted: TopicsWanted) -> dict[str, str]:
    """The settings of a topic that is made."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(wanted.retention_ms),
        "retention.bytes": "-1",
        "max.message.bytes": str(MESSAGE_SIZE_MAX),
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(wanted.min_insync_replicas),
        # Whatever a producer uses, brokers store what every reader can read.
        "compression.type": "uncompressed",
        "unclean.leader.election.enable": "false",
    }


def _fitting(wanted: TopicsWanted) -> dict[str, Callable[[str], bool]]:
    """Which values of an existing topic are as good as ours, where it need not be the same."""
    retention = wanted.retention_ms
    return {
        "retention.ms": lambda value: int(value) == -1 or 0 <= retention <= int(value),
        "retention.bytes": lambda value: retention != -1 or int(value) == -1,
        "max.message.bytes": lambda value: int(value) >= MESSAGE_SIZE_MAX,
        "min.insync.replicas": lambda value: int(value) >= wanted.min_insync_replicas,
        "compression.type": lambda value: value in ("uncompressed", "gzip"),
    }


def _differences(connection: KafkaConnection, wanted: TopicsWanted, found: Mapping[str, Topic]) -> list[str]:
    """What is wrong with the topics that are there, and the fix of each."""
    texts = _count_problems(connection, wanted, found)
    settings, fitting = topic_settings(wanted), _fitting(wanted)
    for topic, description in found.items():
        name = connection.topic(topic)
        wrong = {}
        for setting, value in settings.items():
            actual = description.settings.get(setting, value)
            if actual != value and not (setting in fitting and fitting[setting](actual)):
                wrong[setting] = value
                texts.append(f"{name}: expected {setting}={value}, got {actual}")
        if wrong:
            pairs = ",".join(f"{setting}={value}" for setting, value in wrong.items())
            texts[-1] += (
                f"; run: kafka-configs.sh --bootstrap-server {connection.servers} --alter --topic {name} "
                f"--add-config {pairs}"
            )
        replicas, in_sync = description.replication_factor, int(description.settings.get("min.insync.replicas", "1"))
        if replicas < max(wanted.replication_factor, in_sync):
            texts.append(
                f"{name}: expected {max(wanted.replication_factor, in_sync)} replicas, got {replicas}; add replicas "
                "with kafka-reassign-partitions.sh, or lower kafka.replicationFactor and kafka.minInsyncReplicas"
            )
    return texts


def _count_problems(connection: KafkaConnection, wanted: TopicsWanted, found: Mapping[str, Topic]) -> list[str]:
    counts = {topic: description.partition_count for topic, description in found.items()}
    if not counts:
        return []
    count = max(counts.values())
    texts = [
        f"{connection.topic(topic)}: expected {count} partitions as other topics have, got {few}; run: kafka-topics.sh "
        f"--bootstrap-server {connection.servers} --alter --topic {connection.topic(topic)} --partitions {count}"
        for topic, few in counts.items()
        if few < count
    ]
    if count != wanted.partition_count:
        texts.append(
            f"{connection.prefix}.*: expected {wanted.partition_count} partitions, got {count}; their number is fixed "
            f"for the life of a log: set partitions to {count}, or choose another kafka.topicPrefix"
        )
    return texts


def _missing(connection: KafkaConnection, wanted: TopicsWanted, topic: str) -> str:
    name = connection.topic(topic)
    pairs = " ".join(f"--config {setting}={value}" for setting, value in topic_settings(wanted).items())
    replicas = f"--replication-factor {wanted.replication_factor} " if wanted.replication_factor > 0 else ""
    return (
        f"{name}: expected a topic, got none; run: kafka-topics.sh --bootstrap-server {connection.servers} --create "
        f"--topic {name} --partitions {wanted.partition_count} {replicas}{pairs}"
    )


async def _find(admin: Any, connection: KafkaConnection) -> dict[str, Topic]:
    """Those of our topics that are there. All topics are listed: a broker may create one that is asked for by name."""
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    names = {connection.topic(topic): topic for topic in connection.topics}
    described = {topic["topic"]: topic for topic in await admin.describe_topics() if topic["topic"] in names}
    if not described:
        return {}
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in described])
    settings = {}
    for response in responses:
        for code, text, _, name, found in response.resources:
            if code:
                raise Unavailable(f"expected the settings of topic {name}, got: {text or code}; retry")
            settings[name] = {setting[0]: setting[1] for setting in found if setting[1] is not None}
    return {
        names[name]: Topic(
            partition_count=len(topic["partitions"]),
            replication_factor=min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            settings=settings[name],
        )
        for name, topic in described.items()
    }


async def _find_all(admin: Any, connection: KafkaConnection) -> dict[str, Topic]:
    """All of our topics; brokers learn a little later of those that were made."""
    while len(found := await _find(admin, connection)) < len(connection.topics):
        await asyncio.sleep(RETRY_SECONDS)
    return found


async def _create(admin: Any, connection: KafkaConnection, wanted: TopicsWanted, topics: Sequence[str]) -> None:
    from aiokafka import errors
    from aiokafka.admin import NewTopic

    settings = topic_settings(wanted)
    made = [NewTopic(connection.topic(topic), wanted.partition_count, 1, topic_configs=settings) for topic in topics]
    for topic in made:
        topic.replication_factor = wanted.replication_factor  # -1 only here: it is refused above, and brokers take it
    response = await admin.create_topics(made)
    for name, code, *text in response.topic_errors:
        error = errors.for_code(code)
        if error not in (errors.NoError, errors.TopicAlreadyExistsError):  # another process may have been faster
            raise RetoldError(
                f"expected Kafka to create topic {name}, got {error.__name__}: {text[0] if text else ''}; "
                + _missing(connection, wanted, name.removeprefix(f"{connection.prefix}."))
            )
