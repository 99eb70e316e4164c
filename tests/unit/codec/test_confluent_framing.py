"""Confluent's framing beside Avro's single-object encoding: what is written, and that both are read."""

from __future__ import annotations

import asyncio

import pytest

from engine.assembly import Assembly
from engine.core.faults import BadRequest
from engine.core.ports import COMMANDS, EVENTS, INTERNAL
from engine.core.record import Record, command
from engine.records import FAMILIES, Deployment, Job
from engine.records.deployment import Resource
from engine.shell.codec import Codec, SchemaIds, Undecodable, is_confluent
from engine.shell.codec.evolution import hexadecimal
from engine.shell.codec.framing import CONFLUENT_PREFIX_SIZE, PREFIX_SIZE
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner
from replay.redecision import PartitionRerun, Redecision
from tests.support.models import one_task

PLAIN = Codec(FAMILIES)
NUMBERS = {hexadecimal(number): index for index, number in enumerate(PLAIN.fingerprints.values(), 700)}
IDS = SchemaIds(known={index: name for name, index in NUMBERS.items()}, written=NUMBERS)
FRAMED = Codec(FAMILIES, ids=IDS)
WISH = command("JOB", "COMPLETE", Job(variables='{"a": 1}'), key=1 << 51)


def test_a_record_is_written_with_magic_and_id() -> None:
    encoded = FRAMED.encode(WISH)
    number = NUMBERS[hexadecimal(PLAIN.fingerprints["JOB"])]
    assert encoded[:CONFLUENT_PREFIX_SIZE] == b"\x00" + number.to_bytes(4, "big")
    assert encoded[CONFLUENT_PREFIX_SIZE:] == PLAIN.encode(WISH)[PREFIX_SIZE:]


@pytest.mark.parametrize("writer", [PLAIN, FRAMED])
@pytest.mark.parametrize("value_type", FAMILIES)
def test_both_framings_are_read(writer: Codec, value_type: str) -> None:
    record = command(value_type, "WISH", FAMILIES[value_type]())
    assert FRAMED.decode(writer.encode(record)) == record


def test_an_id_that_the_registry_did_not_know_is_refused() -> None:
    with pytest.raises(Undecodable, match="the schema registry knew when the engine started, got 9; use the id"):
        FRAMED.decode(b"\x00\x00\x00\x00\x09" + FRAMED.encode(WISH)[CONFLUENT_PREFIX_SIZE:])


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x00\x00", FRAMED.encode(WISH)[:5], FRAMED.encode(WISH)[:-1]])
def test_half_a_record_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable, match="expected"):
        FRAMED.decode(data)


def test_without_a_registry_the_framing_is_refused_by_name() -> None:
    with pytest.raises(Undecodable, match="got Confluent framing"):
        PLAIN.decode(FRAMED.encode(WISH))


def test_a_schema_that_was_not_registered_cannot_be_written() -> None:
    codec = Codec(FAMILIES, ids=SchemaIds(known={}, written={}))
    with pytest.raises(BadRequest, match=r"expected an id of the schema registry for JOB .*, got none"):
        codec.encode(WISH)


def test_a_codec_writes_as_a_record_was_written() -> None:
    assert FRAMED.as_written("", FRAMED.encode(WISH)) is FRAMED
    plain = FRAMED.as_written("", PLAIN.encode(WISH))
    assert plain.encode(WISH) == PLAIN.encode(WISH)
    assert plain.decode(FRAMED.encode(WISH)) == WISH
    assert FRAMED.encode(WISH)[:1] == b"\x00"


# a whole partition


async def decide_all(log: MemoryLog, assembly: Assembly) -> None:
    for number in (1, 2):
        state, machine = assembly.machine(MemoryStore(), number, 2)
        runner = Runner(
            log=log,
            codec=assembly.codec,
            state=state,
            machine=machine,
            clock=ManualClock(),
            prepare=lambda _: [],
        )
        await runner.recover()
        stop = asyncio.Event()
        running = asyncio.create_task(runner.run(stop))
        for _ in range(500):
            await asyncio.sleep(0)
        stop.set()
        await running


def deployment(name: str) -> Record:
    resource = Resource(resource_name=f"{name}.bpmn", resource=one_task(name))
    return command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))


async def send(log: MemoryLog, value: bytes) -> None:
    from engine.core.ports import Append, Message

    await log.append([Append(topic=COMMANDS, partition=1, messages=[Message(value=value)])])


async def rerun(log: MemoryLog, number: int) -> PartitionRerun:
    return await Redecision(log, Assembly(IDS), number, MemoryStore()).run()


def test_a_log_that_changed_its_framing_is_decided_again_to_the_byte() -> None:
    """Plain at first, then with a registry, then without; clients used either, and one an id that nobody knows."""

    async def run() -> None:
        log = MemoryLog(2, ManualClock())
        for round_, assembly in enumerate((Assembly(), Assembly(IDS), Assembly(IDS))):
            await send(log, PLAIN.encode(deployment(f"plain{round_}")))
            await send(log, b"\x00\x00\x00\x00\x09rest")
            if round_:
                await send(log, FRAMED.encode(deployment(f"framed{round_}")))
            await decide_all(log, assembly)
        for place in ((EVENTS, 1), (EVENTS, 2), (INTERNAL, 2)):
            entries = (await log.read(*place, 0, size_max=1 << 30)).entries
            framings = [is_confluent(entry.value) for entry in entries]
            assert framings == sorted(framings), "expected single-object encoding first, then Confluent's"
            assert len(set(framings)) == 2
        records = [FRAMED.decode(entry.value) for entry in (await log.read(EVENTS, 1, 0, size_max=1 << 30)).entries]
        assert [r.rejection_code for r in records if r.rejection_code] == ["UNREADABLE"] * 3
        for number in (1, 2):
            found = await rerun(log, number)
            assert found.difference is None
            assert found.steps >= 5

    asyncio.run(run())
