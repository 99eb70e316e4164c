"""A damaged embedded log is noticed before anything wrong is told, and says where and how to go on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import lmdb
import pytest

from engine.core.faults import CorruptedLog, RetoldError
from engine.core.ports import COMMANDS, EVENTS, Append, Message
from engine.shell.embedded.batches import KEY
from engine.shell.embedded.check import check, probe
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.embedded.environment import FORMAT_KEY, META
from engine.shell.embedded.reader import LogReader
from tests.integration.log_server import LogServerProcess

#: 20 appends of 10 messages each.
APPEND_COUNT = 20


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    async def fill() -> None:
        log = await EmbeddedLog.open(tmp_path)
        for number in range(APPEND_COUNT):
            messages = [Message(value=b"value %d/%d " % (number, index) * 50) for index in range(10)]
            await log.append([Append(topic=topic, partition=1, messages=messages) for topic in (COMMANDS, EVENTS)])
        await log.close()

    with LogServerProcess(tmp_path) as server:
        asyncio.run(fill())
        assert server.stop() == 0
    return tmp_path


@pytest.fixture
def file(data_directory: Path) -> Path:
    """The file to damage."""
    return data_directory / "log" / "data.mdb"


def flip(file: Path, sought: bytes) -> None:
    content = bytearray(file.read_bytes())
    for position in find_all(content, sought):
        content[position] ^= 1
    file.write_bytes(content)


def find_all(content: bytes | bytearray, sought: bytes) -> list[int]:
    positions = []
    position = content.find(sought)
    assert position >= 0
    while position >= 0:
        positions.append(position)
        position = content.find(sought, position + 1)
    return positions


def refused_by_server(data_directory: Path) -> str:
    with LogServerProcess(data_directory) as server:
        return server.refusal()


def test_a_whole_log_is_reported(data_directory: Path) -> None:
    report = check(data_directory)
    ends = {(place.topic, place.partition): place.end for place in report.places}
    assert ends == {("commands", 1): 200, ("internal", 1): 0, ("events", 1): 200}
    assert [place.batch_count for place in report.places] == [20, 0, 20]
    assert report.file_size == (data_directory / "log" / "data.mdb").stat().st_size
    probe(data_directory)


def test_no_log_is_no_damage(tmp_path: Path) -> None:
    probe(tmp_path)
    with pytest.raises(RetoldError, match="expected a log in"):
        check(tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_file_is_refused_by_all(data_directory: Path, file: Path, share: float) -> None:
    with file.open("r+b") as opened:
        opened.truncate(int(file.stat().st_size * share))
    content = file.read_bytes()
    for look in (check, probe, LogReader):
        with pytest.raises(CorruptedLog, match=r"expected a file of \d+ bytes.*restore .* from a backup"):
            look(data_directory)
    assert "restore" in refused_by_server(data_directory)
    assert file.read_bytes() == content


def test_a_flipped_byte_is_found_when_it_is_read(data_directory: Path, file: Path) -> None:
    flip(file, b"value 7/3")
    expected = (
        "commands/1, last good offset 69, is damaged: the checksum of a batch does not match; nothing was changed"
    )
    with pytest.raises(CorruptedLog, match=expected):
        check(data_directory)

    async def read() -> None:
        log = await EmbeddedLog.open(data_directory)
        page = await log.read(COMMANDS, 1, 0, size_max=30_000)
        assert page.next_offset <= 70
        with pytest.raises(CorruptedLog, match=expected):
            await log.read(COMMANDS, 1, 0)
        with pytest.raises(CorruptedLog, match="last good offset 74"):
            await log.read(COMMANDS, 1, 75)
        assert (await log.read(COMMANDS, 1, 80)).next_offset > 80
        await log.close()

    with LogServerProcess(data_directory):
        asyncio.run(read())


def test_a_flipped_byte_in_the_last_batch_is_found_at_the_start(data_directory: Path, file: Path) -> None:
    flip(file, b"value 19/3")
    assert "commands/1, last good offset 189, is damaged" in refused_by_server(data_directory)


def test_a_missing_batch_is_found(data_directory: Path) -> None:
    environment = lmdb.open(str(data_directory / "log"), max_dbs=10)
    database = environment.open_db(b"events/1", create=False)
    with environment.begin(write=True) as transaction:
        assert transaction.delete(KEY.pack(50), db=database)
    environment.close()
    expected = "events/1, last good offset 49, is damaged: expected offset 50, got a batch"
    with pytest.raises(CorruptedLog, match=expected):
        check(data_directory)
    reader = LogReader(data_directory)
    for headed_only in (False, True):
        with pytest.raises(CorruptedLog, match=expected):
            reader.read((EVENTS, 1), 0, 200, headed_only=headed_only)
    with pytest.raises(CorruptedLog, match="expected offset 55"):
        reader.read((EVENTS, 1), 55, 200)
    assert reader.read((EVENTS, 1), 60, 200).next_offset == 200
    with pytest.raises(CorruptedLog, match="last good offset 199, is damaged: expected more messages"):
        reader.read((EVENTS, 1), 190, 201)
    reader.close()


def test_pages_that_kill_their_reader_kill_only_a_child(data_directory: Path, file: Path) -> None:
    """Whatever LMDB makes of an overwritten page, it is told as damage, or the page was not in use."""
    whole = file.read_bytes()
    page_size = 4096
    found = 0
    for start in range(2 * page_size, len(whole), 5 * page_size):
        file.write_bytes(whole[:start] + b"\xee" * page_size + whole[start + page_size :])
        with suppress(CorruptedLog):
            report = check(data_directory)
            assert [place.end for place in report.places] == [200, 0, 200]
            continue
        found += 1
    assert found > 0


def test_another_format_is_refused(data_directory: Path) -> None:
    environment = lmdb.open(str(data_directory / "log"), max_dbs=10)
    database = environment.open_db(META, create=False)
    with environment.begin(write=True) as transaction:
        transaction.put(FORMAT_KEY, b"99", db=database)
    environment.close()
    assert "got b'99'; run the version that wrote it" in refused_by_server(data_directory)
    with pytest.raises(RetoldError, match="run the version that wrote it"):
        LogReader(data_directory)


def test_something_else_is_not_a_log(data_directory: Path, file: Path) -> None:
    file.write_bytes(b"something else" * 10_000)
    for look in (check, probe, LogReader):
        with pytest.raises(CorruptedLog, match="restore"):
            look(data_directory)
    assert "restore" in refused_by_server(data_directory)
