"""What becomes of a pause that is not simply taken up: it is kept with more work on it, or it was one too many."""

from __future__ import annotations

from engine.core.effects import Effects

from . import work as kinds
from .execution import Execution
from .tables import Pause
from .work import Work, decode_work, encode_work


def keep(execution: Execution, pause: Pause, at_end: Work | None) -> Effects:
    """The instance is paused already: this step's work is done before what is kept, after what came meanwhile."""
    stack, mark = decode_work(pause.work), Work(kinds.MEANWHILE, execution.instance_key)
    if mark not in stack:
        stack.append(mark)
    first = stack.index(mark) + 1
    stack[first:first] = execution.stack
    if at_end is not None:
        stack.insert(0, at_end)
    yield execution.continuation("PAUSED", Pause(token=pause.token, round=pause.round, work=encode_work(stack)))
    if pause.waits and not pause.suspended:
        yield execution.continue_later(pause.token)


def halt(execution: Execution, pause: Pause) -> Effects:
    """Too many steps without a wait state: the pause is kept until the incident is resolved."""
    view, key = execution.view, execution.instance_key
    yield execution.continuation("PAUSED", Pause(token=pause.token, round=0, work=pause.work))
    message = (
        f"expected a wait state, got none in {view.settings.continuation_rounds_max} steps in a row: the process may "
        "loop for ever; resolve this incident to let it go on, or cancel the instance"
    )
    yield execution.incident(key, "UNKNOWN", message, resume=Work(kinds.CONTINUE, key))
