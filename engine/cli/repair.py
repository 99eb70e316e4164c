"""`repair`: what a person may do to the log of a stopped engine when a partition cannot go on."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Installed, Json, expand
from .output import print_json, print_line, print_table

OnlyLook = Annotated[bool, typer.Option("--dry-run", help="Say what is missing, change nothing.")]


def messages(installed: Installed, dry_run: OnlyLook = False, as_json: Json = False) -> None:
    """Append the messages between partitions that are missing.

    They are in the events of their senders. The engine must be stopped. Nothing is removed or changed; running it again
    finds nothing more to do.
    """
    from replay.repair import find_and_repair

    from .log_source import source_of

    gaps = find_and_repair(source_of(installed.settings()), only_look=dry_run)
    if as_json:
        fields = ("sender", "receiver", "first")
        found = [{**{name: getattr(gap, name) for name in fields}, "count": len(gap.messages)} for gap in gaps]
        print_json({"appended": not dry_run, "messages": found})
        return
    if not gaps:
        print_line("No message is missing.")
        return
    rows = [(str(g.sender), str(g.receiver), str(g.first), str(g.first + len(g.messages) - 1)) for g in gaps]
    print_table(("FROM PARTITION", "TO PARTITION", "FIRST", "LAST"), rows)
    print_line("" if dry_run else "These were appended again; start the engine.")


def repair_app() -> typer.Typer:
    """The group `repair`."""
    app = typer.Typer(help="Let a stopped partition go on.", no_args_is_help=True)
    app.callback()(_group)
    app.command("messages")(expand(messages))
    return app


def _group() -> None:
    """Let a stopped partition go on."""
