"""Correlate a message to process instances."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.faults import Reject
from engine.core.state import View
from engine.process.events.message import TEXT_SIZE_MAX
from engine.process.execution import Deciding
from engine.process.message_deliveries import deliver
from engine.process.variables import VARIABLE_SIZE_MAX, parse_document


class Body(Struct, frozen=True, kw_only=True):
    """What clients give."""

    message_name: str = ""
    variables: dict[str, Any] = {}


class Parameters(Struct, frozen=True, kw_only=True):
    """The name, empty for any, and a JSON object; kept once, with the batch operation."""

    message_name: str = ""
    variables: str = ""


def read(body: Body) -> Parameters:
    variables = msgspec.json.encode(body.variables).decode() if body.variables else ""
    return Parameters(message_name=body.message_name, variables=variables)


def check(parameters: Parameters) -> list[str]:
    problems = []
    if len(parameters.message_name.encode()) > TEXT_SIZE_MAX:
        problems.append(f"messageName: expected at most {TEXT_SIZE_MAX} bytes, got more; correct it")
    if len(parameters.variables.encode()) > VARIABLE_SIZE_MAX:
        return [*problems, f"variables: expected at most {VARIABLE_SIZE_MAX} bytes of JSON, got more; give fewer"]
    try:
        parse_document(parameters.variables)
    except Reject as refusal:
        problems.append(f"variables: {refusal.reason}")
    return problems


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Give it to everything in the instance that waits for it; it is no failure if nothing does."""
    yield from deliver(view, item.key, parameters.message_name, parameters.variables)
    return True


OPERATION = Operation(
    name="CORRELATE_MESSAGE",
    path="/process-instances/message-correlation",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE",)),
    decide=decide,
    skips_missing=True,
    body=Body,
    read=read,
)
