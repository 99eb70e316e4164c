"""`deploy`, `create`, `instances`, `incidents`: process definitions and instances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .faults import UsageFault
from .filters import FilterOptions, filter_of
from .options import Connection, Limit, expand, read_json
from .output import print_fields, print_json, print_note, print_table, shown, shown_count


def deploy(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="BPMN files.")], connection: Connection
) -> None:
    """Deploy BPMN files together: all of them or none."""
    from .client import Client

    parts = [("resources", (file.name, _read(file), "application/xml")) for file in files]
    with Client(connection.url) as client:
        answer = client.post("/deployments", files=parts)
    if connection.json:
        print_json(answer)
        return
    definitions = [one["processDefinition"] for one in answer["deployments"] if one["processDefinition"]]
    print_table(
        ("PROCESS", "VERSION", "DEFINITION KEY", "FILE"),
        [
            (
                definition["processDefinitionId"],
                shown(definition["processDefinitionVersion"]),
                definition["processDefinitionKey"],
                definition["resourceName"],
            )
            for definition in definitions
        ],
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageFault(f"FILE: expected a file {file}, got: {error.strerror}; name another") from None


def create(
    process_id: Annotated[str, typer.Argument(metavar="PROCESS_ID", help="As in the model.")],
    *,
    variables: Annotated[str, typer.Option(metavar="JSON", help="A JSON object, or @FILE.")] = "{}",
    version: Annotated[int, typer.Option(metavar="N", help="Version of the process; -1 for the latest.")] = -1,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Start so many, several at a time.")] = 1,
    connection: Connection,
) -> None:
    """Start instances of a process."""
    from .load import Call, send_all
    from .progress import open_bars

    body = {
        "processDefinitionId": process_id,
        "processDefinitionVersion": version,
        "variables": read_json("--variables", variables, dict[str, Any]),
    }
    calls = (Call("POST", "/process-instances", body) for _ in range(count))
    if connection.json:
        send_all(connection.url, calls, answered=lambda _done, answer: print_json(answer))
    elif count == 1:
        (answer,) = send_all(connection.url, calls)
        print_fields(
            [
                ("Process instance", answer["processInstanceKey"]),
                ("Process", f"{process_id} version {answer['processDefinitionVersion']}"),
            ]
        )
    else:
        with open_bars(share=0.1) as bars:
            send_all(
                connection.url,
                calls,
                answered=lambda done, _answer: bars.show(f"Start {process_id}", done, count),
            )


def instances(*, wanted: FilterOptions, limit: Limit = 20, connection: Connection) -> None:
    """List process instances, the newest first."""
    from .client import Client, newest_first

    with Client(connection.url) as client:
        found = client.search(
            "/process-instances", filter_of(wanted), sort=newest_first("startDate", "processInstanceKey"), limit=limit
        )
    if connection.json:
        print_json(found.document())
        return
    print_table(
        ("PROCESS INSTANCE", "PROCESS", "VERSION", "STATE", "INCIDENT", "STARTED", "ENDED"),
        [
            (
                item["processInstanceKey"],
                shown(item["processDefinitionId"]),
                shown(item["processDefinitionVersion"]),
                item["state"],
                shown(item["hasIncident"]),
                shown(item["startDate"]),
                shown(item["endDate"]),
            )
            for item in found.items
        ],
    )
    print_note(f"{len(found.items)} of {shown_count(found.total, at_least=found.more)}")


def incidents(
    *,
    state: Annotated[str, typer.Option(metavar="STATE", help="ACTIVE or RESOLVED; empty for all.")] = "ACTIVE",
    process_id: Annotated[str | None, typer.Option(metavar="ID", help="Process id.")] = None,
    instance: Annotated[str | None, typer.Option(metavar="KEY", help="Process instance key.")] = None,
    error_type: Annotated[str | None, typer.Option(metavar="TYPE", help="Such as JOB_NO_RETRIES.")] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List incidents, the newest first."""
    from .client import Client, newest_first

    given = {
        "state": state.upper() or None,
        "processDefinitionId": process_id,
        "processInstanceKey": instance,
        "errorType": error_type and error_type.upper(),
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    with Client(connection.url) as client:
        found = client.search("/incidents", wanted, sort=newest_first("creationTime", "incidentKey"), limit=limit)
    if connection.json:
        print_json(found.document())
        return
    print_table(
        ("INCIDENT", "PROCESS INSTANCE", "PROCESS", "ELEMENT", "STATE", "ERROR", "MESSAGE"),
        [
            (
                item["incidentKey"],
                item["processInstanceKey"],
                shown(item["processDefinitionId"]),
                item["elementId"],
                item["state"],
                item["errorType"],
                item["errorMessage"],
            )
            for item in found.items
        ],
    )
    print_note(f"{len(found.items)} of {shown_count(found.total, at_least=found.more)}")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (deploy, create, instances, incidents):
        app.command(command.__name__)(expand(command))
