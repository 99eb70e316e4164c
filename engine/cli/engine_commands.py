"""`run`, `config template|show`: the engine itself and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct

from .faults import UsageFault
from .options import Config, expand
from .output import print_json, print_line


class EngineOptions(Struct, frozen=True, kw_only=True):
    """Settings that have an option; all of them can be given by file and environment."""

    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Where everything is kept. Default: data.")] = None
    port: Annotated[
        int | None, typer.Option(metavar="N", help="Port of the REST API; 0 for a free one. Default: 8080.")
    ] = None
    partitions: Annotated[
        int | None, typer.Option(metavar="P", help="Number of partitions, fixed for the life of the data. Default: 2.")
    ] = None
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Address to serve at. Default: 127.0.0.1.")] = None
    roles: Annotated[
        str | None,
        typer.Option(metavar="ROLES", help="What this machine does: engine,gateway,exporter. Default: all of it."),
    ] = None

    kafka: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT,...", help="Some brokers of Apache Kafka. Default: the embedded log."),
    ] = None
    opensearch: Annotated[
        str | None, typer.Option(metavar="URL,...", help="Some nodes of OpenSearch. Default: SQLite.")
    ] = None

    def given(self) -> dict[str, Any]:
        """Name of the setting -> what was given; None where nothing was."""
        names = {"kafka": "kafka.bootstrap_servers", "opensearch": "opensearch.url"}
        return {names.get(name, name): getattr(self, name) for name in self.__struct_fields__}


def run(options: EngineOptions, config: Config = None) -> None:
    """Run the engine until Ctrl-C or SIGTERM.

    Says in one line on standard output when it is ready.
    """
    from engine import app
    from engine.core.faults import BadRequest

    try:
        exit_code = app.run(config, options.given())
    except BadRequest as error:
        raise UsageFault(error.message) from None
    raise typer.Exit(exit_code)


def template() -> None:
    """Print a YAML file that lists every setting with its default and meaning."""
    from engine import config

    print_line(config.template().rstrip())


def show(
    options: EngineOptions,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Print the settings in force.

    Each is the default, unless the file, the environment or, above all, an option says otherwise.
    """
    from engine import config as settings_of
    from engine.core.faults import BadRequest

    try:
        settings = settings_of.load(config, options.given())
    except BadRequest as error:
        raise UsageFault(error.message) from None
    for warning in settings.warnings():
        typer.echo(f"warning: {warning}", err=True)
    document = settings.model_dump(mode="json", by_alias=True)
    if as_json:
        print_json(document)
        return
    import yaml

    print_line(yaml.safe_dump(document, sort_keys=False).rstrip())


def config_app() -> typer.Typer:
    """The group `config`."""
    app = typer.Typer(help="Settings of the engine.", no_args_is_help=True)
    app.command("template")(template)
    app.command("show")(expand(show))
    return app


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(expand(run))
    app.add_typer(config_app(), name="config")
