"""`user-tasks`: do what a person does in a task list."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import completion
from .accepted import send_accepted
from .faults import UsageFault
from .listing import print_found, upper
from .options import Connection, Limit, Variables, expand, read_json

TaskKey = Annotated[
    str, typer.Argument(metavar="KEY", help="Key of the user task.", autocompletion=completion.user_task_keys)
]
Action = Annotated[str | None, typer.Option(metavar="TEXT", help="What was done, kept in the events.")]
Names = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Repeat it for several.")]

COLUMNS = {
    "USER TASK": "userTaskKey",
    "PROCESS INSTANCE": "processInstanceKey",
    "PROCESS": "processDefinitionId",
    "ELEMENT": "elementId",
    "STATE": "state",
    "ASSIGNEE": "assignee",
    "GROUPS": "candidateGroups",
    "DUE": "dueDate",
    "PRIORITY": "priority",
}


def list_user_tasks(
    *,
    state: Annotated[str, typer.Option(metavar="STATE", help="Such as COMPLETED; empty for all.")] = "CREATED",
    assignee: Annotated[str | None, typer.Option(metavar="NAME", help="Assigned to this user.")] = None,
    group: Annotated[str | None, typer.Option(metavar="NAME", help="This group may take it.")] = None,
    instance: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Process instance key.", autocompletion=completion.instance_keys),
    ] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List user tasks, the newest first."""
    wanted = {
        "state": upper(state),
        "assignee": assignee,
        "candidateGroup": group,
        "processInstanceKey": instance,
    }
    sort = [("creationDate", "DESC")]
    print_found(connection, "/user-tasks", wanted, COLUMNS, sort=sort, limit=limit)


def assign(
    key: TaskKey,
    assignee: Annotated[str, typer.Argument(metavar="NAME", help="The user.")],
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Refuse if somebody else has it.")] = False,
    action: Action = None,
    connection: Connection,
) -> None:
    """Assign a user task to a user."""
    body = {"assignee": assignee, "allowOverride": not keep, "action": action}
    _send("POST", key, "/assignment", body, "assignment", connection)


def unassign(key: TaskKey, connection: Connection) -> None:
    """Take a user task from its user."""
    _send("DELETE", key, "/assignee", {}, "unassignment", connection)


def complete(key: TaskKey, *, variables: Variables = "{}", action: Action = None, connection: Connection) -> None:
    """Complete a user task; its process instance goes on."""
    body = {"variables": read_json("--variables", variables, dict[str, Any]), "action": action}
    _send("POST", key, "/completion", body, "completion", connection)


def update(
    key: TaskKey,
    *,
    due: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601; empty for none.")] = None,
    follow_up: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601; empty for none.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=100, metavar="N", help="0 to 100.")] = None,
    candidate_user: Names = None,
    candidate_group: Names = None,
    action: Action = None,
    connection: Connection,
) -> None:
    """Change attributes of a user task."""
    given = {
        "dueDate": due,
        "followUpDate": follow_up,
        "priority": priority,
        "candidateUsers": candidate_user,
        "candidateGroups": candidate_group,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise UsageFault("expected something to change, got nothing; see `retold user-tasks update --help`")
    _send("PATCH", key, "", {"changeset": changes, "action": action}, "update", connection)


def _send(method: str, key: str, path: str, body: dict[str, Any], what: str, connection: Connection) -> None:
    given = {name: value for name, value in body.items() if value is not None}
    send_accepted(connection, method, f"/user-tasks/{key}{path}", given, about={"userTaskKey": key}, accepted=what)


def user_tasks_app() -> typer.Typer:
    """The group `user-tasks`."""
    app = typer.Typer(help="Look at user tasks, and do what a person does with them.", no_args_is_help=True)
    app.command("list")(expand(list_user_tasks))
    for command in (assign, unassign, complete, update):
        app.command(command.__name__)(expand(command))
    return app
