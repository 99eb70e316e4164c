"""Suspend process instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.suspensions import suspend_instance


class Parameters(Struct, frozen=True, kw_only=True):
    """Nothing to choose."""


def check(_parameters: Parameters) -> list[str]:
    return []


def decide(_parameters: Parameters, item: Item, view: View) -> Deciding:
    """Let the instance stand still; one that does already is done."""
    yield from suspend_instance(view, item.key)
    return True


OPERATION = Operation(
    name="SUSPEND_PROCESS_INSTANCE",
    path="/process-instances/suspension",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE",)),
    decide=decide,
    undone_by="RESUME_PROCESS_INSTANCE",
    permission="SUSPEND_PROCESS_INSTANCE",
    skips_unknown=True,
)
