"""Cancel process instances."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.instances import cancel_instance


class Parameters(Struct, frozen=True, kw_only=True):
    """`skip_subprocesses`: instances that it has called go on, as roots (Camunda 7's name)."""

    skip_subprocesses: bool = False


def check(_parameters: Parameters) -> list[str]:
    return []


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Terminate the instance and everything in it; a large one ends over several steps."""
    return (
        yield from cancel_instance(view, item.key, skip_subprocesses=parameters.skip_subprocesses, at_end=item.at_end)
    )


OPERATION = Operation(
    name="CANCEL_PROCESS_INSTANCE",
    path="/process-instances/cancellation",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="PROCESS_INSTANCE", states=("ACTIVE", "SUSPENDED"), roots_only=True),
    decide=decide,
    permission="CANCEL_PROCESS_INSTANCE",
    skips_unknown=True,
)
