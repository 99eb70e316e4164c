"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Data directory; a fresh one or one that exists.")] = Path(
        "demo-data"
    ),
    count: Annotated[int, typer.Option(min=100, metavar="N", help="Process instances to start.")] = 10_000,
    port: Annotated[int, typer.Option(metavar="N", help="Port of the REST API; 0 for a free one.")] = 0,
) -> None:
    """Show it all on this machine, in about a minute.

    Starts an engine and 10,000 process instances, works their jobs, lets some fail, resolves their incidents and
    cancels thousands of instances by batch operations, and replays the log. Needs nothing but a directory.
    """
    from .story import tell

    tell(data, count, port)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("demo")(demo)
