"""`jobs`: look at jobs, and be a job worker by hand."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from . import completion
from .accepted import send_accepted
from .faults import UsageFault
from .listing import print_found, upper
from .options import Connection, Limit, Variables, expand, read_json
from .output import print_json, print_table

WORKER = "retold-cli"

JobKey = Annotated[str, typer.Argument(metavar="JOB_KEY", help="Key of the job.", autocompletion=completion.job_keys)]
JobType = Annotated[
    str, typer.Argument(metavar="TYPE", help="Type of the jobs, as in the model.", autocompletion=completion.job_types)
]
Message = Annotated[str, typer.Option(metavar="TEXT", help="What went wrong.")]

COLUMNS = {
    "JOB": "jobKey",
    "PROCESS INSTANCE": "processInstanceKey",
    "TYPE": "type",
    "ELEMENT": "elementId",
    "STATE": "state",
    "RETRIES": "retries",
    "PRIORITY": "priority",
    "WORKER": "worker",
    "DEADLINE": "deadline",
    "ERROR": "errorMessage",
}


def list_jobs(
    *,
    job_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Of this type.", autocompletion=completion.job_types)
    ] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Such as CREATED, FAILED or COMPLETED.")] = None,
    instance: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Process instance key.", autocompletion=completion.instance_keys),
    ] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List jobs, the newest first."""
    wanted = {"type": job_type, "state": upper(state), "processInstanceKey": instance}
    print_found(connection, "/jobs", wanted, COLUMNS, sort=[("jobKey", "DESC")], limit=limit)


def activate(
    job_type: JobType,
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


def complete(
    key: JobKey,
    *,
    variables: Variables = "{}",
    result: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Of an ad-hoc sub-process, what is to happen in it: JSON object, or @FILE."),
    ] = None,
    connection: Connection,
) -> None:
    """Complete a job; its process instance goes on."""
    body = {"variables": read_json("--variables", variables, dict[str, Any])}
    if result is not None:
        body["result"] = read_json("--result", result, dict[str, Any])
    _report(key, "completion", body, connection)


def fail(
    key: JobKey,
    *,
    retries: Annotated[int, typer.Option(min=0, metavar="N", help="Retries left; 0 raises an incident.")] = 0,
    message: Message = "",
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


def throw_error(
    key: JobKey,
    code: Annotated[str, typer.Argument(metavar="ERROR_CODE", help="As in the model.")],
    *,
    message: Message = "",
    variables: Variables = "{}",
    connection: Connection,
) -> None:
    """Throw a BPMN error that the model catches; uncaught it raises an incident."""
    body = {
        "errorCode": code,
        "errorMessage": message,
        "variables": read_json("--variables", variables, dict[str, Any]),
    }
    _report(key, "error", body, connection)


def update(
    key: JobKey,
    *,
    retries: Annotated[int | None, typer.Option(min=1, metavar="N", help="Retries left.")] = None,
    timeout: Annotated[int | None, typer.Option(min=0, metavar="SECONDS", help="The time-out, from now on.")] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="Higher ones are activated first.")] = None,
    connection: Connection,
) -> None:
    """Change the retries, the time-out or the priority of a job."""
    given = {"retries": retries, "timeout": None if timeout is None else timeout * 1000, "priority": priority}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise UsageFault("expected --retries, --timeout or --priority, got none of them")
    send_accepted(connection, "PATCH", f"/jobs/{key}", {"changeset": changes}, about={"jobKey": key}, accepted="update")


def _report(key: str, what: str, body: dict[str, Any], connection: Connection) -> None:
    send_accepted(connection, "POST", f"/jobs/{key}/{what}", body, about={"jobKey": key}, accepted=what)


def jobs_app() -> typer.Typer:
    """The group `jobs`."""
    app = typer.Typer(help="Look at jobs, and be a job worker by hand.", no_args_is_help=True)
    app.command("list")(expand(list_jobs))
    app.command("throw-error")(expand(throw_error))
    for command in (activate, complete, fail, update):
        app.command(command.__name__)(expand(command))
    return app
