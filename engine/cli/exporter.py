"""`exporter`: what a person may ask of secondary storage."""

from __future__ import annotations

import asyncio

import typer

from .faults import UsageFault
from .options import Installed, Json, expand
from .output import print_json, print_line


def reindex(installed: Installed, as_json: Json = False) -> None:
    """Have everything exported again into new indices of OpenSearch.

    New, empty indices are made beside those that serve. Running exporters find them with the next records, at the
    latest when they are started again, and fill them from the log. When all partitions have caught up, searches move
    over and the old indices are deleted.
    """
    from exporters.opensearch import begin_reindex

    settings = installed.settings().opensearch
    if not settings.url:
        raise UsageFault("expected the setting opensearch.url, got none; of SQLite, delete the file search.db instead")
    made = asyncio.run(begin_reindex(settings.connection()))
    if as_json:
        print_json({"indices": list(made)})
        return
    print_line(f"Made {', '.join(made)}; exporters fill them, and searches use the old ones until then.")


def exporter_app() -> typer.Typer:
    """The group `exporter`."""
    app = typer.Typer(help="Have secondary storage filled again.", no_args_is_help=True)
    app.callback()(_group)
    app.command("reindex")(expand(reindex))
    return app


def _group() -> None:
    """Have secondary storage filled again."""
