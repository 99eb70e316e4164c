"""What lies on the commands input and cannot be read is rejected by its place, and the partition goes on."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import httpx
import msgspec
import pytest

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, EVENTS, Append, Message
from engine.core.record import EVENT, REJECTION, Record, command
from engine.records import Deployment, Intake, Job
from engine.shell.embedded.client import EmbeddedLog
from tests.integration.installation import PATIENCE, Installation
from tests.integration.official_client import connect, create, deploy, instance_in, unique
from tests.support.models import straight, task

CODEC = Assembly().codec
#: Marker and fingerprint of Avro's single object encoding come before the record.
HEADER_SIZE = 10

GOOD = CODEC.encode(command("JOB", "COMPLETE", Job(), key=1))
GARBAGE = {
    "nothing": b"",
    "text": b"hello, engine",
    "no record of ours": b"\x00" * 100,
    "an unknown schema": GOOD[:2] + b"\xee" * 8 + GOOD[HEADER_SIZE:],
    "half a record": GOOD[: len(GOOD) // 2],
    "more than a record": GOOD + b"\x00",
    "wrong bytes behind a right schema": GOOD[:HEADER_SIZE] + b"\xff" * 200,
    "a megabyte": bytes(range(256)) * 4_096,
}


@pytest.fixture(scope="module")
def process_id(installation: Installation) -> str:
    """A process that ends by itself."""
    name = unique("garbage")
    with connect(installation) as client:
        deploy(client, straight(name, task("task"), names=["task"]))
    return name


async def append_and_read(installation: Installation, partition: int, value: bytes) -> tuple[int, list[Record]]:
    """Put bytes on the commands of a partition; gives their offset, and the records of the step that answers them."""
    log = await EmbeddedLog.open(installation.data)
    try:
        place = (EVENTS, partition)
        offset = await log.end(*place)
        (at,) = await log.append([Append(topic=COMMANDS, partition=partition, messages=[Message(value=value)])])
        found: list[Record] = []
        while not found or len(found) < found[0].step.step_count:
            assert await log.wait({place: offset}, PATIENCE), "expected an outcome"
            page = await log.read(*place, offset)
            offset = page.next_offset
            records = [CODEC.decode(entry.value) for entry in page.entries]
            found += [r for r in records if (r.step.source_input, r.step.source_offset) == (COMMANDS, at)]
        return at, found
    finally:
        await log.close()


@pytest.mark.parametrize("partition", [1, 2])
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_rejected(installation: Installation, process_id: str, name: str, partition: int) -> None:
    value = GARBAGE[name]
    at, (rejection,) = asyncio.run(append_and_read(installation, partition, value))
    assert (rejection.record_type, rejection.value_type, rejection.intent) == (REJECTION, "INTAKE", "READ")
    assert rejection.rejection_code == "UNREADABLE"
    assert "expected" in rejection.rejection_reason
    place = Intake(topic=COMMANDS, offset=at, size=len(value), hash=sha256(value).hexdigest())
    assert rejection.value == place
    with connect(installation) as client:
        instance_in(client, create(client, process_id), "COMPLETED")
        instance_in(client, create(client, process_id), "COMPLETED")
    assert httpx.get(f"{installation.url}/health/ready").status_code == 200


def test_a_record_that_is_no_command_is_rejected(installation: Installation) -> None:
    """An event on the commands, a command that only partitions may send, an intent that nobody knows."""
    fine = command("JOB", "COMPLETE", Job(), key=1)
    wrong = [
        (
            msgspec.structs.replace(fine, record_type=EVENT, intent="COMPLETED"),
            "INVALID_ARGUMENT",
            "expected a COMMAND",
        ),
        (command("DEPLOYMENT", "DISTRIBUTE", Deployment()), "FORBIDDEN", "DISTRIBUTE"),
        (msgspec.structs.replace(fine, intent="DANCE"), "INVALID_ARGUMENT", "'DANCE'"),
    ]
    for record, code, text in wrong:
        _, (rejection,) = asyncio.run(append_and_read(installation, 1, CODEC.encode(record)))
        assert (rejection.record_type, rejection.rejection_code) == (REJECTION, code)
        assert text in rejection.rejection_reason
