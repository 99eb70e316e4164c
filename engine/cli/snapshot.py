"""`snapshot`: what is in the directory from which new machines start, and one more of it now."""

from __future__ import annotations

from collections.abc import Sequence
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

    folder = _folder(installed, directory)
    if not folder.is_dir():
        raise CommandFailed(f"expected a directory of snapshots, got {folder}; name another with --directory")
    found = [snapshot for number in partitions_of(folder) for snapshot in find(folder, number)]
    state_format = Assembly().state_format
    if as_json:
        print_json({"stateFormat": state_format, "snapshots": [_document(snapshot) for snapshot in found]})
        return
    _print(found, state_format)


def take(installed: Installed, directory: Directory = None, as_json: Json = False) -> None:
    """Take a snapshot of the state of every partition of this machine, now.

    The engine may run or not, and goes on. More than snapshots.keep are not kept; the oldest give way.
    """
    import asyncio

    from engine.assembly import Assembly, build_name
    from engine.shell.clock import SystemClock
    from engine.shell.snapshots import LmdbSnapshots
    from replay.state_rows import StateReader
    from replay.stopped_store import stored_partitions

    settings, folder = installed.settings(), _folder(installed, directory)
    numbers = stored_partitions(settings.data)
    if not numbers:
        raise CommandFailed(f"expected a data directory with a state, got {settings.data}; name another with --data")
    taken = []
    for number in numbers:
        path = settings.data / "state" / str(number)
        with StateReader(path) as state:
            snapshots = LmdbSnapshots(
                folder,
                number,
                state=path,
                state_format=state.state_format,
                build=build_name(),
                keep=settings.snapshots.keep,
                clock=SystemClock(),
            )
            if state.position():
                taken.append(asyncio.run(snapshots.take_by(state.copy)))
    state_format = Assembly().state_format
    if as_json:
        print_json({"stateFormat": state_format, "snapshots": [_document(snapshot) for snapshot in taken]})
        return
    _print(taken, state_format)


def _folder(installed: Installed, directory: Path | None) -> Path:
    folder = directory or installed.settings().snapshots.directory
    if folder is None:
        raise UsageFault("expected --directory, or the setting snapshots.directory, got neither")
    return folder


def _print(snapshots: Sequence[Snapshot], state_format: str) -> None:
    rows = [_row(snapshot, snapshot.state_format == state_format) for snapshot in snapshots]
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
    app = typer.Typer(help="The copies of the state from which new machines start.", no_args_is_help=True)
    app.callback()(_group)
    app.command("list")(expand(list_snapshots))
    app.command("take")(expand(take))
    return app


def _group() -> None:
    """The copies of the state from which new machines start."""
