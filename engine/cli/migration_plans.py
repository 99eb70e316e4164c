"""`migration-plan`: make a plan of equal elements, and check one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from .faults import CommandFailed, UsageFault
from .options import Connection, expand, read_json
from .output import print_fields, print_json, print_line, print_table

PATH = "/process-instances/migration/plan"

SourceKey = Annotated[str, typer.Argument(metavar="SOURCE", help="Key of the process definition to migrate from.")]
TargetKey = Annotated[str, typer.Argument(metavar="TARGET", help="Key of the process definition to migrate to.")]
Mapping = Annotated[
    str,
    typer.Option(
        "--mapping-instructions",
        metavar="JSON",
        help="Which element goes on as which: a list of objects with sourceElementId and targetElementId, or @FILE.",
    ),
]


def read_instructions(text: str) -> list[dict[str, Any]]:
    """Mapping instructions as an option gives them. Raises UsageFault."""
    found: list[dict[str, Any]] = read_json("--mapping-instructions", text, list[dict[str, Any]])
    return found


def generate(
    source: SourceKey,
    target: TargetKey,
    *,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the instructions there, for --mapping-instructions @FILE."),
    ] = None,
    connection: Connection,
) -> None:
    """Make a plan that maps equal elements.

    Elements are equal that have the same id and type, in the same scope, with nothing else against it.
    """
    from .client import Client

    with Client(connection.url) as client:
        plan = client.post(f"{PATH}/generation", _definitions(source, target))
    instructions = plan["mappingInstructions"]
    if save is not None:
        _write(save, instructions)
    if connection.json:
        print_json(plan)
    elif save is None:
        _print_plan(instructions)
    else:
        print_fields([("Instructions", str(len(instructions))), ("Saved", str(save))])


def validate(source: SourceKey, target: TargetKey, *, mapping: Mapping, connection: Connection) -> None:
    """Check a plan: all problems at once.

    What is active in an instance must be mapped too; that shows when it migrates.
    """
    from .client import Client

    body = {**_definitions(source, target), "mappingInstructions": read_instructions(mapping)}
    with Client(connection.url) as client:
        report = client.post(f"{PATH}/validation", body)
    if connection.json:
        print_json(report)
    else:
        for each in report["instructionReports"]:
            for failure in each["failures"]:
                print_line(f"{each['sourceElementId']} -> {each['targetElementId']}: {failure}")
    if not report["valid"]:
        raise CommandFailed("the plan cannot be carried out")
    if not connection.json:
        print_fields([("Plan", "nothing is wrong")])


def _definitions(source: str, target: str) -> dict[str, str]:
    return {"sourceProcessDefinitionKey": source, "targetProcessDefinitionKey": target}


def _write(file: Path, instructions: list[dict[str, Any]]) -> None:
    try:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(instructions), indent=2) + b"\n")
    except OSError as error:
        raise UsageFault(f"--save: expected to write {file}, got: {error.strerror}; name another") from None


def _print_plan(instructions: list[dict[str, Any]]) -> None:
    rows = [(each["sourceElementId"], each["targetElementId"]) for each in instructions]
    print_table(("SOURCE", "TARGET"), rows)


def migration_plan_app() -> typer.Typer:
    """The group `migration-plan`."""
    app = typer.Typer(help="Make and check plans to migrate process instances.", no_args_is_help=True)
    app.command("generate")(expand(generate))
    app.command("validate")(expand(validate))
    return app
