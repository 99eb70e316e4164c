"""What an item that sets variables says that it replaced, and what putting that back changes."""

from __future__ import annotations

from typing import cast

import msgspec

from engine.core.faults import EXCEEDED_LIMIT, INVALID_STATE, NOT_FOUND
from engine.operations.set_variables import Parameters
from engine.records import BatchOperationItem, VariableDocument
from engine.records.batch_operation_chunk import ItemFacts

from . import people
from .part import Part
from .variables import parse_document
from .world import Refused, World


def check_replaced(world: World, part: Part, item: int) -> None:
    """Before the item is done: does it say what its variables are now?"""
    node = world.node(item)
    told = [record for record in world.step.events if record.value_type == "BATCH_OPERATION_ITEM"]
    values = [cast(BatchOperationItem, record.value) for record in told if record.key == item]
    said = next((value for value in values if value.batch_operation_key == part.key), None)
    if node is None or said is None:
        return
    expected = {}
    if part.options.undoable:
        for name, value in parse_document(cast(Parameters, part.parameters).variables).items():
            old = node.variables.get(name)
            if old != value:
                expected[name] = [] if old is None else [msgspec.Raw(old.encode())]
    text = msgspec.json.encode(expected).decode() if expected else ""
    size = len(text.encode())
    if size > world.settings.undo_size_max:
        text, size = "", -1
    if (said.replaced, said.replaced_size) != (text, size):
        world.differ(f"expected item {item} to say that it replaced {text}, got {said.replaced}")


def put_back(world: World, part: Part, item: int) -> bool:
    """Of an undo. What others have changed since stays, and so does what was not there before."""
    facts = part.facts.get(item, ItemFacts())
    if facts.variables_size < 0:
        raise Refused(EXCEEDED_LIMIT)
    node = world.node(item)
    if node is None:
        raise Refused(NOT_FOUND)
    made = parse_document(cast(Parameters, part.parameters).variables)
    before: dict[str, msgspec.Raw] = {}
    for name, values in msgspec.json.decode(facts.variables or "{}", type=dict[str, list[msgspec.Raw]]).items():
        now = node.variables.get(name)
        if now == (bytes(values[0]).decode() if values else None):
            continue
        if now != made[name] or not values:
            raise Refused(INVALID_STATE)
        before[name] = values[0]
    if before:
        document = msgspec.json.encode(before).decode()
        people.set_variables(world, VariableDocument(scope_key=item, variables=document))
    return True
