"""Cancel process instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.instances import cancel_instance

REASON_SIZE_MAX = 4096


class Parameters(Struct, frozen=True, kw_only=True):
    """Why the instances are canceled; kept with the batch operation."""

    reason: str = ""


def check(parameters: Parameters) -> list[str]:
    if len(parameters.reason) > REASON_SIZE_MAX:
        return [f"expected a reason of at most {REASON_SIZE_MAX} characters, got {len(parameters.reason)}"]
    return []


def decide(_parameters: Parameters, item: Item, view: View) -> Deciding:
    """Terminate the instance and everything in it; a large one ends over several steps."""
    return (yield from cancel_instance(view, item.key, at_end=item.at_end))


OPERATION = Operation(
    name="CANCEL_PROCESS_INSTANCE",
    path="/process-instances/cancellation",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE",), roots_only=True),
    decide=decide,
    reversible=False,
)
