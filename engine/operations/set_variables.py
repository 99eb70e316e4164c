"""Set variables of process instances."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.faults import Reject
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.variable_documents import set_variables
from engine.process.variables import VARIABLE_SIZE_MAX, parse_document
from engine.records import VariableDocument


class Body(Struct, frozen=True, kw_only=True):
    """What clients give."""

    variables: dict[str, Any]


class Parameters(Struct, frozen=True, kw_only=True):
    """A JSON object, kept once, with the batch operation."""

    variables: str = ""


def read(body: Body) -> Parameters:
    return Parameters(variables=msgspec.json.encode(body.variables).decode())


def check(parameters: Parameters) -> list[str]:
    if len(parameters.variables.encode()) > VARIABLE_SIZE_MAX:
        return [f"variables: expected at most {VARIABLE_SIZE_MAX} bytes of JSON, got more; give fewer"]
    try:
        document = parse_document(parameters.variables)
    except Reject as refusal:
        return [f"variables: {refusal.reason}"]
    return [] if document else ["variables: expected at least one, got none; give one"]


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Set them at the process instance itself."""
    yield from set_variables(view, VariableDocument(scope_key=item.key, variables=parameters.variables))
    return True


OPERATION = Operation(
    name="SET_VARIABLES",
    path="/process-instances/variables",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE", "SUSPENDED")),
    decide=decide,
    body=Body,
    read=read,
    skips_unknown=True,
)
