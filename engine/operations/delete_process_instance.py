"""Delete process instances that have ended."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.history import PROCESS_INSTANCE, delete_history


class Parameters(Struct, frozen=True, kw_only=True):
    """Nothing to choose."""


def check(_parameters: Parameters) -> list[str]:
    return []


def decide(_parameters: Parameters, item: Item, view: View) -> Deciding:
    """Delete the instance with all that it had; the item ends when that is gone from secondary storage."""
    yield from delete_history(view, PROCESS_INSTANCE, item.key, at_end=item.at_end if item.awaited else None)
    return not item.awaited


OPERATION = Operation(
    name="DELETE_PROCESS_INSTANCE",
    path="/process-instances/deletion",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", expects=("COMPLETED", "TERMINATED")),
    decide=decide,
    permission="DELETE_PROCESS_INSTANCE",
    skips_missing=True,
)
