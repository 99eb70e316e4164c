"""Resolve the incidents of process instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.incidents import resolve_incident

#: Retries that a job without any gets, as in Camunda 8.
RETRIES = 1


class Parameters(Struct, frozen=True, kw_only=True):
    """Nothing to choose."""


def check(_parameters: Parameters) -> list[str]:
    return []


def decide(_parameters: Parameters, item: Item, view: View) -> Deciding:
    """Raise the retries of the incident's job and resolve it, both under this item."""
    yield from resolve_incident(view, item.key, retries=RETRIES)
    return True


OPERATION = Operation(
    name="RESOLVE_INCIDENT",
    path="/process-instances/incident-resolution",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="INCIDENT", states=("ACTIVE",)),
    decide=decide,
)
