"""An engine with a schema registry: Confluent's framing on the log, and a registry that comes and goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from engine.core.faults import RetoldError
from engine.core.record import command
from engine.records import FAMILIES, Job
from engine.shell.codec import Codec, SchemaIds, is_confluent
from engine.shell.codec.evolution import current_texts, histories
from engine.shell.schema_registry import RegistryConnection, SchemaRegistry
from tests.integration.installation import PATIENCE
from tests.integration.kafka_installation import KafkaInstallation
from tests.integration.test_kafka_clients import CLIENTS, client
from tests.support.models import one_task
from tests.support.registry import Registry

HISTORIES = histories(files("schemas"))
KEY = (1 << 51) + 1


def test_a_real_registry_takes_our_schemas_and_holds_them_to_their_history(schema_registry: str) -> None:
    with SchemaRegistry(RegistryConnection(url=schema_registry)) as registry:
        ids = registry.register(HISTORIES)
        assert len(ids.written) == len(FAMILIES)
        assert registry.register(HISTORIES) == ids == registry.look_up(HISTORIES)
        job = json.loads(current_texts(files("schemas"))["job"])
        level = httpx.get(f"{schema_registry}/config/io.retold.Job").raise_for_status().json()
        assert level["compatibilityLevel"] == "FULL_TRANSITIVE"
        broken = {**job, "fields": [f for f in job["fields"] if f["name"] != "type"]}
        broken["fields"].append({"name": "retriesLeft", "type": "long"})
        with pytest.raises(
            RetoldError, match=r"expected schemas that are FULL_TRANSITIVE compatible(.|\n)*io.retold.Job"
        ):
            registry.register([[json.dumps(broken)]])
        more = {**job, "fields": [*job["fields"], {"name": "more", "type": "string", "default": ""}]}
        assert len(registry.register([[json.dumps(job), json.dumps(more)]]).written) == 2


def installation(directory: Path, kafka: str, prefix: str, url: str) -> KafkaInstallation:
    return KafkaInstallation(directory, kafka, prefix, {"RETOLD_KAFKA_SCHEMA_REGISTRY_URL": url})


def deploy(engine: KafkaInstallation, name: str) -> None:
    sent = {"resources": (f"{name}.bpmn", one_task(name), "text/xml")}
    httpx.post(f"{engine.url}/v2/deployments", files=sent, timeout=PATIENCE).raise_for_status()


def read(engine: KafkaInstallation, topic: str, partition: int) -> Sequence[bytes]:
    """All values of a partition that are committed."""
    settings = {"bootstrap.servers": engine.servers, "group.id": engine.prefix, "isolation.level": "read_committed"}
    consumer = Consumer({**settings, "enable.partition.eof": True})
    consumer.assign([TopicPartition(f"{engine.prefix}.{topic}", partition - 1, 0)])
    values = []
    while (message := consumer.poll(PATIENCE)) is not None and message.error() is None:
        values.append(message.value())
    consumer.close()
    return values


def send(engine: KafkaInstallation, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": engine.servers})
    producer.produce(f"{engine.prefix}.commands", value, partition=0)
    assert producer.flush(PATIENCE) == 0


def test_records_are_framed_and_both_framings_are_read(
    tmp_path: Path, kafka: str, kafka_prefix: str, schema_registry: str
) -> None:
    """Without a registry at first, then with one: a log with both is verified, and decided again to the byte."""
    with KafkaInstallation(tmp_path, kafka, kafka_prefix, {}) as plain:
        deploy(plain, "before")
    before = [len(read(plain, "events", number)) for number in (1, 2)]
    with installation(tmp_path, kafka, kafka_prefix, schema_registry) as engine:
        deploy(engine, "after")
        with SchemaRegistry(RegistryConnection(url=schema_registry)) as registry:
            codec = Codec(FAMILIES, ids=registry.look_up(HISTORIES))
        send(engine, codec.encode(command("JOB", "COMPLETE", Job(), key=KEY)))
        send(engine, b"\x00\x7f\xff\xff\xffan id that nobody knows")
        for program in CLIENTS:
            assert " CREATED " in client(engine, program, "start", "before", registry=schema_registry)[0]
        assert engine.retold("produce", given=creation("after")).stdout.startswith("line 1: ACCEPTED")
    check_framing(engine, codec, before)
    for audit in ("verify", "rerun"):
        assert json.loads(engine.retold("replay", audit, "--json").stdout)["ok"], audit
    assert "JOB COMPLETE" in engine.retold("log", "--topic", "commands").stdout


def creation(name: str) -> str:
    value = {"bpmnProcessId": name, "bpmnVersion": -1}
    return json.dumps({"valueType": "PROCESS_INSTANCE_CREATION", "intent": "CREATE", "value": value})


def check_framing(engine: KafkaInstallation, codec: Codec, before: Sequence[int]) -> None:
    refusals: list[str] = []
    for number, count in zip((1, 2), before, strict=True):
        values = read(engine, "events", number)
        assert [is_confluent(value) for value in values] == [False] * count + [True] * (len(values) - count)
        assert len(values) > count
        refusals += [record.rejection_code for record in map(codec.decode, values) if record.rejection_code]
    assert sorted(refusals) == ["NOT_FOUND", "UNREADABLE"]


def test_a_registry_that_goes_away_later_disturbs_nobody(tmp_path: Path, kafka: str, kafka_prefix: str) -> None:
    with Registry() as registry:
        engine = installation(tmp_path, kafka, kafka_prefix, registry.url)
        engine.start()
        asked = len(registry.requests)
    try:
        deploy(engine, "alone")
        for _ in range(20):
            send(engine, b"\x00\x00\x00\x03\xe7an id that nobody knows")
        for role in ("partition-1", "gateway"):
            engine.kill(role)
            engine.wait_ready()
        assert engine.retold("produce", given=creation("alone")).stdout.startswith("line 1: ACCEPTED")
        assert len(registry.requests) == asked, "asked at the start only"
    finally:
        engine.stop()
    codec = Codec(FAMILIES, ids=ids_of(registry.subjects))
    codes = [codec.decode(value).rejection_code for value in read(engine, "events", 1)]
    assert codes.count("UNREADABLE") == 20


def ids_of(subjects: Mapping[str, Sequence[tuple[int, str]]]) -> SchemaIds:
    with Registry() as registry:
        registry.subjects = {name: list(versions) for name, versions in subjects.items()}
        with SchemaRegistry(RegistryConnection(url=registry.url)) as asking:
            return asking.look_up(HISTORIES)


def test_an_incompatible_schema_refuses_the_start(tmp_path: Path, kafka: str, kafka_prefix: str) -> None:
    with Registry() as registry:
        job = json.loads(current_texts(files("schemas"))["job"])
        job["fields"][-1]["type"], job["fields"][-1]["default"] = "long", 0
        registry.subjects["io.retold.Job"] = [(1, json.dumps(job))]
        engine = installation(tmp_path, kafka, kafka_prefix, registry.url)
        done = engine.retold("run", "--port", "0", exit_code=1)
    assert "compatible with those of the registry" in done.stderr
    assert "io.retold.Job: Schema being registered is incompatible" in done.stderr
    assert "Traceback" not in done.stderr
