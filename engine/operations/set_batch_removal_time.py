"""Set when batch operations that have ended are deleted."""

from __future__ import annotations

from engine.batch.life import FINAL_STATES
from engine.batch.management import schedule_removal
from engine.batch.operation import Item, Selects
from engine.batch.removal_time import Parameters, removal_time_operation
from engine.core.effects import Effects
from engine.core.state import View


def schedule(parameters: Parameters, item: Item, view: View) -> Effects:
    """The partition that leads it knows when it ended, and what its retention is: no facts are asked for."""
    yield from schedule_removal(view, item.key, parameters.removal_time)


def admit(_parameters: Parameters, _view: View) -> list[str]:
    """Without a retention what is calculated is never."""
    return []


OPERATION = removal_time_operation(
    name="SET_BATCH_REMOVAL_TIME",
    path="/batch-operations/removal-time",
    doc=__doc__,
    selects=Selects(entity="BATCH_OPERATION", states=FINAL_STATES),
    permission="UPDATE",
    schedule=schedule,
    admit=admit,
    variables=None,
)
