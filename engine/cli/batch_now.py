"""`batch … --now`: done at once to all that are named, or to none, without a batch operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from engine.batch.operation import Operation

from .batch_options import RunOptions
from .faults import UsageFault
from .options import Connection
from .output import print_fields, print_json, shown_count

if TYPE_CHECKING:
    from .client import Document


def execute_now(
    operation: Operation, keys: list[str], given: Document, running: RunOptions, wanted: Struct, connection: Connection
) -> None:
    """Do it, and tell where the log has it. Raises UsageFault for options that only a batch operation has."""
    from .client import Client

    others = {name for name in running.body() if name != "reason"}
    others |= {name for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    if others:
        names = ", ".join(sorted(others))
        raise UsageFault(f"--now: expected no filter and none of the options of a run, got {names}; leave them out")
    body = {"keys": keys, **given}
    if running.reason:
        body["reason"] = running.reason
    with Client(connection.url) as client:
        answer = client.send("POST", f"{operation.path}/execution", body)
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
