"""`deploy`, `create`: process definitions, and instances of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .faults import CommandFailed, UsageFault
from .options import Connection, expand, read_json
from .output import print_fields, print_json, print_table, shown, shown_count

if TYPE_CHECKING:
    from .client import Document
    from .load import Call, Sent


def deploy(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="BPMN, DMN and form files.")],
    connection: Connection,
) -> None:
    """Deploy BPMN, DMN and form files together: all of them or none."""
    from .client import Client

    parts = [("resources", (file.name, _read(file), _media_type(file))) for file in files]
    with Client(connection.url) as client:
        answer = client.post("/deployments", files=parts)
    if connection.json:
        print_json(answer)
        return
    _print_processes(_deployed(answer, "processDefinition"))
    _print_decisions(_deployed(answer, "decisionDefinition"), _deployed(answer, "decisionRequirements"))
    _print_forms(_deployed(answer, "form"))


def _media_type(file: Path) -> str:
    return "application/json" if file.suffix == ".form" else "application/xml"


def _deployed(answer: Document, kind: str) -> list[Document]:
    return [one[kind] for one in answer["deployments"] if one.get(kind)]


def _print_processes(definitions: list[Document]) -> None:
    rows = [
        (
            definition["processDefinitionId"],
            shown(definition["processDefinitionVersion"]),
            definition["processDefinitionKey"],
            definition["resourceName"],
        )
        for definition in definitions
    ]
    if rows:
        print_table(("PROCESS", "VERSION", "DEFINITION KEY", "FILE"), rows)


def _print_decisions(definitions: list[Document], requirements: list[Document]) -> None:
    files = {one["decisionRequirementsKey"]: one["resourceName"] for one in requirements}
    rows = [
        (
            definition["decisionDefinitionId"],
            shown(definition["version"]),
            definition["decisionDefinitionKey"],
            files.get(definition["decisionRequirementsKey"], ""),
        )
        for definition in definitions
    ]
    if rows:
        print_table(("DECISION", "VERSION", "DEFINITION KEY", "FILE"), rows)


def _print_forms(forms: list[Document]) -> None:
    rows = [(form["formId"], shown(form["version"]), form["formKey"], form["resourceName"]) for form in forms]
    if rows:
        print_table(("FORM", "VERSION", "FORM KEY", "FILE"), rows)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageFault(f"FILE: expected a file {file}, got: {error.strerror}; name another") from None


def create(
    process_id: Annotated[
        str,
        typer.Argument(metavar="PROCESS_ID", help="As in the model.", autocompletion=completion.process_ids),
    ],
    *,
    variables: Annotated[str, typer.Option(metavar="JSON", help="A JSON object, or @FILE.")] = "{}",
    version: Annotated[int, typer.Option(metavar="N", help="Version of the process; -1 for the latest.")] = -1,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Start so many, several at a time.")] = 1,
    connection: Connection,
) -> None:
    """Start instances of a process."""
    from .load import Call, send

    body = {
        "processDefinitionId": process_id,
        "processDefinitionVersion": version,
        "variables": read_json("--variables", variables, dict[str, Any]),
    }
    calls = (Call("POST", "/process-instances", body) for _ in range(count))
    if connection.json:
        sent = send(connection.url, calls, answered=lambda _done, answer: print_json(answer))
    elif count == 1:
        sent = send(connection.url, calls)
    else:
        sent = _send_watched(connection.url, calls, process_id, count)
    if not connection.json and sent.answers:
        _print_started(process_id, count, sent.answers)
    if sent.fault is not None:
        raise sent.fault if count == 1 else _incomplete(sent, count)


def _send_watched(url: str, calls: Iterable[Call], process_id: str, count: int) -> Sent:
    from .load import send
    from .progress import open_bars

    with open_bars(share=0.1) as bars:
        return send(url, calls, answered=lambda done, _answer: bars.show(f"Start {process_id}", done, count))


def _print_started(process_id: str, count: int, answers: Sequence[Document]) -> None:
    first, last = answers[0], answers[-1]
    process = ("Process", f"{process_id} version {first['processDefinitionVersion']}")
    if count == 1:
        print_fields([("Process instance", first["processInstanceKey"]), process])
        return
    print_fields(
        [
            ("Started", f"{shown_count(len(answers))} of {shown_count(count)}"),
            process,
            ("First", first["processInstanceKey"]),
            ("Last", last["processInstanceKey"]),
        ]
    )


def _incomplete(sent: Sent, count: int) -> CommandFailed:
    """The fault with what is known of those before it; the exit code stays."""
    assert sent.fault is not None
    text = f"{sent.fault}\nstarted {shown_count(len(sent.answers))} of {shown_count(count)}"
    if sent.unknown:
        text += f"; of {shown_count(sent.unknown)} more it is unknown: look with `retold instances list`"
    fault = CommandFailed(text)
    fault.exit_code = sent.fault.exit_code
    return fault


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (deploy, create):
        app.command(command.__name__)(expand(command))
