"""A history without damage passes; each kind of damage is found by its own check, and named."""

from __future__ import annotations

from copy import deepcopy

import msgspec
import pytest

from engine.core.head import SOURCES
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Entry
from engine.core.record import Record
from engine.core.state import pack
from engine.records import BatchOperationItem, Job
from replay.report import NOT_CHECKED, OK
from tests.support.scenario import CODEC, Scenario, make
from tests.unit.replay.recorded import Audited, Recorded, history


@pytest.fixture
def scenario() -> Scenario:
    return history()


@pytest.fixture
def log(scenario: Scenario) -> Recorded:
    return Recorded(scenario)


def test_a_good_log_passes(scenario: Scenario, log: Recorded) -> None:
    audited = Audited(log, scenario.partitions[1].store)
    assert audited.failed() == set()
    assert {name: check.status for name, check in audited.checks.items() if check.status != OK} == {
        "log": NOT_CHECKED,
        "projection": NOT_CHECKED,
    }
    (first, second) = (found.partition for found in audited.findings.values())
    assert first.last_position == first.last_good_position == first.state_position == len(log.places[EVENTS, 1])
    assert (first.pending_commands, second.state_position) == (0, None)
    assert audited.progress == sum(len(log.places[EVENTS, number]) for number in (1, 2))
    counts = {name: audited.checks[name].counts for name in audited.checks}
    assert counts["records"]["unreadable commands"] == 1
    assert counts["counters"] == {"items": 4, "pending items": 0, "batch operations": 1}
    assert counts["messages"]["messages"] > 3
    assert counts["outcomes"]["outcomes"] == counts["records"]["commands"] == counts["chain"]["steps"]


def test_commands_at_the_end_without_outcome_are_pending(log: Recorded) -> None:
    last = log.places[COMMANDS, 1][-1]
    log.places[COMMANDS, 1].append(msgspec.structs.replace(last, offset=last.offset + 1))
    audited = Audited(log)
    assert audited.failed() == set()
    assert audited.findings[1].partition.pending_commands == 1


def test_a_changed_record_breaks_the_chain_alone(log: Recorded) -> None:
    position = log.position_of(1, "JOB", "CREATED")
    log.change(1, position, lambda record: msgspec.structs.replace(record, value=with_type(record, "worx")))
    audited = Audited(log)
    assert audited.failed() == {"chain"}
    assert "the chain is broken before position" in audited.texts("chain")
    assert audited.last_good() < position


def with_type(record: Record, job_type: str) -> Job:
    assert isinstance(record.value, Job)
    return msgspec.structs.replace(record.value, type=job_type)


def test_a_record_that_does_not_decode_is_named(log: Recorded) -> None:
    entry = log.places[EVENTS, 1][20]
    log.places[EVENTS, 1][20] = msgspec.structs.replace(entry, value=entry.value[:-1])
    audited = Audited(log)
    assert "records" in audited.failed()
    assert "the record at offset 20 of events does not decode" in audited.texts("records")
    assert audited.last_good() <= 20


def test_a_removed_step_is_a_gap_in_everything(log: Recorded) -> None:
    removed = log.steps(1)[3]
    positions = {record.position for record in removed}
    kept = [entry for entry in log.places[EVENTS, 1] if entry.offset + 1 not in positions]
    log.places[EVENTS, 1] = kept
    audited = Audited(log)
    assert audited.failed() == {"positions", "chain", "outcomes"}
    assert f"expected position {min(positions)}, got {max(positions) + 1}" in audited.texts("positions")
    source = removed[0].step
    assert f"the command at offset {source.source_offset} of {source.source_input} of partition 1 has no outcome" in (
        audited.texts("outcomes")
    )
    assert audited.last_good() < min(positions)


def test_a_step_that_is_not_whole_is_found(log: Recorded) -> None:
    del log.places[EVENTS, 2][-1]
    audited = Audited(log)
    assert "positions" in audited.failed()
    assert "records of the last step" in audited.texts("positions")


def test_other_metadata_within_a_step_is_found(log: Recorded) -> None:
    position = log.position_of(1, "JOB", "CREATED")
    other = msgspec.structs.replace(log.records(1)[position - 1].step, build="other")
    log.change(1, position, lambda record: msgspec.structs.replace(record, step=other))
    assert "expected the metadata of the step's first record" in Audited(log).texts("positions")


def test_a_duplicated_outcome_is_found_though_the_chain_is_whole(log: Recorded) -> None:
    steps = log.steps(1)
    log.rewrite(1, [*steps, steps[-1]])
    audited = Audited(log)
    assert audited.failed() >= {"outcomes"}
    assert audited.failed().isdisjoint({"records", "positions", "chain", "messages"})
    assert "a second outcome of the command at offset" in audited.texts("outcomes")


def test_an_outcome_without_command_is_found(log: Recorded) -> None:
    lost = log.places[COMMANDS, 1].pop()
    audited = Audited(log)
    assert audited.failed() == {"outcomes"}
    assert f"an outcome without its command at offset {lost.offset} of commands" in audited.texts("outcomes")


