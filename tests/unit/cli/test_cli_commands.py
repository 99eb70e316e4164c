"""What all commands have in common: help, exit codes, what is imported, and what a terminal gets."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_engine import FakeEngine, Retold, batch, page
from typer.main import get_command

from engine.cli.main import create_app

ROOT = Path(__file__).parents[3]

COMMANDS = [
    *("run", "demo", "lint", "deploy", "create", "worker", "log", "state", "config template", "config show"),
    *(
        "instances list",
        "instances show",
        "instances cancel",
        "instances suspend",
        "instances resume",
        "instances resolve",
        "instances modify",
        "instances delete",
        "instances restart",
        "instances migrate",
        "instances activate",
        "incidents list",
        "incidents resolve",
    ),
    *("migration-plan generate", "migration-plan validate"),
    *(f"jobs {name}" for name in ("list", "activate", "complete", "fail", "throw-error", "update")),
    *(f"user-tasks {name}" for name in ("list", "assign", "unassign", "complete", "update")),
    *("messages publish", "messages correlate", "signals broadcast"),
    *(f"decisions {name}" for name in ("list", "evaluate", "instances")),
    *("variables list", "variables set", "replay verify", "replay rerun", "repair messages", "snapshot list"),
    *("exporter reindex", "produce", "snapshot take", "new-operation"),
    *(f"batch {name}" for name in ("cancel", "resolve-incidents", "list", "show", "items", "watch")),
    *(f"batch {name}" for name in ("suspend", "resume", "abort", "update", "retry", "remove", "progress", "log")),
    *("batch incidents", "batch resolve", "batch undo", "batch overlaps", "batch commit", "batch approve"),
    *(f"users {name}" for name in ("list", "create", "update", "delete")),
    *(f"groups {name}" for name in ("list", "create", "delete", "members", "add", "remove")),
    *(f"authorizations {name}" for name in ("list", "create", "update", "delete")),
]

#: What help must not wait for.
HEAVY = ("httpx", "rich", "engine.operations", "lxml", "pydantic", "lmdb", "litestar")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, retold: Retold) -> None:
    ran = retold(*command.split(), "--help")
    assert ran.exit_code == 0
    usage, _, sentence = ran.output.partition("\n\n")
    assert usage.startswith(f"Usage: retold {command} ")
    assert sentence.strip().splitlines()[0].endswith(".")
    assert not sentence.lstrip().startswith("Options:")


def test_no_command_is_left_out() -> None:
    def names(group: Any, before: str) -> Iterator[str]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from names(command, f"{before}{name} ")
            else:
                yield f"{before}{name}"

    assert set(names(get_command(create_app()), "")) <= set(COMMANDS)


def test_help_says_what_exit_codes_mean(retold: Retold) -> None:
    ran = retold("--help")
    assert "3  no engine answers at the URL" in ran.output
    assert {command.split()[0] for command in COMMANDS} <= set(ran.output.split())


def test_help_imports_nothing_heavy() -> None:
    program = "import sys; from engine.cli.main import create_app; create_app(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


def test_the_version(retold: Retold) -> None:
    assert retold("--version").output.startswith("retold ")


@pytest.mark.parametrize("arguments", ["nonsense", "create", "create order --count 0", "batch show", "run --port x"])
def test_usage_errors(arguments: str, retold: Retold) -> None:
    ran = retold(*arguments.split())
    assert ran.exit_code == 2
    assert ran.output == ""
    assert "Usage: retold" in ran.errors


def test_the_template_is_a_valid_configuration(retold: Retold, tmp_path: Path) -> None:
    template = tmp_path / "all.yaml"
    template.write_text(retold("config", "template").output)
    shown = retold("config", "show", "--config", str(template), "--json")
    assert shown.exit_code == 0
    assert shown.output == retold("config", "show", "--json").output


def test_settings_in_force(retold: Retold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "retold.yaml"
    file.write_text("batchOperation:\n  chunkSize: 6000\nport: 1\n")
    monkeypatch.setenv("RETOLD_CONFIG", str(file))
    ran = retold("config", "show", "--port", "2")
    assert "port: 2\n" in ran.output
    assert "chunkSize: 6000\n" in ran.output
    assert "warning: batchOperation.chunkSize is 6000" in ran.errors


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_secrets_are_not_shown(retold: Retold, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.setenv("RETOLD_TELEMETRY_HEADERS", "authorization=hidden")
    ran = retold("config", "show", *arguments)
    assert ran.exit_code == 0
    assert "hidden" not in ran.output
    assert "headers" in ran.output


@pytest.mark.parametrize("command", ["run", "config show"])
def test_a_wrong_configuration_is_a_usage_error(command: str, retold: Retold, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("port: many\nnonsense: 1\n")
    ran = retold(*command.split(), "--config", str(file))
    assert ran.exit_code == 2
    assert "port" in ran.errors
    assert "nonsense" in ran.errors


@pytest.mark.parametrize(("option", "name"), [("--type", "JOBS"), ("--intent", "FINISHED")])
def test_a_name_that_no_record_has_is_refused(retold: Retold, tmp_path: Path, option: str, name: str) -> None:
    ran = retold("log", "--data", str(tmp_path), option, name)
    assert ran.exit_code == 2
    assert f"got {name}" in ran.errors
    assert "JOB" in ran.errors or "ELEMENT_ACTIVATED" in ran.errors


def test_verify_needs_a_log(retold: Retold, tmp_path: Path) -> None:
    ran = retold("replay", "verify", "--data", str(tmp_path))
    assert ran.exit_code == 1
    assert "expected a log" in ran.errors


class Terminal(io.StringIO):
    """A standard output that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "has_color"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    no_color: str, has_color: bool, engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers("POST", "/batch-operations/search", page(batch("42", "COMPLETED", total=1, completed=1)))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    assert retold("batch", "list").exit_code == 0
    assert "CANCEL_PROCESS_INSTANCE" in terminal.getvalue()
    assert ("\x1b[32mCOMPLETED" in terminal.getvalue()) == has_color


def test_nothing_is_cut_without_a_terminal(engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch) -> None:
    long = batch("42", "COMPLETED") | {"batchOperationType": "X" * 300}
    engine.answers("POST", "/batch-operations/search", page(long))
    monkeypatch.setenv("COLUMNS", "80")
    assert "X" * 300 in retold("batch", "list").output


def test_run_writes_nothing_when_its_address_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        arguments = ["run", "--data", str(tmp_path / "data"), "--port", port]
        program = [sys.executable, "-m", "engine.cli.main", *arguments]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"expected to serve at 127.0.0.1:{port}" in done.stderr
    assert not (tmp_path / "data").exists()
