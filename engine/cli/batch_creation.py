"""The commands that create batch operations, generated from `engine.operations.OPERATIONS`: nothing here names one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterator
from importlib.resources import files
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import FieldInfo
from typer.core import TyperGroup
from typer.main import get_group

from engine.batch.operation import Operation
from engine.operations import OPERATIONS

from .batch_children import report_created
from .batch_now import execute_now, refuse_others
from .batch_options import RequestOptions, RunOptions, TrialOptions
from .faults import CommandFailed, UsageFault
from .filters import (
    BatchFilterOptions,
    DecisionFilterOptions,
    Filter,
    FilterOptions,
    JobFilterOptions,
    batch_filter_of,
    decision_filter_of,
    filter_of,
    job_filter_of,
)
from .options import Command, Connection, expand, read_json
from .output import print_note, print_request, shown_count

if TYPE_CHECKING:
    from .client import Client, Document

#: What most operations are about, so that its name can be left out.
USUAL_SUFFIX = "_PROCESS_INSTANCE"

#: Of a batch operation itself, so no operation is called so.
RESERVED = ("delete",)

#: Types of parameters that an option can say as they are, and how its help names them; others are given as JSON.
PLAIN_TYPES: dict[Any, str | None] = {str: "TEXT", int: "N", float: "X", bool: None}


class Target(Struct, frozen=True):
    """What a filter is about: its options and what they say, and what people call it."""

    options: type[Struct]
    filter_of: Callable[[Any], Filter]
    name: str


TARGETS = {
    "PROCESS_INSTANCE": Target(FilterOptions, filter_of, "process instances"),
    "JOB": Target(JobFilterOptions, job_filter_of, "jobs"),
    "DECISION_INSTANCE": Target(DecisionFilterOptions, decision_filter_of, "decision instances"),
    "BATCH_OPERATION": Target(BatchFilterOptions, batch_filter_of, "batch operations"),
}


#: What an item is called.
ITEM_NAMES = {**{name: target.name for name, target in TARGETS.items()}, "INCIDENT": "incidents"}


class CreationOptions(Struct, frozen=True, kw_only=True):
    """How to create it."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Needed without a terminal.")] = False
    id: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="This one too, whatever the filter says; may be given several times."),
    ] = None
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Leave this one out; may be given several times.")
    ] = None
    now: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Do it at once to this one; to all of several or none, without a filter."),
    ] = None