def test_another_command_than_the_one_decided_is_found(log: Recorded) -> None:
    first, second, *rest = log.places[COMMANDS, 1]
    swapped = msgspec.structs.replace(first, value=second.value)
    log.places[COMMANDS, 1] = [swapped, second, *rest]
    audited = Audited(log)
    assert audited.failed() == {"outcomes"}
    assert "expected the hash of the command at offset 0 of commands" in audited.texts("outcomes")


def test_a_time_that_is_not_the_logs_is_found(log: Recorded) -> None:
    entry = log.places[COMMANDS, 1][2]
    log.places[COMMANDS, 1][2] = msgspec.structs.replace(entry, timestamp=entry.timestamp + 1)
    assert f"expected time {entry.timestamp + 1}, got {entry.timestamp}" in Audited(log).texts("outcomes")


def test_a_lost_message_is_found(log: Recorded) -> None:
    internal = log.places[INTERNAL, 2]
    lost = next(entry for entry in reversed(internal) if decode(entry).step.sender_partition == 1)
    number = decode(lost).step.sender_number
    internal.remove(lost)
    audited = Audited(log)
    assert audited.failed() >= {"messages", "outcomes"}
    assert f"message {number} was sent but is not on internal of partition 2" in audited.texts("messages")


def test_a_changed_message_is_found(log: Recorded) -> None:
    internal = log.places[INTERNAL, 2]
    index = next(i for i, entry in enumerate(internal) if decode(entry).step.sender_partition == 1)
    changed = msgspec.structs.replace(decode(internal[index]), key=7)
    internal[index] = msgspec.structs.replace(internal[index], value=CODEC.encode(changed))
    assert "message 1 is not what was sent" in Audited(log).texts("messages")


def test_a_message_that_is_there_twice_is_found(log: Recorded) -> None:
    internal = log.places[INTERNAL, 2]
    repeated = next(entry for entry in reversed(internal) if decode(entry).step.sender_partition == 1)
    internal.append(msgspec.structs.replace(repeated, offset=internal[-1].offset + 1))
    audited = Audited(log)
    assert audited.failed() == {"messages"}
    assert "was not sent, or is there twice" in audited.texts("messages")


def test_a_changed_row_of_the_state_is_found(scenario: Scenario, log: Recorded) -> None:
    partition = scenario.partitions[1]
    key = pack((COMMANDS,))
    changed = msgspec.msgpack.encode([99, 98, 0])
    partition.store.write([(SOURCES.number, key, changed)])
    audited = Audited(log, partition.store)
    assert audited.failed() == {"state"}
    assert "table SOURCES, key b'commands\\x00': expected [" in audited.texts("state")
    assert "got [99, 98, 0]" in audited.texts("state")
    assert audited.last_good() == len(log.places[EVENTS, 1])


def test_a_lost_and_an_invented_row_of_the_state_are_found(scenario: Scenario, log: Recorded) -> None:
    store = scenario.partitions[1].store
    store.write([(SOURCES.number, pack((COMMANDS,)), None), (SOURCES.number, b"zzz", b"\x90")])
    texts = Audited(log, store).texts("state")
    assert "got no row" in texts
    assert "key b'zzz': expected no row, got []" in texts


def test_a_state_behind_the_log_is_compared_where_it_stands(scenario: Scenario) -> None:
    early = deepcopy(scenario.partitions[1].store)
    position = scenario.machine(1).head.position
    scenario.create("one")
    audited = Audited(Recorded(scenario), early)
    assert audited.failed() == set()
    assert audited.findings[1].partition.state_position == position < audited.last_good()
    early.write([(SOURCES.number, pack((COMMANDS,)), None)])
    assert Audited(Recorded(scenario), early).failed() == {"state"}


def test_a_state_ahead_of_the_log_is_found(scenario: Scenario) -> None:
    log = Recorded(scenario)
    scenario.create("one")
    audited = Audited(log, scenario.partitions[1].store)
    assert audited.failed() == {"state"}
    assert "expected a state at the end of a step of the log, got position" in audited.texts("state")


def test_an_item_with_two_outcomes_is_found(log: Recorded) -> None:
    steps = log.steps(1)
    outcome = next(record for step in steps for record in step if isinstance(record.value, BatchOperationItem))
    doubled = [[each for record in step for each in [record] * (1 + (record is outcome))] for step in steps]
    log.rewrite(1, doubled)
    audited = Audited(log)
    assert "counters" in audited.failed()
    assert f"item {outcome.key} of batch operation" in audited.texts("counters")
    assert "a second outcome" in audited.texts("counters")


def test_an_item_without_outcome_is_found(log: Recorded) -> None:
    steps = log.steps(2)
    lost = [[record for record in step if not isinstance(record.value, BatchOperationItem)] for step in steps]
    log.rewrite(2, lost)
    audited = Audited(log)
    assert "counters" in audited.failed()
    assert "but its end says" in audited.texts("counters")


def test_failures_are_bounded() -> None:
    scenario = Scenario(1)
    for _ in range(30):
        scenario.when(make("JOB", "COMPLETE", Job(), key=5), 1)
    log = Recorded(scenario)
    log.places[COMMANDS, 1] = []
    check = Audited(log).checks["outcomes"]
    assert (check.failure_count, len(check.failures)) == (30, 20)


def decode(entry: Entry) -> Record:
    return CODEC.decode(entry.value)
