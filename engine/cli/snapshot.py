"""`snapshot`: what is in the directory from which new machines start."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .faults import CommandFailed, UsageFault
from .options import Installed, Json, expand
from .output import print_json, print_note, print_table, shown_count

if TYPE_CHECKING:
    from engine.core.ports import Snapshot

Directory = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Directory of the snapshots. Default: snapshots.directory.")
]


def list_snapshots(installed: Installed, directory: Directory = None, as_json: Json = False) -> None:
    """List the snapshots of every partition, the newest first.

    The engine may run or not. Whether one fits the log is found out by a partition that starts from it.
    """
    from engine.assembly import Assembly
    from engine.shell.snapshots import list_snapshots as find
    from engine.shell.snapshots import partitions_of

    folder = directory or installed.settings().snapshots.directory
    if folder is None:
        raise UsageFault("expected --directory, or the setting snapshots.directory, got neither")
    if not folder.is_dir():
        raise CommandFailed(f"expected a directory of snapshots, got {folder}; name another with --directory")
    found = [snapshot for number in partitions_of(folder) for snapshot in find(folder, number)]
    state_format = Assembly().state_format
    if as_json:
        print_json({"stateFormat": state_format, "snapshots": [_document(snapshot) for snapshot in found]})
        return
    rows = [_row(snapshot, snapshot.state_format == state_format) for snapshot in found]
    print_table(("PARTITION", "POSITION", "TAKEN", "MIB", "GENERATION", "BUILD", "READABLE"), rows)
    unreadable = sum(row[-1] == "no" for row in rows)
    if unreadable:
        print_note(f"{unreadable} are of another build's state format; this build passes over them")


def _document(snapshot: Snapshot) -> dict[str, object]:
    import msgspec

    document: dict[str, object] = msgspec.to_builtins(snapshot)
    return document


def _row(snapshot: Snapshot, is_readable: bool) -> tuple[str, ...]:
    return (
        str(snapshot.partition),
        shown_count(snapshot.position),
        f"{datetime.fromtimestamp(snapshot.taken_at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"{snapshot.size / (1 << 20):.1f}",
        str(snapshot.generation),
        snapshot.build,
        "yes" if is_readable else "no",
    )


def snapshot_app() -> typer.Typer:
    """The group `snapshot`."""
    app = typer.Typer(help="Look at the copies of the state from which new machines start.", no_args_is_help=True)
    app.callback()(_group)
    app.command("list")(expand(list_snapshots))
    return app


def _group() -> None:
    """Look at the copies of the state from which new machines start."""
