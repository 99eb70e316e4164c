"""What a call activity and the instance that it called tell each other: commands of a partition to itself.

Both are on one partition, but each works in steps of its own: a tree of calls has no bound, a step has (law 11).
"""

from __future__ import annotations

from engine.core.effects import Send
from engine.core.record import DEFAULT_TENANT, Record, command
from engine.core.state import View
from engine.records import ProcessInstanceCall

from . import work as kinds
from .work import Work

FAMILY = "PROCESS_INSTANCE_CALL"

#: to the call activity: start the called instance
BEGIN = "BEGIN"
#: to the called instance: nothing is left in it, so give the variables back and complete, and the call activity with it
RETURN = "RETURN"
#: to the called instance: its call activity is ending
TERMINATE = "TERMINATE"
#: to the call activity: an error that nobody in the called instance catches
THROW_ERROR = "THROW_ERROR"
#: to the call activity: an escalation that nobody in the called instance catches
ESCALATE = "ESCALATE"

#: What tries again what one of them could not do, besides THROW_ERROR. An escalation is not tried again.
_RESUMED_BY = {BEGIN: kinds.RESUME_ACTIVATION, RETURN: kinds.COMPLETE, TERMINATE: kinds.TERMINATE}


def call_command(view: View, intent: str, key: int, *, escalation_code: str = "") -> Send:
    """A command to the call activity or to the called instance with this key."""
    value = ProcessInstanceCall(escalation_code=escalation_code, tenant_id=DEFAULT_TENANT)
    return Send(partition=view.partition, command=command(FAMILY, intent, value, key=key))


def error_command(view: View, key: int, error_code: str, variables: str, thrown_by: int) -> Send:
    """An error goes to this call activity; `thrown_by`: the element instance below it that threw it."""
    value = ProcessInstanceCall(
        error_code=error_code, variables=variables, thrown_by=thrown_by, tenant_id=DEFAULT_TENANT
    )
    return Send(partition=view.partition, command=command(FAMILY, THROW_ERROR, value, key=key))


def resume_call(failed: Record) -> Work | None:
    """The work that tries again what a command about a call could not do; None for other commands."""
    value = failed.value
    if not isinstance(value, ProcessInstanceCall):
        return None
    if failed.intent == THROW_ERROR:
        return Work(kinds.THROW, failed.key, value.error_code, value.variables)
    kind = _RESUMED_BY.get(failed.intent)
    return Work(kind, failed.key) if kind else None
