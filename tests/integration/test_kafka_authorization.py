"""Authorization of commands that programs put on Kafka: signed, unsigned, and in an inbox; then the log is audited."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, Append, Message, inbox_of
from engine.core.record import Record, Step, command
from engine.records import ProcessInstanceCreation
from engine.shell.claims import ClaimsSeal
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from tests.integration.installation import PATIENCE, wait_until
from tests.integration.kafka_installation import KafkaInstallation
from tests.service_fixtures import own_indices, own_topics
from tests.support.models import one_task

CODEC = Assembly().codec
LOGIN = ("root", "the first password")
SECRET = "a secret that is long enough to be one"
PROCESS = "guarded"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, kafka: str, opensearch: str) -> Iterator[KafkaInstallation]:
    """With authorization and an inbox of the client `shop`, who may start the process that is deployed."""
    with own_indices(opensearch) as indices, own_topics(kafka) as prefix:
        settings = {
            "RETOLD_OPENSEARCH_URL": opensearch,
            "RETOLD_OPENSEARCH_INDEX_PREFIX": indices,
            "RETOLD_AUTHORIZATION_ENABLED": "true",
            "RETOLD_AUTHORIZATION_ADMIN_USERNAME": LOGIN[0],
            "RETOLD_AUTHORIZATION_ADMIN_PASSWORD": LOGIN[1],
            "RETOLD_AUTHORIZATION_CLAIMS_SECRET": SECRET,
            "RETOLD_KAFKA_INBOXES": "shop=client:shop,bank=client:bank",
        }
        with KafkaInstallation(tmp_path_factory.mktemp("guarded"), kafka, prefix, settings) as running:
            running.environment |= {"RETOLD_USERNAME": LOGIN[0], "RETOLD_PASSWORD": LOGIN[1]}
            wait_until(lambda: get(running, "topology").status_code == 200, "an administrator")
            files = {"resources": (f"{PROCESS}.bpmn", one_task(PROCESS), "text/xml")}
            post(running, "deployments", files=files)
            post(running, "authorizations", json=grant("client", "shop"))
            yield running


def grant(owner_type: str, owner: str) -> dict[str, object]:
    return {
        "ownerType": owner_type.upper(),
        "ownerId": owner,
        "resourceType": "PROCESS_DEFINITION",
        "resourceId": PROCESS,
        "permissionTypes": ["CREATE_PROCESS_INSTANCE"],
    }


def get(engine: KafkaInstallation, path: str) -> httpx.Response:
    return httpx.get(f"{engine.url}/v2/{path}", auth=LOGIN, timeout=PATIENCE)


def post(engine: KafkaInstallation, path: str, **body: object) -> None:
    sent = httpx.post(f"{engine.url}/v2/{path}", auth=LOGIN, timeout=PATIENCE, **body)  # type: ignore[arg-type]
    sent.raise_for_status()


def creation(claims: str, request: str) -> Message:
    wish = ProcessInstanceCreation(bpmn_process_id=PROCESS)
    step = Step(claims=claims, request=request)
    sent = command("PROCESS_INSTANCE_CREATION", "CREATE", wish, step=step)
    return Message(value=CODEC.encode(sent), headers={"request": request})


def outcome(engine: KafkaInstallation, topic: str, message: Message) -> Record:
    """Put a message on a topic as any producer may; gives the first record of its outcome."""
    connection = KafkaConnection(servers=engine.servers, prefix=engine.prefix, inboxes=("shop", "bank"))

    async def run() -> Record:
        log = await KafkaLog.open(connection, partition_count=engine.partitions)
        try:
            offset = await log.end("events", 1)
            (sent,) = await log.append([Append(topic=topic, partition=1, messages=[message])])
            async with asyncio.timeout(PATIENCE):
                while True:
                    await log.wait({("events", 1): offset}, PATIENCE)
                    page = await log.read("events", 1, offset)
                    offset = page.next_offset
                    for record in map(CODEC.decode, (entry.value for entry in page.entries)):
                        if record.index == 0 and (record.step.source_input, record.step.source_offset) == (topic, sent):
                            return record
        finally:
            await log.close()

    return asyncio.run(run())


def told(record: Record) -> tuple[str, str]:
    return record.step.claims, record.rejection_code or record.intent


def new_request() -> str:
    return f"test/{uuid4().hex}"


def test_a_signed_command_is_from_whom_it_says(engine: KafkaInstallation) -> None:
    signed = ClaimsSeal(SECRET).sign(creation("client:shop", new_request()))
    assert told(outcome(engine, COMMANDS, signed)) == ("client:shop", "CREATED")
    other = ClaimsSeal(SECRET).sign(creation("client:other", new_request()))
    assert told(outcome(engine, COMMANDS, other)) == ("client:other", "FORBIDDEN")


def test_a_command_that_nobody_has_signed_is_from_nobody(engine: KafkaInstallation) -> None:
    assert told(outcome(engine, COMMANDS, creation("client:shop", new_request()))) == ("anonymous", "FORBIDDEN")
    forged = ClaimsSeal("some other secret of the same length").sign(creation("user:root", new_request()))
    assert told(outcome(engine, COMMANDS, forged)) == ("anonymous", "FORBIDDEN")


def test_a_command_in_an_inbox_is_from_its_principal(engine: KafkaInstallation) -> None:
    assert told(outcome(engine, inbox_of("shop"), creation("", new_request()))) == ("client:shop", "CREATED")
    assert told(outcome(engine, inbox_of("bank"), creation("client:shop", new_request()))) == (
        "client:bank",
        "FORBIDDEN",
    )


def test_owners_go_on_where_an_inbox_was_left_and_the_log_is_audited(engine: KafkaInstallation, tmp_path: Path) -> None:
    first = outcome(engine, inbox_of("shop"), creation("", new_request()))
    engine.kill("partition-1")
    engine.wait_ready()
    second = outcome(engine, inbox_of("shop"), creation("", new_request()))
    assert second.step.source_ordinal == first.step.source_ordinal + 1
    engine.stop()
    try:
        for audit in (("replay", "verify", "--json"), ("replay", "rerun", "--json")):
            report = json.loads(engine.retold(*audit).stdout)
            assert report["ok"], report
    finally:
        engine.start()
