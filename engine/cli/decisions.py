"""`decisions`: look at decisions and their evaluations, and evaluate one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .faults import CommandFailed
from .listing import print_found, upper
from .options import Connection, Limit, expand, read_json
from .output import print_fields, print_json, shown

DEFINITIONS = {
    "DECISION": "decisionDefinitionId",
    "VERSION": "version",
    "DEFINITION KEY": "decisionDefinitionKey",
    "NAME": "name",
    "REQUIREMENTS": "decisionRequirementsId",
}
INSTANCES = {
    "DECISION INSTANCE": "decisionEvaluationInstanceKey",
    "DECISION": "decisionDefinitionId",
    "VERSION": "decisionDefinitionVersion",
    "STATE": "state",
    "PROCESS INSTANCE": "processInstanceKey",
    "RESULT": "result",
    "FAILURE": "evaluationFailure",
}


def list_definitions(
    *,
    decision_id: Annotated[str | None, typer.Option(metavar="ID", help="Decision id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All versions, not only the latest.")] = False,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List decisions, of each the latest version."""
    wanted = {"decisionDefinitionId": decision_id, "isLatestVersion": None if every else True}
    sort = (("decisionDefinitionId", "ASC"), ("version", "DESC"))
    print_found(connection, "/decision-definitions", wanted, DEFINITIONS, sort=sort, limit=limit)


def list_instances(
    *,
    decision_id: Annotated[str | None, typer.Option(metavar="ID", help="Decision id.")] = None,
    instance: Annotated[str | None, typer.Option(metavar="KEY", help="Process instance key.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="EVALUATED or FAILED.")] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List decisions that were evaluated, the newest first."""
    from .client import newest_first

    wanted = {"decisionDefinitionId": decision_id, "processInstanceKey": instance, "state": upper(state)}
    sort = newest_first("evaluationDate", "decisionEvaluationKey")
    print_found(connection, "/decision-instances", wanted, INSTANCES, sort=sort, limit=limit)


def evaluate(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION_ID", help="As in the model; its latest version.")],
    *,
    variables: Annotated[str, typer.Option(metavar="JSON", help="A JSON object, or @FILE.")] = "{}",
    connection: Connection,
) -> None:
    """Evaluate a decision with all that it requires."""
    from .client import Client

    body = {"decisionDefinitionId": decision_id, "variables": read_json("--variables", variables, dict[str, Any])}
    with Client(connection.url) as client:
        answer = client.post("/decision-definitions/evaluation", body)
    if connection.json:
        print_json(answer)
    else:
        print_fields(
            [
                ("Decision", answer["decisionDefinitionId"]),
                ("Version", shown(answer["decisionDefinitionVersion"])),
                ("Evaluation", answer["decisionEvaluationKey"]),
                ("Result", answer["output"]),
            ]
        )
    if answer["failureMessage"]:
        raise CommandFailed(answer["failureMessage"])


def decisions_app() -> typer.Typer:
    """The group `decisions`."""
    app = typer.Typer(help="Look at decisions, and evaluate one.", no_args_is_help=True)
    app.command("list")(expand(list_definitions))
    app.command("evaluate")(expand(evaluate))
    app.command("instances")(expand(list_instances))
    return app
