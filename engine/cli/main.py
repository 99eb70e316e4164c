"""The entry point `retold`: which commands there are, and the one place where a fault becomes an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from . import batch, engine_commands, jobs, log, processes, replay
from .demo import command as demo
from .faults import EXIT_FAILED, CommandFailed

HELP = "A process engine whose only truth is a log: run it, use it, look inside."

EPILOG = """\b
Exit codes:
    0  well done
    1  what was asked for failed
    2  the command line makes no sense
    3  no engine answers at the URL
  130  ended by Ctrl-C"""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"retold {version('retold')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def create_app() -> typer.Typer:
    """All commands, in the order in which a new user meets them."""
    app = typer.Typer(
        name="retold",
        help=HELP,
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Rich's help would take half a second to import.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    engine_commands.add_to(app)
    demo.add_to(app)
    processes.add_to(app)
    app.add_typer(jobs.jobs_app(), name="jobs")
    app.add_typer(batch.batch_app(), name="batch")
    log.add_to(app)
    app.add_typer(replay.replay_app(), name="replay")
    return app


def main() -> None:
    """Run the command line of this process."""
    from engine.core.faults import RetoldError

    try:
        create_app()(prog_name="retold")
    except CommandFailed as fault:
        _complain(str(fault))
        sys.exit(fault.exit_code)
    except RetoldError as fault:
        _complain(fault.message)
        sys.exit(EXIT_FAILED)


def _complain(text: str) -> None:
    sys.stderr.write(f"error: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
