"""Setting variables from outside: VARIABLE_DOCUMENT UPDATE."""

from __future__ import annotations

from typing import cast

from engine.core.effects import Effects, Event
from engine.core.faults import NOT_FOUND, Reject
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT, Record
from engine.core.registry import Part
from engine.core.state import View
from engine.records import VariableDocument

from .definitions import find_definition
from .tables import ELEMENT_INSTANCES
from .variables import merge, merge_local, parse_document


def update(command: Record, view: View) -> Effects:
    """Set variables in the scope of an element instance, or upwards where they are declared."""
    yield from set_variables(view, cast(VariableDocument, command.value), answers=True)


def set_variables(view: View, wish: VariableDocument, *, answers: bool = False) -> Effects:
    """Do what a document says. Raises Reject NOT_FOUND or INVALID_ARGUMENT."""
    row = view.get(ELEMENT_INSTANCES, wish.scope_key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected an active element instance, got {wish.scope_key}; check the key")
    document = parse_document(wish.variables)
    process_id = find_definition(view, row.process_definition_key)[0].bpmn_process_id
    value = VariableDocument(
        scope_key=wish.scope_key,
        local=wish.local,
        process_instance_key=row.process_instance_key,
        tenant_id=DEFAULT_TENANT,
    )
    yield Event(value_type="VARIABLE_DOCUMENT", intent="UPDATED", key=wish.scope_key, value=value, answers=answers)
    yield from (merge_local if wish.local else merge)(view, wish.scope_key, document, process_id)


PART = Part(
    processors={("VARIABLE_DOCUMENT", "UPDATE"): update},
    appliers={("VARIABLE_DOCUMENT", "UPDATED"): apply_nothing},
)
