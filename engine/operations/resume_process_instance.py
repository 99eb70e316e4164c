"""Resume process instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.suspensions import resume_instance


class Parameters(Struct, frozen=True, kw_only=True):
    """Nothing to choose."""


def check(_parameters: Parameters) -> list[str]:
    return []


def decide(_parameters: Parameters, item: Item, view: View) -> Deciding:
    """Let the instance go on; one that does already is done. What was held may be released in later steps."""
    yield from resume_instance(view, item.key)
    return True


OPERATION = Operation(
    name="RESUME_PROCESS_INSTANCE",
    path="/process-instances/resumption",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("SUSPENDED",)),
    decide=decide,
    undone_by="SUSPEND_PROCESS_INSTANCE",
    permission="SUSPEND_PROCESS_INSTANCE",
    skips_unknown=True,
)
