"""`retold repair messages`: on a stopped engine only, and nothing to do on a log without gaps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_engine import Retold

from engine.core.ports import COMMANDS, Append, Message
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.environment import log_directory
from engine.shell.embedded.stopped import append_stopped


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A log of one partition."""
    log_directory(tmp_path).mkdir(parents=True)
    append_stopped(tmp_path, 1, [Append(topic=COMMANDS, partition=1, messages=[Message(value=b"x")])])
    return tmp_path


def test_nothing_is_missing(retold: Retold, data: Path) -> None:
    told = retold("repair", "messages", "--data", str(data))
    assert (told.exit_code, told.output) == (0, "No message is missing.\n")
    told = retold("repair", "messages", "--data", str(data), "--dry-run", "--json")
    assert json.loads(told.output) == {"appended": False, "messages": []}


def test_a_running_engine_is_left_alone(retold: Retold, data: Path) -> None:
    lock = DirectoryLock(log_directory(data))
    told = retold("repair", "messages", "--data", str(data))
    lock.release()
    assert told.exit_code == 1
    assert "stop that process first" in told.errors
