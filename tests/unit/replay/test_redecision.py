"""Deciding a log again: the same log is the same; whatever differs is named, with its command and its fields."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec
import pytest

from engine.assembly import Assembly
from engine.bpmn.model import SERVICE_TASK
from engine.core.effects import Effect, Effects, Event
from engine.core.ports import COMMANDS, EVENTS, INTERNAL
from engine.core.record import Record
from engine.records import Job, ProcessInstance
from engine.shell.memory_store import MemoryStore
from replay.difference import Difference
from replay.redecision import PartitionRerun, Redecision
from tests.property.test_machine import SETTINGS, run_story
from tests.support.models import one_task
from tests.support.scenario import ASSEMBLY, Scenario, make
from tests.unit.replay.recorded import Recorded, history

CREATION = ("PROCESS_INSTANCE_CREATION", "CREATE")


@pytest.fixture
def log() -> Recorded:
    return Recorded(history())


def rerun(log: Recorded, partition: int = 1) -> PartitionRerun:
    return asyncio.run(Redecision(log, ASSEMBLY, partition, MemoryStore()).run())


def difference(log: Recorded, partition: int = 1) -> Difference:
    found = rerun(log, partition).difference
    assert found is not None
    return found


def fields(found: Difference) -> dict[str, tuple[str, str]]:
    return {field.field: (field.expected, field.got) for field in found.fields}


def test_a_story_of_everything_is_decided_the_same_way() -> None:
    story = run_story(Scenario(3, settings=SETTINGS, group_size=3, build="an earlier one"))
    for number, partition in story.partitions.items():
        found = rerun(Recorded(story), number)
        assert found.difference is None
        assert found.last_position == len(partition.events)
        assert found.steps == len(partition.hashes)
        assert (found.builds, found.pending_commands, found.unfinished_records) == (["an earlier one"], 0, 0)


def test_refused_garbage_is_refused_again_and_commands_without_outcome_are_pending(log: Recorded) -> None:
    assert any(record.rejection_code == "UNREADABLE" for record in log.records(1))
    last = log.places[COMMANDS, 1][-1]
    log.places[COMMANDS, 1].append(msgspec.structs.replace(last, offset=last.offset + 1, value=b"garbage"))
    found = rerun(log)
    assert (found.difference, found.pending_commands) == (None, 1)


def test_a_log_may_end_within_a_step() -> None:
    log = Recorded(history())
    whole, last = log.steps(1)[:-1], log.steps(1)[-1]
    assert len(last) > 1
    del log.places[EVENTS, 1][-1]
    found = rerun(log)
    assert found.difference is None
    assert found.steps == len(whole)
    assert found.unfinished_records == len(last) - 1
    assert found.last_position == len(log.places[EVENTS, 1])


def test_a_changed_value_is_named_field_by_field(log: Recorded) -> None:
    position = log.position_of(1, "JOB", "CREATED")
    log.change(1, position, lambda record: msgspec.structs.replace(record, value=with_type(record, "worx")))
    found = difference(log)
    assert found.position == position
    assert fields(found) == {"value.type": ("'worx'", "'work'")}
    assert found.command is not None
    assert found.command.command.startswith("PROCESS_INSTANCE_CREATION CREATE")
    assert found.command.topic == COMMANDS
    assert rerun(log).last_position < position


def with_type(record: Record, job_type: str) -> Job:
    assert isinstance(record.value, Job)
    return msgspec.structs.replace(record.value, type=job_type)


def test_a_changed_header_is_named() -> None:
    scenario = Scenario()
    scenario.when(make("JOB", "COMPLETE", Job(), 7, request="g/1"))
    log = Recorded(scenario)
    entry = log.places[EVENTS, 1][-1]
    log.places[EVENTS, 1][-1] = msgspec.structs.replace(entry, headers={**entry.headers, "request": "g/2"})
    assert fields(difference(log)) == {"headers.request": ("'g/2'", "'g/1'")}


def without_the_end(effects: Effects) -> Effects:
    for effect in effects:
        if ends_the_step(effect):
            return
        yield effect


def ends_the_step(effect: Effect) -> bool:
    active = isinstance(effect, Event) and effect.intent == "ELEMENT_ACTIVATED"
    return active and cast(ProcessInstance, effect.value).element_type == SERVICE_TASK


def with_more(effects: Effects) -> Effects:
    for effect in effects:
        yield effect
    yield effect


def with_an_error(effects: Effects) -> Effects:
    yield from effects
    raise LookupError("a bug")


def with_nothing(effects: Effects) -> Effects:
    yield from list(effects)[:0]


@pytest.mark.parametrize(
    ("change", "expected", "got"),
    [
        (without_the_end, "PROCESS_INSTANCE ELEMENT_ACTIVATED", "nothing"),
        (with_more, "nothing", "PROCESS_INSTANCE ELEMENT_ACTIVATED"),
        (with_an_error, "PROCESS_INSTANCE_CREATION CREATED", "rejected as PROCESSING_ERROR"),
    ],
)
def test_a_build_that_decides_otherwise_is_found(change: Callable[[Effects], Effects], expected: str, got: str) -> None:
    found = asyncio.run(Redecision(one_instance(), changed_build(change), 1, MemoryStore()).run()).difference
    assert found is not None
    assert found.command is not None
    assert found.command.command == "PROCESS_INSTANCE_CREATION CREATE"
    assert set(fields(found)) == {"record", "step_count"}
    assert expected in fields(found)["record"][0]
    assert got in fields(found)["record"][1]


def test_a_build_that_cannot_decide_is_found() -> None:
    found = asyncio.run(Redecision(one_instance(), changed_build(with_nothing), 1, MemoryStore()).run()).difference
    assert found is not None
    assert found.text.startswith("this build does not decide this command: expected an event")


def one_instance() -> Recorded:
    scenario = Scenario()
    scenario.deploy(one_task())
    scenario.create("one")
    return Recorded(scenario)


def changed_build(change: Callable[[Effects], Effects]) -> Assembly:
    """A build that does something else with the effects of a creation."""
    assembly = Assembly()
    decide = assembly.registry.processors[CREATION]
    assembly.registry.processors[CREATION] = lambda command, view: change(decide(command, view))
    return assembly


def test_a_missing_command_and_a_missing_outcome_are_named(log: Recorded) -> None:
    steps = log.steps(1)
    source = steps[-1][0].step
    kept = log.places[source.source_input, 1]
    log.places[source.source_input, 1] = [entry for entry in kept if entry.offset != source.source_offset]
    assert difference(log).text.endswith(f"offset {source.source_offset} of {source.source_input}, but not the command")
    log.places[source.source_input, 1] = kept
    rejected = next(i for i, step in enumerate(steps) if step[0].rejection_code == "UNREADABLE")
    log.rewrite(1, [*steps[:rejected], *steps[rejected + 1 :]])
    assert difference(log).position == steps[rejected][0].position


def test_a_message_that_is_not_there_is_named(log: Recorded) -> None:
    internal = log.places[INTERNAL, 2]
    sent = next(entry for entry in internal if ASSEMBLY.codec.decode(entry.value).step.sender_partition == 1)
    internal.remove(sent)
    found = difference(log)
    assert "to partition 2, which is not on its internal" in found.text


def test_a_record_that_cannot_be_read_is_named(log: Recorded) -> None:
    entry = log.places[EVENTS, 1][20]
    log.places[EVENTS, 1][20] = msgspec.structs.replace(entry, value=entry.value[:-1])
    found = difference(log)
    assert "the record at offset 20 of events cannot be read" in found.text
