"""`worker`: a job worker that runs a command for each job."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from msgspec import Struct

from . import completion
from .faults import CommandFailed, UsageFault
from .options import Connection, expand


class WorkerOptions(Struct, frozen=True, kw_only=True):
    """How to work."""

    also: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE", help="Jobs of this type as well; repeat it.", autocompletion=completion.job_types),
    ] = None
    concurrency: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Jobs at the same time.")] = 1
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="A command that runs longer is ended; its job fails.")
    ] = 300
    error: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXIT=CODE", help="The exit code EXIT throws the BPMN error CODE, such as 42=REFUSED; repeat it."
        ),
    ] = None
    back_off: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Wait before the next try of a job that failed.")
    ] = 0
    name: Annotated[str, typer.Option(metavar="NAME", help="Who works.")] = "retold-cli"
    count: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many jobs.")] = None


def worker(
    job_type: Annotated[
        str,
        typer.Argument(metavar="TYPE", help="Type of the jobs, as in the model.", autocompletion=completion.job_types),
    ],
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run for each job.")],
    *,
    options: WorkerOptions,
    connection: Connection,
) -> None:
    """Run a command for each job of a type, until Ctrl-C.

    The command gets the variables as JSON on standard input, and JOB_KEY, JOB_TYPE, JOB_RETRIES, JOB_HEADERS,
    ELEMENT_ID and PROCESS_INSTANCE_KEY in its environment. A single word is run by the shell.

    Exit code 0 completes the job with the JSON object that is on standard output, if any. Any other fails it with one
    retry less and standard error as the message, unless --error says otherwise.

    Ctrl-C takes no more jobs and waits for those under way; a second one ends their commands and gives the jobs back.
    """
    from .job_commands import Rules
    from .working import Limits, work

    rules = Rules(command=command, timeout=options.timeout, errors=_errors(options.error or ()))
    limits = Limits(
        types=[job_type, *(options.also or ())],
        concurrency=options.concurrency,
        back_off=options.back_off,
        name=options.name,
        count=options.count,
    )
    failed = asyncio.run(work(connection, rules, limits))
    if failed:
        raise CommandFailed(f"expected all jobs to be completed, got {failed} that were not")


def _errors(given: list[str] | tuple[str, ...]) -> dict[int, str]:
    errors = {}
    for text in given:
        exit_code, sign, code = text.partition("=")
        if not sign or not code or not exit_code.isdecimal() or not 0 < int(exit_code) < 256:
            raise UsageFault(f"--error: expected EXIT=CODE with an exit code from 1 to 255, got {text!r}")
        errors[int(exit_code)] = code
    return errors


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("worker")(expand(worker))
