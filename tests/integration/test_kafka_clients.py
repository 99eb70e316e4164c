"""Programs of others against an engine on Kafka: what they send, what they are told, and what the log says of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, INTERNAL, VALUE_SIZE_MAX
from engine.core.record import Record, Step, command, partition_of
from engine.records import BatchOperationChunk, Clock, Deployment, Job
from engine.telemetry.attributes import ATTRIBUTES
from tests.integration.installation import PATIENCE, ROOT, wait_until
from tests.integration.kafka_installation import KafkaInstallation
from tests.integration.test_telemetry import environment as telemetry_environment
from tests.service_fixtures import own_indices, own_topics
from tests.support.collector import Collector
from tests.support.models import one_task

CODEC = Assembly().codec
PROCESS = "outside"
CLIENTS = ("aiokafka_client.py", "confluent_client.py")
TRACE = "5bf92f3577b34da6a3ce929d0e0e4736"
PRODUCER_SPAN = "00f067aa0ba902b9"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def engine(
    tmp_path_factory: pytest.TempPathFactory, kafka: str, opensearch: str, collector: Collector
) -> Iterator[KafkaInstallation]:
    """Two partitions on Kafka, and OpenSearch; one process is deployed; spans are sent of what names a trace."""
    directory = tmp_path_factory.mktemp("clients")
    with own_indices(opensearch) as indices, own_topics(kafka) as prefix:
        settings = {
            **telemetry_environment(collector.url),
            "RETOLD_OPENSEARCH_URL": opensearch,
            "RETOLD_OPENSEARCH_INDEX_PREFIX": indices,
        }
        with KafkaInstallation(directory, kafka, prefix, settings) as running:
            files = {"resources": (f"{PROCESS}.bpmn", one_task(PROCESS), "text/xml")}
            httpx.post(f"{running.url}/v2/deployments", files=files, timeout=PATIENCE).raise_for_status()
            yield running


def client(engine: KafkaInstallation, program: str, *wish: str, registry: str = "") -> list[str]:
    """Run an example; gives its lines."""
    environment = {**os.environ, "SCHEMA_REGISTRY_URL": registry}
    arguments = [sys.executable, f"examples/{program}", "--servers", engine.servers, "--prefix", engine.prefix, *wish]
    done = subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def state_of(engine: KafkaInstallation, key: str) -> str:
    found = httpx.get(f"{engine.url}/v2/process-instances/{key}", timeout=PATIENCE)
    return str(found.json()["state"]) if found.is_success else ""


@pytest.mark.parametrize("program", CLIENTS)
def test_an_example_starts_and_cancels_an_instance(engine: KafkaInstallation, program: str) -> None:
    (created,) = client(engine, program, "start", PROCESS, '{"from": "outside"}')
    assert " EVENT PROCESS_INSTANCE_CREATION CREATED " in created
    key = created.rpartition(" ")[2]
    wait_until(lambda: state_of(engine, key) == "ACTIVE", "the instance to be indexed")
    (canceled,) = client(engine, program, "cancel", key)
    assert f" EVENT PROCESS_INSTANCE ELEMENT_TERMINATING {key}" in canceled
    (again,) = client(engine, program, "cancel", key)
    assert "REJECTION PROCESS_INSTANCE CANCEL: NOT_FOUND: expected a running process instance" in again
    wait_until(lambda: state_of(engine, key) == "TERMINATED", "the end to be indexed")


@pytest.mark.parametrize("program", CLIENTS)
def test_an_example_reads_whole_steps(engine: KafkaInstallation, program: str) -> None:
    """From the beginning of the log: positions without a gap, and the step of a new instance is there at once."""
    arguments = [
        sys.executable,
        f"examples/{program}",
        "--servers",
        engine.servers,
        "--prefix",
        engine.prefix,
        "events",
    ]
    reading = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    deadline = threading.Timer(PATIENCE, reading.kill)
    deadline.start()
    try:
        assert reading.stdout is not None
        (created,) = client(engine, program, "start", PROCESS)
        place = created.split(" ")[0]
        partition, last = (int(part) for part in place.split("/"))
        seen: list[int] = []
        for line in reading.stdout:
            number, position = (int(part) for part in line.split(" ")[0].split("/"))
            if number == partition:
                seen.append(position)
            if (number, position) == (partition, last):
                break
        assert seen == list(range(1, last + 1))
    finally:
        deadline.cancel()
        reading.kill()
        reading.communicate()


def lines(*documents: object) -> str:
    return "".join(f"{json.dumps(document)}\n" for document in documents)


def creation(**fields: object) -> dict[str, object]:
    value = {"bpmnProcessId": PROCESS, "bpmnVersion": -1}
    return {"valueType": "PROCESS_INSTANCE_CREATION", "intent": "CREATE", "value": value, **fields}


def test_lines_are_produced_and_answered(engine: KafkaInstallation) -> None:
    done = engine.retold("produce", "--json", given=lines(*[creation()] * 20))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["place"] for answer in answers] == [f"line {number}" for number in range(1, 21)]
    assert {(answer["outcome"], answer["intent"]) for answer in answers} == {("ACCEPTED", "CREATED")}
    assert {answer["partition"] for answer in answers} == {1, 2}
    assert all(partition_of(int(answer["key"])) == answer["partition"] for answer in answers)
    cancels = [{"valueType": "PROCESS_INSTANCE", "intent": "CANCEL", "key": answer["key"]} for answer in answers]
    nothing = {"valueType": "JOB", "intent": "COMPLETE", "key": str((1 << 51) + 1)}
    done = engine.retold("produce", given=lines(*cancels, nothing), exit_code=1)
    assert "line 21: NOT_FOUND JOB COMPLETE: expected to complete a job" in done.stdout
    assert done.stdout.count("ACCEPTED PROCESS_INSTANCE ELEMENT_TERMINATING") == 20
    assert "1 of 21 were not accepted: ACCEPTED 20, NOT_FOUND 1" in done.stderr


def test_a_retry_with_the_same_idempotency_key_is_found_again(engine: KafkaInstallation, tmp_path: Path) -> None:
    file = tmp_path / "once.jsonl"
    file.write_text(lines(creation(idempotencyKey="once and only once")))
    first = json.loads(engine.retold("produce", "--json", "--file", str(file)).stdout)
    done = engine.retold("produce", "--json", "--file", str(file), exit_code=1)
    again = json.loads(done.stdout)
    assert again["outcome"] == "ALREADY_EXISTS"
    assert f"position {first['position']} of partition {first['partition']}, key {first['key']}" in again["reason"]


def test_nothing_is_sent_when_a_line_is_wrong(engine: KafkaInstallation, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(lines(creation(idempotencyKey="never sent")))
    bad.write_text(lines(creation(partition=3), {"valueType": "CLOCK", "intent": "TICK"}))
    done = engine.retold("produce", "--file", str(good), "--file", str(bad), exit_code=1)
    assert done.stdout == ""
    assert f"{bad} line 1: partition: expected a whole number from 0 to 2, got 3" in done.stderr
    assert f"{bad} line 2: valueType: expected one of DEPLOYMENT, " in done.stderr
    assert "2 of 3 lines are wrong; nothing was sent" in done.stderr
    log = engine.retold("log", "--topic", "commands", "--json").stdout
    assert "never sent" not in log


def test_standard_input_is_sent_up_to_the_first_line_that_is_wrong(engine: KafkaInstallation) -> None:
    wrong = {"valueType": "CLOCK", "intent": "TICK"}
    done = engine.retold("produce", given=lines(creation(), creation(), wrong, creation()), exit_code=1)
    assert [line.split()[2] for line in done.stdout.splitlines()] == ["ACCEPTED"] * 2
    assert "line 3: valueType: expected one of DEPLOYMENT, " in done.stderr
    assert "line 3 is wrong: it was not sent, and nothing after it was read; ACCEPTED 2" in done.stderr


def test_nobody_need_wait(engine: KafkaInstallation) -> None:
    done = engine.retold("produce", "--no-wait", given=lines(creation(partition=2)))
    assert done.stdout == "line 1: APPENDED PROCESS_INSTANCE_CREATION CREATE on partition 2\n"


def test_without_a_broker_nobody_answers(engine: KafkaInstallation) -> None:
    elsewhere = {**engine.environment, "RETOLD_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    command_line = [sys.executable, "-m", "engine.cli.main", "produce"]
    done = subprocess.run(
        command_line, cwd=ROOT, env=elsewhere, input="{}", capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 3, done
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


# what was written past the gateway and does not fit


class Raw:
    """A producer of bytes, and a reader that finds the step that answers them."""

    def __init__(self, engine: KafkaInstallation) -> None:
        self._prefix = engine.prefix
        self._producer = AIOKafkaProducer(bootstrap_servers=engine.servers, max_request_size=1 << 24)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=engine.servers, isolation_level="read_committed")

    async def __aenter__(self) -> Raw:
        await self._producer.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def send(
        self, topic: str, value: bytes | None, partition: int = 1, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> Record:
        """Append; gives the first record of the step that this causes."""
        place = TopicPartition(f"{self._prefix}.events", partition - 1)
        self._consumer.assign([place])
        await self._consumer.seek_to_end()
        await self._consumer.position(place)
        sent = await self._producer.send_and_wait(
            f"{self._prefix}.{topic}", value, key=b"any", partition=partition - 1, headers=list(headers)
        )
        async for message in self._consumer:
            record = CODEC.decode(message.value)
            if (record.step.source_input, record.step.source_offset) == (topic, sent.offset):
                return record
        raise AssertionError("the consumer has ended")


def answer_to(engine: KafkaInstallation, topic: str, value: bytes | None, *more: object) -> Record:
    async def run() -> Record:
        async with Raw(engine) as raw:
            return await asyncio.wait_for(raw.send(topic, value, *more), PATIENCE)  # type: ignore[arg-type]

    return asyncio.run(run())


GOOD = CODEC.encode(command("JOB", "COMPLETE", Job(), key=(1 << 51) + 1))


@pytest.mark.parametrize("partition", [1, 2])
@pytest.mark.parametrize(
    "value",
    [None, b"", b"hello", b"\x00\x00\x00\x00\x01rest", GOOD[:2] + b"\xee" * 8 + GOOD[10:], bytes(VALUE_SIZE_MAX + 1)],
    ids=["none", "nothing", "text", "a registry's framing", "an unknown schema", "more than 4 MiB"],
)
def test_garbage_of_a_client_is_rejected(engine: KafkaInstallation, value: bytes | None, partition: int) -> None:
    refused = answer_to(engine, COMMANDS, value, partition)
    assert (refused.value_type, refused.rejection_code) == ("INTAKE", "UNREADABLE")


def test_a_value_of_five_megabytes_is_refused_by_the_broker(engine: KafkaInstallation) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        answer_to(engine, COMMANDS, bytes(6_000_000))


def test_headers_of_any_bytes_disturb_nobody(engine: KafkaInstallation) -> None:
    headers = [("request", b"\xff\xfe"), ("traceparent", b"\xff"), ("tracestate", None), ("mine", None), ("", b"")]
    refused = answer_to(engine, COMMANDS, GOOD, 1, headers)
    assert refused.rejection_code == "NOT_FOUND"
    assert refused.step.trace_context == ""
    unreadable = answer_to(engine, COMMANDS, b"garbage", 1, headers)
    assert unreadable.rejection_code == "UNREADABLE"


def test_a_command_on_another_partition_is_told_where_to_go(engine: KafkaInstallation) -> None:
    refused = answer_to(engine, COMMANDS, GOOD, 2)
    assert refused.rejection_code == "INVALID_ARGUMENT"
    assert "which lives on partition 1; send it there (Kafka numbers that partition 0)" in refused.rejection_reason


def forged(sender: int, number: int) -> bytes:
    step = Step(sender_partition=sender, sender_number=number)
    return CODEC.encode(command("DEPLOYMENT", "DISTRIBUTE", Deployment(), step=step))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (forged(9, 1), "FORBIDDEN"),
        (forged(2, 1), "FORBIDDEN"),
        (forged(1, 1_000_000), "FORBIDDEN"),
        (CODEC.encode(command("CLOCK", "TICK", Clock(due=1))), "INVALID_STATE"),
        (CODEC.encode(command("BATCH_OPERATION_CHUNK", "CREATE", BatchOperationChunk(last=True), key=7)), "NOT_FOUND"),
    ],
    ids=["a partition that is none", "itself", "a number never sent", "a tick", "a page"],
)
def test_forged_internal_work_is_refused_where_it_does_not_fit(
    engine: KafkaInstallation, value: bytes, code: str
) -> None:
    assert answer_to(engine, INTERNAL, value, 2).rejection_code == code
    assert httpx.get(f"{engine.url}/health/ready", timeout=PATIENCE).is_success


# one trace


def test_one_trace_from_an_outside_producer_to_the_indexed_document(
    engine: KafkaInstallation, opensearch: str, collector: Collector
) -> None:
    """Its span is named in the header alone, as the instrumentation of Kafka clients does it.

    The last span of the trace names the step that made the document which OpenSearch has.
    """
    value = msgspec.structs.replace(CODEC.decode(encoded_creation()), step=Step(request="outside/1"))
    headers = [("traceparent", f"00-{TRACE}-{PRODUCER_SPAN}-01".encode()), ("tracestate", b"vendor=a")]
    created = answer_to(engine, COMMANDS, CODEC.encode(value), 2, headers)
    assert created.step.trace_context == f"00-{TRACE}-{PRODUCER_SPAN}-01 vendor=a"
    key = str(created.value.process_instance_key if hasattr(created.value, "process_instance_key") else created.key)
    wait_until(lambda: state_of(engine, key) == "ACTIVE", "the instance to be indexed")
    index = f"{engine.environment['RETOLD_OPENSEARCH_INDEX_PREFIX']}-instances"
    found = httpx.get(f"{opensearch}/{index}/_doc/{key}", params={"routing": key}, timeout=PATIENCE).raise_for_status()
    document = found.json()["_source"]
    assert (document["kind"], document["state"], document["partition_id"]) == ("process_instance", "ACTIVE", 2)

    def spans() -> dict[str, list[bytes]]:
        return {span.name: span.id for span in list(collector.spans) if span.trace.hex() == TRACE}  # type: ignore[misc]

    wait_until(lambda: spans().keys() >= {"process commands", "send events", "process events"}, "the trace")
    mine = [span for span in collector.spans if span.trace.hex() == TRACE]
    (decided,) = [span for span in mine if span.name == "process commands"]
    (indexed,) = [span for span in mine if span.name == "process events"]
    (appended,) = [span for span in mine if span.name == "send events"]
    assert (decided.kind, decided.parent.hex(), [link.hex() for link in decided.links]) == (
        "CONSUMER",
        PRODUCER_SPAN,
        [PRODUCER_SPAN],
    )
    assert (indexed.kind, indexed.process, indexed.parent, indexed.links) == (
        "CONSUMER",
        "exporter",
        decided.id,
        [decided.id],
    )
    last = indexed.attributes["retold.position"]
    first = last - indexed.attributes["messaging.batch.message_count"] + 1
    assert first <= document["position"] <= last
    assert indexed.attributes["messaging.destination.partition.id"] == str(document["partition_id"])
    assert appended.links == [decided.id]
    assert decided.attributes["messaging.message.id"] == "outside/1"
    assert all(span.attributes.keys() <= ATTRIBUTES.keys() for span in mine)
    assert all(span.span.trace_state == "vendor=a" for span in mine)


def encoded_creation() -> bytes:
    from engine.records import ProcessInstanceCreation

    value = ProcessInstanceCreation(bpmn_process_id=PROCESS, bpmn_version=-1)
    return CODEC.encode(command("PROCESS_INSTANCE_CREATION", "CREATE", value))


# the proof; it ends the engine, so it comes last


def test_after_all_of_it_the_log_is_clean_and_decided_again_to_the_byte(engine: KafkaInstallation) -> None:
    engine.stop()
    try:
        verified = json.loads(engine.retold("replay", "verify", "--json").stdout)
        assert verified["ok"], verified
        again = json.loads(engine.retold("replay", "rerun", "--json").stdout)
        assert again["ok"], again
        assert sum(partition["steps"] for partition in again["partitions"]) > 20
    finally:
        engine.start()
