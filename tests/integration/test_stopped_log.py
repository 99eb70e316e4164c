"""The embedded log of a stopped engine, as an auditor reads it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from engine.core.faults import Unavailable
from engine.core.ports import COMMANDS, Append, Message, Page
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.embedded.stopped import StoppedLog
from tests.integration.log_server import LogServerProcess

PLACE = (COMMANDS, 1)


def part(topic: str, *values: bytes) -> Append:
    return Append(topic=topic, partition=1, messages=[Message(value=value) for value in values])


def test_a_stopped_log_is_read_without_a_server(tmp_path: Path) -> None:
    async def append() -> None:
        log = await EmbeddedLog.open(tmp_path)
        await log.append([part(COMMANDS, b"a", b"b")])
        with pytest.raises(Unavailable, match=r"process \d+ uses"):
            StoppedLog(tmp_path)
        await log.close()

    async def read() -> None:
        log = StoppedLog(tmp_path)
        assert log.partition_count == 2
        assert [entry.value for entry in (await log.read(COMMANDS, 1, 0)).entries] == [b"a", b"b"]
        assert await log.read(COMMANDS, 1, 0, headed_only=True) == Page(entries=[], next_offset=2)
        assert await log.wait({PLACE: 1}) is True
        assert await log.wait({PLACE: 2}, timeout=9) is False
        for call in (log.wait({PLACE: 2}), log.append([part(COMMANDS, b"c")]), log.writer(1)):
            with pytest.raises(Unavailable, match="got a stopped one"):
                await call
        with LogServerProcess(tmp_path, 2) as server:
            assert f"process {os.getpid()} uses" in server.refusal()
        await log.close()
        with pytest.raises(Unavailable, match="closed"):
            await log.read(COMMANDS, 1, 0)

    with LogServerProcess(tmp_path, 2) as server:
        asyncio.run(append())
        server.stop()
    asyncio.run(read())


def test_a_stopped_log_must_exist(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="expected a log in"):
        StoppedLog(tmp_path)
    assert list(tmp_path.iterdir()) == []
