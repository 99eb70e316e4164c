"""Call activities: each starts an instance of another process, and waits for it (BPMN 2.0, 13.3.4)."""

from __future__ import annotations

from engine.bpmn.model import Element
from engine.core.effects import Effects

from ..call_commands import BEGIN, TERMINATE, call_command
from ..execution import Execution, open_execution
from ..tables import ELEMENT_INSTANCES, ElementInstance
from .behavior import Behavior


class CallActivity(Behavior):
    """Active while the called instance runs. Which process that is, is found out in the step that starts it."""

    def activate(self, execution: Execution, _element: Element, key: int, _data: str) -> Effects:
        yield call_command(execution.view, BEGIN, key)

    def terminate(self, execution: Execution, row: ElementInstance) -> Effects:
        if row.work_key <= 0:
            return
        caller = execution.view.get(ELEMENT_INSTANCES, execution.instance_key)
        if caller is not None and caller.skips_subprocesses:
            yield open_execution(execution.view, row.work_key).detached()
        else:
            yield call_command(execution.view, TERMINATE, row.work_key)
