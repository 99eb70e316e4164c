"""Logs whose beginning was removed: what is left is proved, on a snapshot the state as well, and damage is found."""

from __future__ import annotations

import asyncio
from copy import deepcopy

import msgspec
import pytest

from engine.core.head import SOURCES
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Store
from engine.core.record import Record
from engine.core.state import pack
from engine.records import Job
from engine.shell.memory_store import MemoryStore
from replay.redecision import PartitionRerun, Redecision
from replay.report import NOT_CHECKED, OK
from tests.support.actions import batch
from tests.support.batches import populate
from tests.support.scenario import ASSEMBLY, CODEC, Scenario
from tests.unit.replay.recorded import Audited, Recorded


class Lived:
    """Two partitions with a batch operation, a snapshot of the first, and another batch operation behind that."""

    def __init__(self) -> None:
        scenario = Scenario(2)
        keys = populate(scenario, 6)
        scenario.when(batch(filter_text="", item_keys=tuple(keys[:2]))).accepted()
        self.snapshot: Store = deepcopy(scenario.partitions[1].store)
        self.position = scenario.machine(1).head.position
        scenario.when(batch(filter_text="", item_keys=tuple(keys[2:]))).accepted()
        self.state: Store = scenario.partitions[1].store
        self.log = Recorded(scenario)

    def cut(self, position: int, partition: int = 1) -> None:
        """Remove the events before this position."""
        self.log.cut(EVENTS, partition, position - 1)

    def rerun(self, store: Store) -> PartitionRerun:
        return asyncio.run(Redecision(self.log, ASSEMBLY, 1, store).run())


@pytest.fixture
def lived() -> Lived:
    return Lived()


def first_of_step(lived: Lived, index: int) -> int:
    return lived.log.steps(1)[index][0].position


def test_without_a_snapshot_everything_but_the_state_is_proved(lived: Lived) -> None:
    begin = first_of_step(lived, 9)
    lived.cut(begin)
    audited = Audited(lived.log, lived.state)
    assert audited.failed() == set()
    found = audited.findings[1].partition
    assert (found.first_position, found.last_good_position, found.replayed_from) == (begin, found.last_position, None)
    assert audited.findings[2].partition.replayed_from == 0
    counts = {name: check.counts for name, check in audited.checks.items()}
    assert counts["outcomes"]["commands older than the events"] > 0
    assert counts["messages"]["messages with one end before the beginning"] > 0
    assert counts["messages"]["messages"] > 0
    assert counts["counters"]["batch operations"] == 2
    assert "no snapshot reaches there" in audited.checks["state"].note
    lonely = Audited(lived.log)
    assert [check.status for check in lonely.findings[1].checks if check.name == "state"] == [NOT_CHECKED]


def test_a_log_that_begins_within_a_step_is_proved_from_the_next_one_on(lived: Lived) -> None:
    step = next(step for step in lived.log.steps(1)[5:] if len(step) > 2)
    lived.cut(step[1].position)
    audited = Audited(lived.log)
    assert audited.failed() == set()
    assert audited.findings[1].partition.first_position == step[-1].position + 1


def test_a_snapshot_stands_for_the_beginning(lived: Lived) -> None:
    begin = first_of_step(lived, 8)
    assert begin < lived.position
    lived.cut(begin)
    audited = Audited(lived.log, lived.state, fresh=lived.snapshot)
    assert audited.failed() == set()
    found = audited.findings[1].partition
    assert found.replayed_from == lived.position < found.last_position == found.state_position
    (state,) = [check for check in audited.findings[1].checks if check.name == "state"]
    assert (state.status, state.counts["records replayed"]) == (OK, found.last_position - lived.position)


def test_a_state_that_is_not_that_of_the_snapshot_is_found(lived: Lived) -> None:
    lived.cut(lived.position + 1)
    lived.state.write([(SOURCES.number, pack((COMMANDS,)), msgspec.msgpack.encode([99, 98, 0]))])
    assert Audited(lived.log, lived.state, fresh=lived.snapshot).failed() == {"state"}


def test_damage_behind_the_beginning_is_found(lived: Lived) -> None:
    lived.cut(first_of_step(lived, 5))
    lost = lived.log.steps(1)[3]
    kept = [entry for entry in lived.log.places[EVENTS, 1] if entry.offset + 1 not in {r.position for r in lost}]
    lived.log.places[EVENTS, 1] = kept
    assert Audited(lived.log).failed() >= {"positions", "chain", "outcomes"}


