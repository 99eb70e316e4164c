"""The embedded log over killed servers, full disks and other users. Damage is in `test_damaged_log.py`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.core.faults import AppendUnknown, BadRequest, Fenced, LogFull, Unavailable
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Append, Message
from engine.shell.embedded.check import check
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.embedded.environment import socket_file
from engine.shell.embedded.reader import LogReader
from engine.shell.embedded.socket_path import read_socket_path
from tests.integration.log_server import LogServerProcess

PLACE = (COMMANDS, 1)


def part(topic: str, *values: bytes) -> Append:
    return Append(topic=topic, partition=1, messages=[Message(value=value) for value in values])


async def read_values(log: EmbeddedLog, topic: str) -> list[bytes]:
    values: list[bytes] = []
    offset = 0
    while (page := await log.read(topic, 1, offset)).entries:
        values += [entry.value for entry in page.entries]
        offset = page.next_offset
    return values


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    async def append_until_the_end(server: LogServerProcess) -> dict[bytes, Sequence[int] | Unavailable]:
        log = await EmbeddedLog.open(tmp_path)
        outcomes: dict[bytes, Sequence[int] | Unavailable] = {}

        async def append_all(name: int) -> None:
            number = 0
            while True:
                value = b"%d/%d" % (name, number)
                try:
                    outcomes[value] = await log.append([part(COMMANDS, value), part(EVENTS, value)])
                except Unavailable as fault:
                    outcomes[value] = fault
                    return
                number += 1
                if len(outcomes) == 300:
                    server.kill()

        await asyncio.gather(*(append_all(name) for name in range(8)))
        await log.close()
        return outcomes

    with LogServerProcess(tmp_path) as server:
        outcomes = asyncio.run(append_until_the_end(server))
    check(tmp_path)
    reader = LogReader(tmp_path)
    commands, events = (
        {
            entry.offset: entry.value
            for entry in reader.read((topic, 1), 0, reader.end((topic, 1)), size_max=1 << 30).entries
        }
        for topic in (COMMANDS, EVENTS)
    )
    reader.close()
    acknowledged = {value: outcome for value, outcome in outcomes.items() if not isinstance(outcome, Unavailable)}
    assert len(acknowledged) >= 292
    for value, offsets in acknowledged.items():
        assert (commands[offsets[0]], events[offsets[1]]) == (value, value)
    assert list(commands.values()) == list(events.values())
    assert len(set(commands.values())) == len(commands)


def test_an_append_under_way_when_the_server_dies_is_unknown_and_not_repeated(tmp_path: Path) -> None:
    async def scenario() -> None:
        with LogServerProcess(tmp_path) as server:
            log = await EmbeddedLog.open(tmp_path)
            server.process.send_signal(signal.SIGSTOP)
            appending = asyncio.ensure_future(log.append([part(COMMANDS, b"unknown")]))
            await log.wait({}, timeout=0)
            server.kill()
            with pytest.raises(AppendUnknown):
                await appending
        with LogServerProcess(tmp_path):
            other = await EmbeddedLog.open(tmp_path)
            assert await other.append([part(COMMANDS, b"known")]) == [0]
            await log.wait({PLACE: 0})
            assert await read_values(log, COMMANDS) == [b"known"]
            await log.close()
            await other.close()

    asyncio.run(scenario())


def test_a_reader_that_was_killed_holds_no_pages(tmp_path: Path) -> None:
    read_for_ever = (
        "import asyncio, os, pathlib, sys\n"
        "from engine.shell.embedded.client import EmbeddedLog\n"
        "async def main():\n"
        "    log = await EmbeddedLog.open(pathlib.Path(sys.argv[1]))\n"
        "    transaction = log._reader._begin()\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )

    async def scenario() -> None:
        log = await EmbeddedLog.open(tmp_path)
        await log.append([part(COMMANDS, b"a")])
        killed = subprocess.run([sys.executable, "-c", read_for_ever, str(tmp_path)], check=False)
        assert killed.returncode == -signal.SIGKILL
        sizes = []
        for _ in range(2):
            for _ in range(200):
                await log.append([part(COMMANDS, b"a")])
            sizes.append((tmp_path / "log" / "data.mdb").stat().st_size)
        assert sizes[1] - sizes[0] < 200 * 4096
        await log.close()

    with LogServerProcess(tmp_path):
        asyncio.run(scenario())


def test_a_client_comes_back_when_the_server_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        with LogServerProcess(tmp_path) as server:
            log = await EmbeddedLog.open(tmp_path)
            await log.append([part(COMMANDS, b"before")])
            waiting = asyncio.ensure_future(log.wait({PLACE: 1}))
            await log.wait({PLACE: 1}, timeout=0)
            server.kill()
            with pytest.raises(Unavailable):
                await log.append([part(COMMANDS, b"lost")])
            assert await read_values(log, COMMANDS) == [b"before"]
        with LogServerProcess(tmp_path):
            other = await EmbeddedLog.open(tmp_path)
            await other.append([part(COMMANDS, b"after")])
            assert await waiting is True
            assert await read_values(log, COMMANDS) == [b"before", b"after"]
            assert await log.append([part(COMMANDS, b"again")]) == [2]
            await log.close()
            await other.close()

    asyncio.run(scenario())


def test_a_writer_stays_fenced_when_the_server_is_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        with LogServerProcess(tmp_path) as server:
            log = await EmbeddedLog.open(tmp_path)
            zombie = await log.writer(1)
            owner = await log.writer(1)
            await owner.append([part(EVENTS, b"1")])
            server.kill()
        with LogServerProcess(tmp_path):
            other = await EmbeddedLog.open(tmp_path)
            await log.wait({(EVENTS, 1): 0})
            await other.append([part(COMMANDS, b"wake")])
            await log.wait({PLACE: 0})
            with pytest.raises(Fenced):
                await zombie.append([part(EVENTS, b"zombie")])
            assert await owner.append([part(EVENTS, b"2")]) == [1]
            third = await other.writer(1)
            with pytest.raises(Fenced):
                await owner.append([part(EVENTS, b"zombie")])
            assert await third.append([part(EVENTS, b"3")]) == [2]
            assert await log.end(EVENTS, 1) == 3
            assert await read_values(log, EVENTS) == [b"1", b"2", b"3"]
            await log.close()
            await other.close()

    asyncio.run(scenario())


def test_a_new_writer_reads_all_that_the_last_one_appended(tmp_path: Path) -> None:
    async def scenario() -> None:
        old, new = await EmbeddedLog.open(tmp_path), await EmbeddedLog.open(tmp_path)
        assert await read_values(new, EVENTS) == []
        for number in range(20):
            zombie = await old.writer(1)
            appending = [asyncio.ensure_future(zombie.append([part(EVENTS, b"zombie")])) for _ in range(10)]
            await new.writer(1)
            found = len(await read_values(new, EVENTS))
            outcomes = await asyncio.gather(*appending, return_exceptions=True)
            told = [outcome[0] for outcome in outcomes if not isinstance(outcome, BaseException)]
            assert all(offset < found for offset in told)
            await old.append([part(COMMANDS, b"%d" % number)])
            assert await new.end(COMMANDS, 1) == number + 1
            assert len(await read_values(new, COMMANDS)) == number + 1
        await old.close()
        await new.close()

    with LogServerProcess(tmp_path):
        asyncio.run(scenario())


def test_sigterm_finishes_what_was_received(tmp_path: Path) -> None:
    async def scenario(server: LogServerProcess) -> None:
        log = await EmbeddedLog.open(tmp_path)
        appends = [asyncio.ensure_future(log.append([part(COMMANDS, b"%d" % number)])) for number in range(100)]
        await appends[0]
        server.process.terminate()
        done = await asyncio.gather(*appends, return_exceptions=True)
        acknowledged = [outcome[0] for outcome in done if not isinstance(outcome, BaseException)]
        assert acknowledged == list(range(len(acknowledged)))
        reader = LogReader(tmp_path)
        entries = reader.read(PLACE, 0, reader.end(PLACE)).entries
        reader.close()
        assert [entry.value for entry in entries][: len(acknowledged)] == [b"%d" % number for number in acknowledged]
        await log.close()

    with LogServerProcess(tmp_path) as server:
        asyncio.run(scenario(server))
        assert server.process.wait() == 0
    assert read_socket_path(socket_file(tmp_path)) is None


def test_a_second_server_is_refused_by_name(tmp_path: Path) -> None:
    with LogServerProcess(tmp_path) as first:
        asyncio.run(open_and_close(tmp_path))
        with LogServerProcess(tmp_path) as second:
            assert f"process {first.process.pid} uses" in second.refusal()
        asyncio.run(open_and_close(tmp_path))


async def open_and_close(data_directory: Path) -> None:
    await (await EmbeddedLog.open(data_directory)).close()


def test_another_partition_count_is_refused(tmp_path: Path) -> None:
    with LogServerProcess(tmp_path, 3) as server:
        asyncio.run(open_and_close(tmp_path))
        assert server.stop() == 0
    with LogServerProcess(tmp_path, 4) as server:
        assert "start with --partitions 3" in server.refusal()
    with LogServerProcess(tmp_path, 3):
        asyncio.run(open_and_close(tmp_path))


def test_the_data_directory_may_have_a_long_name_with_spaces(tmp_path: Path) -> None:
    """Its socket is then in a short temporary directory, which goes with the server."""
    data_directory = tmp_path / ("a long name " * 10) / ("ünd " * 30)
    with LogServerProcess(data_directory):
        asyncio.run(open_and_close(data_directory))
        path = read_socket_path(socket_file(data_directory))
        assert path is not None
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    with LogServerProcess(data_directory) as server:
        asyncio.run(open_and_close(data_directory))
        assert read_socket_path(socket_file(data_directory)) == path
        server.stop()
    assert not path.parent.exists()


def test_a_socket_path_can_be_given_and_must_be_short(tmp_path: Path) -> None:
    with LogServerProcess(tmp_path, 1, "--socket", "/" + "x" * 200) as server:
        assert "expected a socket path of at most 100 bytes" in server.refusal()


def test_without_a_server_opening_ends_with_its_time(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="expected a log server"):
        asyncio.run(EmbeddedLog.open(tmp_path, timeout=0.05))


def test_who_talks_nonsense_is_disconnected_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        log = await EmbeddedLog.open(tmp_path)
        path = read_socket_path(socket_file(tmp_path))
        for nonsense in (b"\xff" * 8, b"\x01\0\0\0\xc1"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(nonsense)
                while client.recv(1000):
                    pass
        assert await log.append([part(COMMANDS, b"a")]) == [0]
        await log.close()

    with LogServerProcess(tmp_path):
        asyncio.run(scenario())


def test_many_large_appends_at_once_are_taken_in_turn(tmp_path: Path) -> None:
    async def scenario() -> None:
        log = await EmbeddedLog.open(tmp_path)
        value = os.urandom(4 << 20)
        assert await asyncio.gather(*(log.append([part(EVENTS, value)]) for _ in range(12))) == [[n] for n in range(12)]
        with pytest.raises(BadRequest, match="split it"):
            await log.append([part(EVENTS, *[value] * 17)])
        assert await log.append([part(EVENTS, b"after")]) == [12]
        await log.close()

    with LogServerProcess(tmp_path):
        asyncio.run(scenario())


async def fill(data_directory: Path) -> int:
    """Append until it is full, then see that all else works; gives the count of messages that fit."""
    log = await EmbeddedLog.open(data_directory)
    value = b"v" * 50_000
    appends = [log.append([part(COMMANDS, value), part(EVENTS, value)]) for _ in range(30)]
    outcomes = [(await asyncio.gather(append, return_exceptions=True))[0] for append in appends]
    count = sum(isinstance(outcome, list) for outcome in outcomes)
    refused = outcomes[count]
    assert isinstance(refused, LogFull)
    assert "nothing was appended; free space or raise the map size" in refused.message
    assert await read_values(log, COMMANDS) == await read_values(log, EVENTS) == [value] * count
    large, small = await asyncio.gather(
        log.append([part(INTERNAL, b"v" * 4_000_000)]), log.append([part(INTERNAL, b"small")]), return_exceptions=True
    )
    assert isinstance(large, LogFull)
    assert small == [0]
    await log.close()
    return count


def test_a_full_map_refuses_appends_and_nothing_else(tmp_path: Path) -> None:
    with LogServerProcess(tmp_path, 1, "--map-size", "2000000") as server:
        count = asyncio.run(fill(tmp_path))
        assert 10 < count < 20
        assert server.stop() == 0
    assert check(tmp_path).places[0].end == count

    async def go_on() -> None:
        log = await EmbeddedLog.open(tmp_path)
        assert await log.append([part(COMMANDS, b"v" * 4_000_000)]) == [count]
        assert len(await read_values(log, COMMANDS)) == count + 1
        await log.close()

    with LogServerProcess(tmp_path, 1, "--map-size", "20000000"):
        asyncio.run(go_on())


def test_a_full_disk_refuses_appends_and_nothing_else(tmp_path: Path) -> None:
    with LogServerProcess(tmp_path, file_size_max=2_000_000) as server:
        count = asyncio.run(fill(tmp_path))
        assert 10 < count < 20
        assert server.stop() == 0
    assert check(tmp_path).places[0].end == count


def test_readers_follow_a_map_that_grew(tmp_path: Path) -> None:
    async def scenario() -> None:
        with LogServerProcess(tmp_path, 1, "--map-size", "1000000") as server:
            log = await EmbeddedLog.open(tmp_path)
            await log.append([part(COMMANDS, b"before")])
            server.stop()
        with LogServerProcess(tmp_path, 1, "--map-size", "50000000"):
            waiting = asyncio.ensure_future(log.wait({PLACE: 3}))
            other = await EmbeddedLog.open(tmp_path)
            for _ in range(3):
                await other.append([part(COMMANDS, b"v" * 4_000_000)])
            assert await waiting
            assert [len(value) for value in await read_values(log, COMMANDS)] == [6, 4_000_000, 4_000_000, 4_000_000]
            await log.close()
            await other.close()

    asyncio.run(scenario())
