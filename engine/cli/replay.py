"""`replay verify`: the auditor of a stopped engine, with what it found as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .faults import CommandFailed
from .options import Data, Json
from .output import is_terminal, print_json, print_line, print_table, shown, shown_count

if TYPE_CHECKING:
    from replay.report import Report


def verify(data: Data = Path("data"), as_json: Json = False) -> None:
    """Prove that log, state and projection agree.

    The engine must be stopped. Exits 0 only if all is well, 1 if something is not.
    """
    from replay import verify as auditor

    if as_json or not is_terminal():
        report = auditor.verify(data)
    else:
        from .progress import open_bars

        with open_bars() as bars:
            report = auditor.verify(data, progress=lambda done, total: bars.show("Read records", done, total))
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.ok:
        bad = [check.name for check in report.checks if check.failure_count]
        raise CommandFailed(f"expected all to be well in {data}, got failures of: {', '.join(bad)}")


def _print(report: Report) -> None:
    from replay.report import CHECKS

    print_table(
        ("PARTITION", "LAST POSITION", "PROVED UP TO", "RECORDS", "STEPS", "COMMANDS", "STATE AT", "SEARCH AT"),
        [
            (
                str(partition.partition),
                str(partition.last_position),
                str(partition.last_good_position),
                shown_count(partition.records),
                shown_count(partition.steps),
                shown_count(partition.commands),
                shown(partition.state_position),
                shown(partition.projection_position),
            )
            for partition in report.partitions
        ],
    )
    print_line("")
    print_table(
        ("CHECK", "RESULT", "COUNTED", "WHAT IT PROVES"),
        [
            (
                check.name,
                check.status.upper() if check.failure_count else check.status,
                ", ".join(f"{shown_count(count)} {name}" for name, count in check.counts.items()),
                f"{CHECKS[check.name]}{f' ({check.note})' if check.note else ''}",
            )
            for check in report.checks
        ],
    )
    for check in report.checks:
        for failure in check.failures:
            place = f", partition {failure.partition}" if failure.partition else ""
            place += f", position {failure.position}" if failure.position >= 0 else ""
            print_line(f"{check.name}{place}: {failure.text}")
        if check.failure_count > len(check.failures):
            print_line(f"{check.name}: {shown_count(check.failure_count - len(check.failures))} more")


def replay_app() -> typer.Typer:
    """The group `replay`."""
    app = typer.Typer(help="Prove from the log what happened.", no_args_is_help=True)
    app.callback()(_group)
    app.command("verify")(verify)
    return app


def _group() -> None:
    """Prove from the log what happened."""