def test_a_lost_message_behind_the_beginning_is_found(lived: Lived) -> None:
    lived.cut(first_of_step(lived, 9))
    internal = lived.log.places[INTERNAL, 2]
    lost = next(entry for entry in reversed(internal) if CODEC.decode(entry.value).step.sender_partition == 1)
    internal.remove(lost)
    assert "was sent but is not on internal of partition 2" in Audited(lived.log).texts("messages")


@pytest.mark.parametrize("topic", [COMMANDS, INTERNAL])
def test_commands_that_are_gone_are_counted(lived: Lived, topic: str) -> None:
    kept = len(lived.log.places[topic, 1]) // 2
    lived.log.cut(topic, 1, kept)
    audited = Audited(lived.log, lived.state)
    assert audited.failed() == set()
    assert audited.findings[1].partition.replayed_from == 0
    assert audited.checks["outcomes"].counts["outcomes of commands that are gone"] == kept
    others = audited.checks["messages"].counts.get("messages with one end before the beginning", 0)
    assert (others > 0) == (topic == INTERNAL)


def test_all_places_may_begin_late(lived: Lived) -> None:
    lived.cut(lived.position - 3)
    for topic in (COMMANDS, INTERNAL):
        for number in (1, 2):
            lived.log.cut(topic, number, len(lived.log.places[topic, number]) // 2)
    lived.cut(lived.log.steps(2)[4][0].position, partition=2)
    audited = Audited(lived.log, lived.state, fresh=lived.snapshot)
    assert audited.failed() == set(), audited.checks


def test_a_log_without_any_event_is_no_failure(lived: Lived) -> None:
    lived.cut(lived.log.records(1)[-1].position + 1)
    audited = Audited(lived.log, lived.state)
    assert audited.failed() == set(), audited.checks
    found = audited.findings[1].partition
    assert (found.records, found.replayed_from, found.pending_commands) == (0, None, 0)


# decided again


def test_it_is_decided_again_from_a_snapshot_on(lived: Lived) -> None:
    lived.cut(lived.position + 1)
    found = lived.rerun(lived.snapshot)
    assert found.difference is None
    assert (found.first_position, found.pending_commands) == (lived.position + 1, 0)
    assert found.last_position == lived.log.records(1)[-1].position
    assert found.steps == len(lived.log.steps(1))


def test_a_difference_behind_a_snapshot_is_named(lived: Lived) -> None:
    lived.cut(first_of_step(lived, 9))
    position = lived.log.position_of(1, "JOB", "CANCELED")
    assert position > lived.position
    lived.log.change(1, position, lambda record: msgspec.structs.replace(record, value=with_type(record, "worx")))
    found = lived.rerun(lived.snapshot).difference
    assert found is not None
    assert found.position == position
    assert lived.rerun(MemoryStore()).difference is not None, "expected no beginning without the snapshot"


def with_type(record: Record, job_type: str) -> Job:
    assert isinstance(record.value, Job)
    return msgspec.structs.replace(record.value, type=job_type)


# a log that grows


def test_messages_at_the_end_are_in_flight_when_their_events_lie_behind_the_cut(lived: Lived) -> None:
    sent = [record for record in lived.log.records(1) if record.value_type == "PARTITION_MESSAGE"][-1]
    begin = sent.position - sent.index
    places = lived.log.places
    places[EVENTS, 1] = [entry for entry in places[EVENTS, 1] if entry.offset + 1 < begin]
    arrived = next(e for e in reversed(places[INTERNAL, 2]) if CODEC.decode(e.value).step.sender_partition == 1)
    audited = Audited(lived.log, settled={1: 0, 2: arrived.offset})
    assert audited.failed() == set(), audited.checks
    assert audited.checks["messages"].counts["messages in flight"] >= 1
    assert Audited(lived.log, settled={1: 0, 2: arrived.offset + 1}).failed() >= {"messages"}


def test_the_end_of_a_part_behind_the_cut_is_in_flight(lived: Lived) -> None:
    (ended, *_) = [r for r in reversed(lived.log.records(2)) if (r.value_type, r.intent)[1] == "PARTITION_COMPLETED"]
    begin = ended.position - ended.index
    places = lived.log.places
    places[EVENTS, 2] = [entry for entry in places[EVENTS, 2] if entry.offset + 1 < begin]
    audited = Audited(lived.log, settled={1: 0, 2: 0})
    assert audited.failed() == set(), audited.checks
    assert audited.checks["counters"].counts["batch operations in flight"] == 1
    assert Audited(lived.log).failed() >= {"messages"}
