"""Commands that are produced say whose they are, and are signed where a secret is set."""

from __future__ import annotations

import asyncio
import json

import pytest

from engine.assembly import Assembly
from engine.cli.command_lines import CommandLines
from engine.cli.producing import Appending
from engine.core.ports import COMMANDS, Entry
from engine.shell.claims import ClaimsSeal
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from tests.unit.cli.cli_engine import Retold

CODEC = Assembly().codec
LINE = json.dumps({"valueType": "PROCESS_INSTANCE", "intent": "CANCEL", "key": (1 << 51) + 1}).encode()


def produced(seal: ClaimsSeal | None) -> Entry:
    """What is on the log of a line, on behalf of ada."""

    async def run() -> Entry:
        log = MemoryLog(1, ManualClock(0))
        wish, problems = CommandLines(CODEC, 1, lambda: "test/1", "user:ada").read("line 1", LINE)
        assert wish is not None, problems
        sender = Appending(log, CODEC, seal)
        assert (await sender.send(wish)).is_good
        await sender.close()
        (entry,) = (await log.read(COMMANDS, 1, 0)).entries
        return entry

    return asyncio.run(run())


def test_commands_are_signed_for_whom_they_are() -> None:
    seal = ClaimsSeal("a secret")
    entry = produced(seal)
    assert CODEC.decode(entry.value).step.claims == "user:ada"
    assert seal.is_on(entry)
    assert not ClaimsSeal("another secret").is_on(entry)


def test_without_a_secret_nothing_is_signed() -> None:
    assert not ClaimsSeal("a secret").is_on(produced(None))


@pytest.mark.parametrize("who", ["ada", "user:", "group:a", "USER:ada", ""])
def test_who_is_nobody_is_refused(retold: Retold, who: str) -> None:
    ran = retold("produce", "--as", who)
    assert ran.exit_code != 0
    assert "--as: expected user:NAME or client:NAME" in ran.errors