def creation_group(taken: Container[str]) -> TyperGroup:
    """One command for each operation, with a name that is not taken."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(_nothing)
    for operation in OPERATIONS.values():
        app.command(command_name(operation.name, taken))(creation_command(operation))
    return get_group(app)


def _nothing() -> None:
    """A callback makes a group out of any number of commands."""


def command_name(operation: str, taken: Container[str]) -> str:
    """CANCEL_PROCESS_INSTANCE is `cancel` (`cancel-process-instances` if that is taken or reserved), RESOLVE_INCIDENT
    `resolve-incidents`."""
    short = operation.removesuffix(USUAL_SUFFIX).lower()
    if short != operation.lower() and short not in RESERVED and short not in taken:
        return short
    return operation.lower().replace("_", "-").removesuffix("s") + "s"


def creation_command(operation: Operation) -> Command:
    """The command that creates a batch operation of one type."""

    target = TARGETS[operation.selects.filtered]

    def create(
        wanted: Any,
        parameters: Any,
        running: RunOptions,
        creation: CreationOptions,
        request: RequestOptions,
        trial: TrialOptions,
        connection: Connection,
    ) -> None:
        from .client import Client

        if creation.now:
            refuse_others(wanted, running, creation, request, trial)
            reason = {"reason": running.reason} if running.reason else {}
            body = {"keys": creation.now, **_given(parameters, operation), **reason}
            execute_now(operation, body, request, connection)
            return
        selected = target.filter_of(wanted)
        if not selected and not creation.id:
            raise UsageFault(f"expected at least one condition, got none; say which {target.name} are meant")
        chosen = {"filter": selected, "ids": creation.id, "exclude": creation.exclude}
        given = {name: value for name, value in chosen.items() if value}
        body = {**given, **trial.body(), **_given(parameters, operation), **running.body()}
        with Client(connection.url) as client:
            if request.show_request:
                print_request(client.url + operation.path, body, request.headers(), as_json=connection.json)
                return
            if not (creation.yes or trial.dry_run):
                _confirm(client, operation, body)
            answer = client.send("POST", operation.path, body, request.headers())
        progress = ("Progress", f"retold batch watch {answer['batchOperationKey']}")
        report_created(answer, body, [] if request.watch else [progress], request, connection)

    create.__doc__ = operation.help
    return expand(create, wanted=target.options, parameters=parameter_options(operation))


def parameter_options(operation: Operation) -> type[Struct]:
    """A Struct with an option for each parameter; those that have a default may be left out."""
    helps = _documentation(operation)
    return msgspec.defstruct(
        "ParameterOptions",
        [
            _option(field, _described(field) or helps.get(snake_to_camel(field.name), ""))
            for _, field in _fields(operation)
        ],
        frozen=True,
        kw_only=True,
    )


def _fields(operation: Operation) -> Iterator[tuple[str, FieldInfo]]:
    """The fields of a request, each with the property that it is inside of, or nothing."""
    for field in msgspec.structs.fields(operation.body or operation.parameters):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            inner = msgspec.structs.fields(field.type)
            yield from ((snake_to_camel(field.name), each) for each in inner if each.type is not None)
        else:
            yield "", field


def _plain_type(field: FieldInfo) -> Any:
    """The type of what an option says as it is; None for JSON."""
    kind = getattr(field.type, "__origin__", field.type) if get_origin(field.type) is Annotated else field.type
    optional = get_origin(kind) in (Union, UnionType)
    plain = next((each for each in get_args(kind) if each is not NoneType), None) if optional else kind
    return plain if plain in PLAIN_TYPES else None


def _option(field: FieldInfo, help_text: str) -> Any:
    plain = _plain_type(field) or str
    option = typer.Option(help=help_text, metavar=PLAIN_TYPES.get(_plain_type(field), "JSON"))
    if field.required:
        return field.name, Annotated[plain, option]
    return field.name, Annotated[plain | None, option], None


def _described(field: FieldInfo) -> str:
    """What is said where the field is, of one that the log does not have like that."""
    notes = getattr(field.type, "__metadata__", ())
    return next((note.description for note in notes if isinstance(note, msgspec.Meta) and note.description), "")


def _option_name(field: FieldInfo) -> str:
    return f"--{field.name.replace('_', '-')}"


def _documentation(operation: Operation) -> dict[str, str]:
    """Field -> what its schema says about it."""
    schema = files("schemas") / "operations" / f"{operation.name.lower()}.avsc"
    fields = msgspec.json.decode(schema.read_bytes())["fields"]
    return {field["name"]: field["doc"] for field in fields}


def snake_to_camel(name: str) -> str:
    """target_element_id is targetElementId."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _given(parameters: Struct, operation: Operation) -> Document:
    """The parameters that were given, as properties of the request."""
    given: Document = {}
    for inside, field in _fields(operation):
        value = getattr(parameters, field.name)
        if value is not None:
            place = given.setdefault(inside, {}) if inside else given
            place[snake_to_camel(field.name)] = value if _plain_type(field) else read_json(_option_name(field), value)
    return given


def _confirm(client: Client, operation: Operation, body: Document) -> None:
    found = client.post("/batch-operations/preview", {"batchOperationType": operation.name, **body})
    for process in found["processDefinitions"]:
        name, version = process["processDefinitionId"] or "of no process", process["processDefinitionVersion"]
        shown = name if version is None else f"{name} version {version}"
        print_note(f"{shown_count(process['count'])} {shown}")
    for state in found["states"]:
        print_note(f"{shown_count(state['count'])} {state['state']}")
    if found["withIncidents"]:
        print_note(f"{shown_count(found['withIncidents'])} with incidents")
    if found["unknownCount"]:
        print_note(f"{shown_count(found['unknownCount'])} unknown: {', '.join(found['unknownIds'])}")
    request = found["request"]
    print_note(f"{request['method']} {request['path']} {msgspec.json.encode(request['body']).decode()}")
    question = f"{operation.help} {shown_count(found['total'])} {ITEM_NAMES[operation.selects.entity]} match now."
    if not sys.stdin.isatty():
        raise UsageFault(f"{question} Expected --yes, because there is no terminal to ask; got none, nothing was done")
    if not typer.confirm(f"{question} Create this batch operation?", err=True):
        raise CommandFailed("nothing was done")
