"""Set when process instances that have ended are deleted."""

from __future__ import annotations

from functools import partial

from engine.batch.operation import Selects
from engine.batch.removal_time import removal_time_operation, schedule_history
from engine.process.history import PROCESS_INSTANCE

OPERATION = removal_time_operation(
    name="SET_REMOVAL_TIME",
    path="/process-instances/removal-time",
    doc=__doc__,
    selects=Selects(entity=PROCESS_INSTANCE, expects=("COMPLETED", "TERMINATED")),
    permission="DELETE_PROCESS_INSTANCE",
    schedule=partial(schedule_history, PROCESS_INSTANCE),
)
