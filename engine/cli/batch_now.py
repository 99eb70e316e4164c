"""`batch … --now`: done at once to all that are named, or to none, without a batch operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo

from engine.batch.operation import Operation

from .batch_options import RequestOptions
from .faults import UsageFault
from .options import Connection
from .output import print_fields, print_json, print_request, shown_count

if TYPE_CHECKING:
    from .client import Document

#: Options of a creation that say something without a batch operation, too; `yes` and `watch` are true of it anyway.
ALLOWED = ("reason", "now", "idempotency_key", "show_request", "yes", "watch")


def refuse_others(*options: Struct) -> None:
    """Raises UsageFault for options that only a batch operation has."""
    given = sorted(name for struct in options for name in _given(struct))
    if given:
        names = ", ".join(given)
        raise UsageFault(f"--now: expected no filter and none of the options of a run, got {names}; leave them out")


def _given(options: Struct) -> Iterator[str]:
    """What was said on the command line and is not allowed, as it is called there."""
    for field in msgspec.structs.fields(options):
        value = getattr(options, field.name)
        if field.name not in ALLOWED and value not in (field.default, []):
            yield _option_name(field, value)


def _option_name(field: FieldInfo, value: object) -> str:
    """As the annotation says, such as `--type`, or as Typer makes it out of the name of the field."""
    for note in getattr(field.type, "__metadata__", ()):
        # within Annotated, Typer's first positional argument is no default: it is the first name
        if isinstance(declared := getattr(note, "default", None), str):
            yes, _, no = declared.partition("/")
            return no if value is False and no else yes
    return f"--{field.name.replace('_', '-')}"


def execute_now(operation: Operation, body: Document, request: RequestOptions, connection: Connection) -> None:
    """Do it, and tell where the log has it; or only show the request."""
    from .client import Client

    path = f"{operation.path}/execution"
    with Client(connection.url) as client:
        if request.show_request:
            print_request(client.url + path, body, request.headers(), as_json=connection.json)
            return
        answer = client.send("POST", path, body, request.headers())
    if connection.json:
        print_json(answer)
        return
    print_fields(
        [
            ("Type", answer["batchOperationType"]),
            ("Completed", shown_count(answer["operationsCompletedCount"])),
            ("On the log", f"partition {answer['partitionId']}, position {answer['position']}"),
        ]
    )
