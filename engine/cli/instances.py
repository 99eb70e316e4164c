"""`instances`: look at process instances; begin elements in one; cancel, suspend, resolve, modify, delete one …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .accepted import send_accepted
from .batch_children import create_related
from .batch_options import RequestOptions, RunOptions, TrialOptions
from .faults import UsageFault
from .filters import FilterOptions, filter_of
from .listing import print_found
from .migration_plans import Mapping, read_instructions
from .options import Connection, Limit, Variables, expand, read_json
from .output import print_fields, print_json

if TYPE_CHECKING:
    from .client import Document

InstanceKey = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Key of the process instance.", autocompletion=completion.instance_keys),
]

COLUMNS = {
    "PROCESS INSTANCE": "processInstanceKey",
    "PROCESS": "processDefinitionId",
    "VERSION": "processDefinitionVersion",
    "STATE": "state",
    "INCIDENT": "hasIncident",
    "STARTED": "startDate",
    "ENDED": "endDate",
}


def list_instances(*, wanted: FilterOptions, limit: Limit = 20, connection: Connection) -> None:
    """List process instances, the newest first."""
    from .client import newest_first

    sort = newest_first("startDate", "processInstanceKey")
    print_found(connection, "/process-instances", filter_of(wanted), COLUMNS, sort=sort, limit=limit)


def show(
    key: InstanceKey,
    *,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show at most so many elements.")] = 200,
    connection: Connection,
) -> None:
    """Show a process instance as a tree.

    Its elements, and their variables, jobs, user tasks and incidents.
    """
    from .client import Client
    from .instance_tree import print_tree, read_tree

    with Client(connection.url) as client:
        tree = read_tree(client, key, limit)
    if connection.json:
        print_json(tree.document())
    else:
        print_tree(tree)


RunningInstanceKey = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Process instance key.", autocompletion=completion.running_instance_keys),
]


def cancel(
    key: RunningInstanceKey,
    *,
    skip_subprocesses: Annotated[
        bool, typer.Option("--skip-subprocesses", help="Let instances that it has called go on, as roots.")
    ] = False,
    connection: Connection,
) -> None:
    """Cancel one process instance.

    For many at once there is `retold batch cancel`.
    """
    _operate(key, "cancellation", connection, {"skipSubprocesses": True} if skip_subprocesses else {})


def suspend(key: RunningInstanceKey, connection: Connection) -> None:
    """Let one process instance stand still.

    For many at once there is `retold batch suspend-process-instances`.
    """
    _operate(key, "suspension", connection)


def resume(key: RunningInstanceKey, connection: Connection) -> None:
    """Let a suspended process instance go on.

    For many at once there is `retold batch resume-process-instances`.
    """
    _operate(key, "resumption", connection)


def resolve(
    key: RunningInstanceKey,
    *,
    running: RunOptions,
    trial: TrialOptions,
    request: RequestOptions,
    connection: Connection,
) -> None:
    """Resolve all incidents of one process instance.

    It is a batch operation. For many at once there is `retold batch resolve-incidents`.
    """
    path, body = f"/process-instances/{key}/incident-resolution", {**running.body(), **trial.body()}
    create_related(path, body, ("Process instance", key), request, connection)


def modify(
    key: RunningInstanceKey,
    *,
    move: Annotated[
        list[str] | None, typer.Option(metavar="ID=ID", help="All tokens from one element to another; repeatable.")
    ] = None,
    begin: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A token before an element; repeatable.")
    ] = None,
    end: Annotated[list[str] | None, typer.Option(metavar="ID", help="All tokens of an element; repeatable.")] = None,
    connection: Connection,
) -> None:
    """Move, begin and end tokens of one process instance, all of it or nothing.

    For many at once there is `retold batch modify`.
    """
    moves = [each.partition("=") for each in move or ()]
    if wrong := [source for source, _, target in moves if not source or not target]:
        raise UsageFault(f"expected --move FROM=TO with two element ids, got {wrong[0]!r}; name both")
    body = {
        "moveInstructions": [
            {
                "sourceElementInstruction": {"sourceType": "byId", "sourceElementId": source},
                "targetElementId": target,
                "ancestorScopeInstruction": {"ancestorScopeType": "inferred"},
            }
            for source, _, target in moves
        ],
        "activateInstructions": [{"elementId": each} for each in begin or ()],
        "terminateInstructions": [{"elementId": each} for each in end or ()],
    }
    if not any(body.values()):
        raise UsageFault("expected --move, --begin or --end, got none; say what is to happen")
    _operate(key, "modification", connection, body)


def _operate(key: str, operation: str, connection: Connection, body: Document | None = None) -> None:
    path = f"/process-instances/{key}/{operation}"
    send_accepted(connection, "POST", path, body, about={"processInstanceKey": key}, accepted=operation)


def delete(
    key: InstanceKey,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for people; kept on the log.")] = "",
    connection: Connection,
) -> None:
    """Delete one process instance that has ended.

    Searches find nothing of it any more; the log keeps its records. For many at once there is `retold batch
    delete-process-instances`.
    """
    _operate(key, "deletion", connection, {"reason": reason} if reason else {})


def restart(
    key: InstanceKey,
    *,
    begin: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A token before an element; repeatable.")
    ] = None,
    after: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A token behind an element; repeatable.")
    ] = None,
    initial_variables: Annotated[
        bool, typer.Option("--initial-variables", help="With the values of the beginning, not the last ones.")
    ] = False,
    without_business_id: Annotated[
        bool, typer.Option("--without-business-id", help="Do not give it the business id of the old one.")
    ] = False,
    connection: Connection,
) -> None:
    """Start a new process instance with what one that has ended had.

    For many at once there is `retold batch restart`.
    """
    from .client import Client

    places = [{"elementId": element} for element in begin or ()] + [{"afterElementId": each} for each in after or ()]
    body: dict[str, Any] = {"initialVariables": initial_variables, "withoutBusinessId": without_business_id}
    if places:
        body["startInstructions"] = places
    with Client(connection.url) as client:
        answer = client.post(f"/process-instances/{key}/restart", body)
    if connection.json:
        print_json(answer)
    else:
        print_fields([("Process instance", answer["processInstanceKey"]), ("Restarts", key)])


def migrate(
    key: Annotated[
        str,
        typer.Argument(metavar="KEY", help="Process instance key.", autocompletion=completion.running_instance_keys),
    ],
    *,
    target: Annotated[
        str,
        typer.Option(
            "--target-process-definition-key", metavar="KEY", help="The definition that the instance goes on with."
        ),
    ],
    mapping: Mapping,
    variables: Variables = "{}",
    connection: Connection,
) -> None:
    """Let one process instance go on with another definition.

    `retold migration-plan generate` makes the instructions. For many at once there is `retold batch migrate`.
    """
    body: dict[str, Any] = {"targetProcessDefinitionKey": target, "mappingInstructions": read_instructions(mapping)}
    if given := read_json("--variables", variables, dict[str, Any]):
        body["variables"] = given
    _operate(key, "migration", connection, body)


def activate(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Element instance key of the ad-hoc sub-process.")],
    elements: Annotated[list[str], typer.Argument(metavar="ELEMENT_ID...", help="Elements inside, as in the model.")],
    *,
    variables: Variables = "{}",
    cancel_remaining: Annotated[
        bool, typer.Option("--cancel-remaining", help="What is active inside ends first.")
    ] = False,
    connection: Connection,
) -> None:
    """Begin elements in an ad-hoc sub-process.

    Each gets the variables.
    """
    given = read_json("--variables", variables, dict[str, Any])
    body = {
        "elements": [{"elementId": element, "variables": given} for element in elements],
        "cancelRemainingInstances": cancel_remaining,
    }
    path = f"/element-instances/ad-hoc-activities/{key}/activation"
    send_accepted(connection, "POST", path, body, about={"elementInstanceKey": key}, accepted="activation")


def instances_app() -> typer.Typer:
    """The group `instances`."""
    app = typer.Typer(
        help="Look at process instances; cancel, suspend, resume, resolve, modify, delete or restart one.",
        no_args_is_help=True,
    )
    app.command("list")(expand(list_instances))
    app.command("show")(expand(show))
    app.command("cancel")(expand(cancel))
    app.command("suspend")(expand(suspend))
    app.command("resume")(expand(resume))
    app.command("resolve")(expand(resolve))
    app.command("modify")(expand(modify))
    app.command("delete")(expand(delete))
    app.command("restart")(expand(restart))
    app.command("migrate")(expand(migrate))
    app.command("activate")(expand(activate))
    return app
