"""What each BPMN element does when it is active: one file a behavior, all of them listed here."""

from __future__ import annotations

from engine.bpmn import model

from .behavior import Behavior
from .end_event import EndEvent
from .exclusive_gateway import ExclusiveGateway
from .job_task import JobTask
from .scope import ScopeElement
from .script_task import ScriptTask
from .user_task import UserTask

_PASS_THROUGH = Behavior()
_JOB_TASK = JobTask()
_SCOPE = ScopeElement()

BEHAVIORS: dict[str, Behavior] = {
    model.PROCESS: _SCOPE,
    model.SUB_PROCESS: _SCOPE,
    model.START_EVENT: _PASS_THROUGH,
    model.END_EVENT: EndEvent(),
    model.BOUNDARY_EVENT: _PASS_THROUGH,
    model.SERVICE_TASK: _JOB_TASK,
    model.SEND_TASK: _JOB_TASK,
    model.BUSINESS_RULE_TASK: _JOB_TASK,
    model.SCRIPT_TASK: ScriptTask(),
    model.USER_TASK: UserTask(),
    model.MANUAL_TASK: _PASS_THROUGH,
    model.TASK: _PASS_THROUGH,
    model.EXCLUSIVE_GATEWAY: ExclusiveGateway(),
    model.PARALLEL_GATEWAY: _PASS_THROUGH,
}
