"""Set when decision instances are deleted."""

from __future__ import annotations

from functools import partial

from engine.batch.operation import Selects
from engine.batch.removal_time import removal_time_operation, schedule_history
from engine.process.history import DECISION_INSTANCE

OPERATION = removal_time_operation(
    name="SET_DECISION_REMOVAL_TIME",
    path="/decision-instances/removal-time",
    doc=__doc__,
    selects=Selects(entity=DECISION_INSTANCE),
    permission="DELETE_DECISION_INSTANCE",
    schedule=partial(schedule_history, DECISION_INSTANCE),
)
