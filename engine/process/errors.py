"""BPMN errors, thrown by jobs and end events. Source: BPMN 2.0, 10.5.6 (error events); Zeebe's error events."""

from __future__ import annotations

from engine.bpmn.model import CALL_ACTIVITY, Error
from engine.core.effects import Effects
from engine.core.record import NONE

from .call_commands import error_command
from .catchers import find_catcher, find_catching_call
from .events.catching import catch
from .execution import Execution
from .tables import ELEMENT_INSTANCES
from .work import Work


def throw(execution: Execution, work: Work) -> Effects:
    """Interrupt what catches the error, or raise an incident where it was thrown.

    Resolved, the job that threw it can be activated again (as in Zeebe); an end event throws it again.
    """
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None:
        return
    caught = find_catcher(execution, work.key, Error, work.element_id)
    called = find_catching_call(execution, Error, work.element_id) if caught is None else None
    if called is not None:
        yield error_command(execution.view, called[0], work.element_id, work.data, work.key)
        return
    if caught is None:
        message = (
            f"expected an error event that catches the error code '{work.element_id}', got none around "
            f"'{row.element_id}'; resolve the incident to try again, or cancel the instance"
        )
        by_job = row.work_key != NONE and row.element_type != CALL_ACTIVITY
        resume = None if by_job else work
        job_key = row.work_key if by_job else NONE
        yield execution.incident(work.key, "UNHANDLED_ERROR_EVENT", message, resume=resume, job_key=job_key)
        return
    yield from catch(execution, *caught, work.data)
