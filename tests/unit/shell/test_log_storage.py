"""The writer of the embedded log, without its server."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.faults import BadRequest, Fenced, RetoldError
from engine.core.ports import COMMANDS, EVENTS, Message
from engine.shell.embedded.batches import encode_bodies
from engine.shell.embedded.reader import LogReader
from engine.shell.embedded.storage import LogStorage
from engine.shell.embedded.wire import AppendRequest, Part, WriterRequest
from engine.shell.manual_clock import ManualClock


def open_storage(data_directory: Path, clock: ManualClock) -> LogStorage:
    (data_directory / "log").mkdir(exist_ok=True)
    return LogStorage(data_directory, 2, 1 << 24, clock)


def request(topic: str, *values: bytes, writer: tuple[int, int] | None = None, partition: int = 1) -> AppendRequest:
    bodies = encode_bodies([Message(value=value) for value in values])
    return AppendRequest(1, writer, [Part(topic, partition, bodies)])


def test_time_never_goes_back_not_even_over_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(now=2000)
    storage = open_storage(tmp_path, clock)
    storage.commit([request(COMMANDS, b"a")])
    clock.set(1000)
    storage.commit([request(COMMANDS, b"b")])
    storage.close()
    storage = open_storage(tmp_path, clock)
    storage.commit([request(COMMANDS, b"c"), request(EVENTS, b"d")])
    clock.set(3000)
    storage.commit([request(COMMANDS, b"e")])
    storage.close()
    reader = LogReader(tmp_path)
    stamps = [
        [entry.timestamp for entry in reader.read((topic, 1), 0, reader.end((topic, 1))).entries]
        for topic in (COMMANDS, EVENTS)
    ]
    reader.close()
    assert stamps == [[2000, 2000, 2000, 3000], [2000]]


def test_what_is_refused_in_a_group_takes_no_part_in_it(tmp_path: Path) -> None:
    storage = open_storage(tmp_path, ManualClock())
    committed = storage.commit(
        [
            WriterRequest(1, 1),
            request(EVENTS, b"a", writer=(1, 1)),
            WriterRequest(1, 1),
            request(EVENTS, b"zombie", writer=(1, 1)),
            request(EVENTS, b"b", b"c", writer=(1, 2)),
            request(EVENTS, b"unknown", partition=3),
            AppendRequest(
                1, None, [Part(COMMANDS, 1, encode_bodies([Message(value=b"d")])), Part(EVENTS, 1, [b"bad"])]
            ),
            WriterRequest(1, 3),
            request(EVENTS, b"e", writer=(2, 1)),
        ]
    )
    kinds = [type(outcome) if isinstance(outcome, RetoldError) else outcome for outcome in committed.outcomes]
    assert kinds == [[1], [0], [2], Fenced, [1], BadRequest, BadRequest, BadRequest, Fenced]
    assert committed.moved == {(EVENTS, 1): 3}
    storage.close()
    reader = LogReader(tmp_path)
    assert [entry.value for entry in reader.read((EVENTS, 1), 0, 3).entries] == [b"a", b"b", b"c"]
    assert reader.end((COMMANDS, 1)) == 0
    reader.close()


def test_another_partition_count_is_refused(tmp_path: Path) -> None:
    open_storage(tmp_path, ManualClock()).close()
    with pytest.raises(RetoldError, match="start with --partitions 2"):
        LogStorage(tmp_path, 3, 1 << 24, ManualClock())
    open_storage(tmp_path, ManualClock()).close()
