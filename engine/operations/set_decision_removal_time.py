"""Set when decision instances are deleted."""

from __future__ import annotations

from engine.batch.operation import Item, Operation, Selects
from engine.batch.removal_time import Body, Parameters, admit, check, facts_of, read, set_removal_time
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.history import DECISION_INSTANCE


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """The event says when; the evaluation is deleted with all its decisions by itself then."""
    yield from set_removal_time(parameters, DECISION_INSTANCE, item, view)
    return True


OPERATION = Operation(
    name="SET_DECISION_REMOVAL_TIME",
    path="/decision-instances/removal-time",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity=DECISION_INSTANCE),
    decide=decide,
    skips_missing=True,
    admit=admit,
    body=Body,
    read=read,
    permission="DELETE_DECISION_INSTANCE",
    variables=facts_of,
)
