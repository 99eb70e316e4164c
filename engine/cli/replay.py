"""`replay verify`, `replay rerun`: the auditor of a log, with what it found as tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from .faults import CommandFailed, Unproved
from .options import Installed, Json, expand
from .output import is_watched, print_json, print_line, print_table, shown, shown_count

if TYPE_CHECKING:
    from replay.ports import Counted
    from replay.redecision import PartitionRerun
    from replay.report import Report
    from replay.rerun import RerunReport


def verify(installed: Installed, as_json: Json = False) -> None:
    """Prove that log, state and projection agree.

    On Kafka machines may run: the log is read up to its ends at the start. An engine with the embedded log must be
    stopped. Exits 0 only if all is well, 1 if something is not, 4 if nothing is wrong but the beginning of the log is
    gone and no snapshot stands for it.
    """
    from replay import verify as auditor

    from .log_source import projection_of, source_of

    settings = installed.settings()
    source = source_of(settings)

    with _progress("Read records", as_json=as_json) as progress:
        report = auditor.verify(
            settings.data,
            source=source,
            projection=projection_of(settings),
            snapshots=settings.snapshots.directory,
            progress=progress,
        )
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.ok:
        bad = [check.name for check in report.checks if check.failure_count]
        raise CommandFailed(f"expected all to be well in {source.name}, got failures of: {', '.join(bad)}")
    if not report.whole:
        late = [str(partition.partition) for partition in report.partitions if partition.replayed_from is None]
        raise Unproved(
            f"expected the beginning of {source.name}, or snapshots that reach to where it begins, got neither on "
            f"partition {', '.join(late)}: no state was replayed there; what the log alone proves is well"
        )


def _print(report: Report) -> None:
    from replay.report import CHECKS

    print_table(
        ("PARTITION", "LAST POSITION", "PROVED", "REPLAYED FROM", "RECORDS", "STEPS", "COMMANDS", "STATE", "SEARCH AT"),
        [
            (
                str(partition.partition),
                str(partition.last_position),
                f"{partition.first_position} to {partition.last_good_position}",
                _beginning(partition.replayed_from),
                shown_count(partition.records),
                shown_count(partition.steps),
                shown_count(partition.commands),
                f"{partition.compared_with} {shown(partition.state_position)}".strip(),
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


def _beginning(position: int | None) -> str:
    if position is None:
        return "not replayed"
    return f"snapshot {position}" if position else "beginning"


def rerun(installed: Installed, as_json: Json = False) -> None:
    """Decide every command of the log again, and compare to the byte.

    This build decides; nothing is changed. On Kafka machines may run, an engine with the embedded log must be stopped.
    Time, claims and the name of the build are those of the log. Exits 0 if all outcomes are the same, 1 if one differs,
    which is named, 4 if the beginning of the log is gone and no snapshot stands for it.
    """
    from replay import rerun as auditor

    from .log_source import source_of

    settings = installed.settings()
    source = source_of(settings)

    with _progress("Decide again", as_json=as_json) as progress:
        report = auditor.rerun(source, snapshots=settings.snapshots.directory, progress=progress)
    if as_json:
        print_json(report)
    else:
        _print_rerun(report)
    if not report.ok:
        bad = [str(found.partition) for found in report.partitions if found.difference is not None]
        raise CommandFailed(f"expected the outcomes of {source.name}, got others on partition {', '.join(bad)}")
    if not report.whole:
        late = [f"partition {found.partition}: {found.problem}" for found in report.partitions if found.problem]
        raise Unproved("\n".join(late))


def _print_rerun(report: RerunReport) -> None:
    print_table(
        ("PARTITION", "RESULT", "SAME", "STEPS", "PENDING", "DECIDED BY"),
        [
            (
                str(found.partition),
                _result(found),
                f"{shown(found.first_position)} to {found.last_position}",
                shown_count(found.steps),
                shown_count(found.pending_commands),
                ", ".join(found.builds),
            )
            for found in report.partitions
        ],
    )
    for found in report.partitions:
        if found.unfinished_records:
            text = f"the log ends within a step, of which {found.unfinished_records} records are there"
            print_line(f"partition {found.partition}: {text}")
        _print_difference(found)


def _result(found: PartitionRerun) -> str:
    if found.problem:
        return "not decided"
    return "same" if found.difference is None else "DIFFERS"


def _print_difference(found: PartitionRerun) -> None:
    difference = found.difference
    if difference is None:
        return
    place = f", position {difference.position}" if difference.position >= 0 else ""
    print_line(f"\npartition {found.partition}{place}: {difference.text}")
    if difference.command is not None:
        command = difference.command
        print_line(f"  command: {command.command} at offset {command.offset} of {command.topic}")
    for field in difference.fields:
        print_line(f"  {field.field}: expected {field.expected}, got {field.got}")


@contextmanager
def _progress(name: str, *, as_json: bool) -> Iterator[Counted | None]:
    """A bar for a person; nothing for programs."""
    if as_json or not is_watched():
        yield None
        return
    from .progress import open_bars

    with open_bars() as bars:
        yield lambda done, total: bars.show(name, done, total)


def replay_app() -> typer.Typer:
    """The group `replay`."""
    app = typer.Typer(help="Prove from the log what happened.", no_args_is_help=True)
    app.callback()(_group)
    app.command("verify")(expand(verify))
    app.command("rerun")(expand(rerun))
    return app


def _group() -> None:
    """Prove from the log what happened."""
