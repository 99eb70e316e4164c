"""`jobs`: be a job worker by hand."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from .options import Connection, expand, read_json
from .output import print_fields, print_json, print_table

WORKER = "retold-cli"

JobKey = Annotated[str, typer.Argument(metavar="JOB_KEY", help="Key of the job.")]
Variables = Annotated[str, typer.Option(metavar="JSON", help="Variables to set: a JSON object, or @FILE.")]


def activate(
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="Type of the jobs, as in the model.")],
    *,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 1,
    timeout: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="They are ours for so long.")] = 300,
    worker: Annotated[str, typer.Option(metavar="NAME", help="Who works on them.")] = WORKER,
    connection: Connection,
) -> None:
    """Take jobs of a type; nobody else gets them until the time-out."""
    from .client import Client

    body = {
        "type": job_type,
        "timeout": timeout * 1000,
        "maxJobsToActivate": count,
        "worker": worker,
        "requestTimeout": -1,
    }
    with Client(connection.url) as client:
        answer = client.post("/jobs/activation", body)
    if connection.json:
        print_json(answer)
        return
    print_table(
        ("JOB", "PROCESS INSTANCE", "ELEMENT", "RETRIES", "VARIABLES"),
        [
            (
                job["jobKey"],
                job["processInstanceKey"],
                job["elementId"],
                str(job["retries"]),
                " ".join(f"{name}={_json(value)}" for name, value in job["variables"].items()),
            )
            for job in answer["jobs"]
        ],
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def complete(key: JobKey, *, variables: Variables = "{}", connection: Connection) -> None:
    """Complete a job; its process instance goes on."""
    _report(key, "completion", {"variables": read_json("--variables", variables, dict[str, Any])}, connection)


def fail(
    key: JobKey,
    *,
    retries: Annotated[int, typer.Option(min=0, metavar="N", help="Retries left; 0 raises an incident.")] = 0,
    message: Annotated[str, typer.Option(metavar="TEXT", help="What went wrong.")] = "",
    back_off: Annotated[int, typer.Option(min=0, metavar="SECONDS", help="Wait before the next try.")] = 0,
    variables: Variables = "{}",
    connection: Connection,
) -> None:
    """Fail a job; without retries left it raises an incident."""
    body = {
        "retries": retries,
        "errorMessage": message,
        "retryBackOff": back_off * 1000,
        "variables": read_json("--variables", variables, dict[str, Any]),
    }
    _report(key, "failure", body, connection)


def _report(key: str, what: str, body: dict[str, Any], connection: Connection) -> None:
    from .client import Client

    with Client(connection.url) as client:
        client.post(f"/jobs/{key}/{what}", body)
    if connection.json:
        print_json({"jobKey": key, "accepted": what})
    else:
        print_fields([("Job", key), ("Accepted", what)])


def jobs_app() -> typer.Typer:
    """The group `jobs`."""
    app = typer.Typer(help="Be a job worker by hand: take jobs, complete or fail them.", no_args_is_help=True)
    for command in (activate, complete, fail):
        app.command(command.__name__)(expand(command))
    return app
