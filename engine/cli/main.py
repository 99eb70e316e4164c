"""The entry point `retold`: which commands there are, and the one place where a fault becomes an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from . import (
    authorizations,
    batch,
    decisions,
    engine_commands,
    exporter,
    groups,
    incidents,
    instances,
    jobs,
    lint,
    log,
    messages,
    migration_plans,
    new_operation,
    processes,
    produce,
    repair,
    replay,
    signals,
    snapshot,
    state,
    user_tasks,
    users,
    variables,
    worker,
)
from .demo import command as demo
from .faults import EXIT_FAILED, CommandFailed
from .output import print_note

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
    version: Annotated[  # noqa: ARG001 - its callback has printed it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="As --url of the commands behind it; RETOLD_URL says it for good.")
    ] = None,
) -> None:
    if url is not None:
        os.environ["RETOLD_URL"] = url


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
    lint.add_to(app)
    processes.add_to(app)
    app.add_typer(instances.instances_app(), name="instances")
    app.add_typer(migration_plans.migration_plan_app(), name="migration-plan")
    app.add_typer(variables.variables_app(), name="variables")
    app.add_typer(incidents.incidents_app(), name="incidents")
    app.add_typer(jobs.jobs_app(), name="jobs")
    worker.add_to(app)
    app.add_typer(user_tasks.user_tasks_app(), name="user-tasks")
    app.add_typer(messages.messages_app(), name="messages")
    app.add_typer(signals.signals_app(), name="signals")
    app.add_typer(decisions.decisions_app(), name="decisions")
    app.add_typer(batch.batch_app(), name="batch")
    app.add_typer(users.users_app(), name="users")
    app.add_typer(groups.groups_app(), name="groups")
    app.add_typer(authorizations.authorizations_app(), name="authorizations")
    produce.add_to(app)
    log.add_to(app)
    state.add_to(app)
    app.add_typer(snapshot.snapshot_app(), name="snapshot")
    app.add_typer(exporter.exporter_app(), name="exporter")
    app.add_typer(replay.replay_app(), name="replay")
    app.add_typer(repair.repair_app(), name="repair")
    new_operation.add_to(app)
    return app


def main() -> None:
    """Run the command line of this process."""
    from engine.core.faults import RetoldError

    try:
        create_app()(prog_name="retold")
    except CommandFailed as fault:
        print_note(f"error: {fault}")
        sys.exit(fault.exit_code)
    except RetoldError as fault:
        print_note(f"error: {fault.message}")
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
