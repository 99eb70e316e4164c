"""Delete decision instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.history import DECISION_INSTANCE, delete_history


class Parameters(Struct, frozen=True, kw_only=True):
    """Nothing to choose."""


def check(_parameters: Parameters) -> list[str]:
    return []


def decide(_parameters: Parameters, item: Item, view: View) -> Deciding:
    """Delete an evaluation with all its decisions; the item ends when that is gone from secondary storage."""
    yield from delete_history(view, DECISION_INSTANCE, item.key, at_end=item.at_end if item.awaited else None)
    return not item.awaited


OPERATION = Operation(
    name="DELETE_DECISION_INSTANCE",
    path="/decision-instances/deletion",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="DECISION_INSTANCE"),
    decide=decide,
    permission="DELETE_DECISION_INSTANCE",
    skips_missing=True,
)
