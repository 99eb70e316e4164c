"""The access lists of docs/production.md on a broker that asks who somebody is: enough for everyone, and no more."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, TOPICS, Append, Message
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import TopicsWanted, prepare_topics
from replay.kafka import KafkaSource
from services import KafkaBroker
from tests.service_fixtures import running

DOCUMENT = Path(__file__).parents[2] / "docs" / "production.md"
BLOCK = re.compile(r"<!-- access -->\n```sh\n(.*?)```", re.DOTALL)
USERS = {name: f"password of {name}" for name in ("admin", "engine", "gateway", "client", "auditor")}
WANTED = TopicsWanted(partition_count=2, replication_factor=1)
RESOURCES = {
    "--topic": ResourceType.TOPIC,
    "--group": ResourceType.GROUP,
    "--transactional-id": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}


def documented() -> Iterator[AclBinding]:
    """What the commands of the document add."""
    (block,) = BLOCK.findall(DOCUMENT.read_text())
    for line in block.splitlines():
        if not line.startswith("acls "):
            continue
        words = shlex.split(line)[1:]
        options = list(zip(words[::2], words[1::2], strict=True))
        given = dict(options)
        ((kind, name),) = [(RESOURCES[option], value) for option, value in options if option in RESOURCES]
        pattern = ResourcePatternType[given.get("--resource-pattern-type", "literal").upper()]
        for operation in [OPERATIONS[value] for option, value in options if option == "--operation"]:
            principal = given["--allow-principal"]
            yield AclBinding(kind, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)


def add_documented_lists(broker: KafkaBroker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.internal_address})
    for done in admin.create_acls(list(documented())).values():
        done.result(60)


class Guarded:
    """A broker with the access lists of the document."""

    def __init__(self, broker: KafkaBroker) -> None:
        self.broker = broker
        add_documented_lists(broker)

    def connection(self, user: str) -> KafkaConnection:
        return KafkaConnection(
            servers=self.broker.address,
            prefix="retold",
            security_protocol="SASL_PLAINTEXT",
            sasl_username=user,
            sasl_password=USERS[user],
        )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Guarded]:
    broker = KafkaBroker(tmp_path_factory.mktemp("guarded"), users=USERS)
    with running(broker, pytestconfig):
        found = Guarded(broker)
        assert asyncio.run(prepare_topics(found.connection("engine"), WANTED)) == 2
        yield found


def messages(topic: str, *sizes: int) -> Append:
    return Append(topic=topic, partition=1, messages=[Message(value=b"x" * size) for size in sizes])


async def open_log(connection: KafkaConnection) -> KafkaLog:
    """As the processes of an installation open it."""
    return await KafkaLog.open(connection, partition_count=2)


async def append(connection: KafkaConnection, *appends: Append) -> None:
    log = await open_log(connection)
    try:
        await log.append(appends)
    finally:
        await log.close()


async def read_end(connection: KafkaConnection, topic: str) -> int:
    log = await open_log(connection)
    try:
        await log.end(topic, 1)
        return (await log.read(topic, 1, 0)).next_offset
    finally:
        await log.close()


async def write_as_owner(connection: KafkaConnection) -> None:
    log = await open_log(connection)
    try:
        writer = await log.writer(1)
        await writer.append([messages(EVENTS, 10), messages(INTERNAL, 10)])
    finally:
        await log.close()


def test_an_engine_can_do_everything(guarded: Guarded) -> None:
    connection = guarded.connection("engine")
    asyncio.run(prepare_topics(connection, WANTED))
    asyncio.run(write_as_owner(connection))
    asyncio.run(append(connection, messages(INTERNAL, 10)))
    for topic in TOPICS:
        asyncio.run(read_end(connection, topic))


def test_a_gateway_sends_commands_and_reads_events(guarded: Guarded) -> None:
    connection = guarded.connection("gateway")
    asyncio.run(prepare_topics(connection, WANTED))
    asyncio.run(append(connection, messages(COMMANDS, 10)))
    asyncio.run(append(connection, messages(COMMANDS, 1_000_000, 1_000_000)))
    assert asyncio.run(read_end(connection, EVENTS)) >= 0
    for forbidden in (messages(INTERNAL, 10), messages(EVENTS, 10)):
        with pytest.raises(RetoldError, match="expected to be allowed"):
            asyncio.run(append(connection, forbidden))
    with pytest.raises(RetoldError, match="expected to be allowed"):
        asyncio.run(write_as_owner(connection))


@pytest.mark.parametrize(("topic", "is_allowed"), [(COMMANDS, True), (INTERNAL, False), (EVENTS, False)])
def test_a_client_produces_commands_alone(guarded: Guarded, topic: str, is_allowed: bool) -> None:
    found: list[KafkaError | None] = []
    producer = Producer(client_options_of(guarded, "client"))
    producer.produce(f"retold.{topic}", value=b"forged", partition=0, callback=lambda error, _: found.append(error))
    assert producer.flush(60) == 0
    codes = [None if error is None else error.code() for error in found]
    assert codes == [None if is_allowed else KafkaError.TOPIC_AUTHORIZATION_FAILED]


def test_a_client_cannot_fence_an_engine(guarded: Guarded) -> None:
    producer = Producer({**client_options_of(guarded, "client"), "transactional.id": "retold-1-0"})
    with pytest.raises(KafkaException) as refused:
        producer.init_transactions(60)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_an_auditor_reads_everything_and_changes_nothing(guarded: Guarded) -> None:
    source = KafkaSource(guarded.connection("auditor"))
    with source.cut() as cut:
        assert source.check(cut).counts["places"] == 2 * len(TOPICS)
    for topic in TOPICS:
        asyncio.run(read_end(source.connection, topic))
        with pytest.raises(RetoldError, match="expected to be allowed"):
            asyncio.run(append(source.connection, messages(topic, 10)))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_is_told_at_once(guarded: Guarded, mechanism: str) -> None:
    right = msgspec.structs.replace(guarded.connection("engine"), sasl_mechanism=mechanism)
    assert asyncio.run(prepare_topics(right, WANTED)) == 2
    wrong = msgspec.structs.replace(right, sasl_password="another")
    for open_it in (open_log(wrong), prepare_topics(wrong, WANTED)):
        with pytest.raises(RetoldError, match=f"accept user 'engine' with {mechanism}, .*kafka.saslPassword") as told:
            asyncio.run(open_it)
        assert not isinstance(told.value, Unavailable), "trying again cannot help"
        assert "another" not in told.value.message


def client_options_of(guarded: Guarded, user: str) -> dict[str, str]:
    connection = guarded.connection(user)
    return {
        "bootstrap.servers": connection.servers,
        "security.protocol": connection.security_protocol,
        "sasl.mechanism": connection.sasl_mechanism,
        "sasl.username": connection.sasl_username,
        "sasl.password": connection.sasl_password,
    }
