"""Set variables of process instances."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.faults import EXCEEDED_LIMIT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.tables import ELEMENT_INSTANCES, VARIABLES
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


def replaces(parameters: Parameters, key: int, view: View) -> str:
    """The values that the instance has: name -> a list with the value, which is empty if there is none."""
    replaced: dict[str, list[msgspec.Raw]] = {}
    for name, value in parse_document(parameters.variables).items():
        row = view.get(VARIABLES, key, name)
        if row is None or row.value != value:
            replaced[name] = [] if row is None else [msgspec.Raw(row.value.encode())]
    return msgspec.json.encode(replaced).decode() if replaced else ""


def restore(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Put back what the item replaced, unless somebody has changed it since."""
    facts = item.facts
    if facts is None or facts.variables_size < 0:
        expected = "expected the item to have kept what it replaced"
        raise Reject(EXCEEDED_LIMIT, f"{expected}, got more than batchOperation.undoSizeMax; set the values by hand")
    if view.get(ELEMENT_INSTANCES, item.key) is None:
        raise Reject(NOT_FOUND, f"expected an active process instance, got {item.key}; check the key")
    replaced = msgspec.json.decode(facts.variables or "{}", type=dict[str, list[msgspec.Raw]])
    made = parse_document(parameters.variables)
    before: dict[str, msgspec.Raw] = {}
    for name, values in replaced.items():
        row = view.get(VARIABLES, item.key, name)
        now, old = row.value if row else None, bytes(values[0]).decode() if values else None
        if now == old:
            continue
        if now != made.get(name):
            expected = f"expected variable '{name}' to be as the batch operation left it"
            raise Reject(INVALID_STATE, f"{expected}, got one that was changed since; set it by hand")
        if old is None:
            expected = f"expected variable '{name}' to have had a value before, got one that the batch operation made"
            raise Reject(INVALID_STATE, f"{expected}, and variables cannot be removed; set it by hand")
        before[name] = values[0]
    if before:
        document = msgspec.json.encode(before).decode()
        yield from set_variables(view, VariableDocument(scope_key=item.key, variables=document))
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
    undone_by="SET_VARIABLES",
    replaces=replaces,
    restore=restore,
)
