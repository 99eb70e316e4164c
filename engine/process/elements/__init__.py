"""What each BPMN element does when it is active: one file a behavior, all of them listed here."""

from __future__ import annotations

from engine.bpmn import model

from .ad_hoc_sub_process import AdHocInnerInstance, AdHocSubProcess
from .behavior import Behavior
from .business_rule_task import BusinessRuleTask
from .call_activity import CallActivity
from .deciding_gateway import DecidingGateway
from .end_event import EndEvent
from .job_task import JobTask
from .multi_instance_body import MultiInstanceBody
from .scope import EventSubProcess, ScopeElement
from .script_task import ScriptTask
from .throw_event import ThrowEvent
from .user_task import UserTask
from .waiting import CatchEvent, Waiting

#: Done as soon as it is active.
PASS_THROUGH = Behavior()
_JOB_TASK = JobTask()
_SCOPE = ScopeElement()
_WAITING = Waiting()

BEHAVIORS: dict[str, Behavior] = {
    model.PROCESS: _SCOPE,
    model.SUB_PROCESS: _SCOPE,
    model.EVENT_SUB_PROCESS: EventSubProcess(),
    model.AD_HOC_SUB_PROCESS: AdHocSubProcess(),
    model.AD_HOC_SUB_PROCESS_INNER_INSTANCE: AdHocInnerInstance(),
    model.START_EVENT: PASS_THROUGH,
    model.END_EVENT: EndEvent(),
    model.BOUNDARY_EVENT: PASS_THROUGH,
    model.INTERMEDIATE_CATCH_EVENT: CatchEvent(),
    model.INTERMEDIATE_THROW_EVENT: ThrowEvent(),
    model.RECEIVE_TASK: _WAITING,
    model.SERVICE_TASK: _JOB_TASK,
    model.SEND_TASK: _JOB_TASK,
    model.BUSINESS_RULE_TASK: BusinessRuleTask(),
    model.SCRIPT_TASK: ScriptTask(),
    model.USER_TASK: UserTask(),
    model.CALL_ACTIVITY: CallActivity(),
    model.MULTI_INSTANCE_BODY: MultiInstanceBody(),
    model.MANUAL_TASK: PASS_THROUGH,
    model.TASK: PASS_THROUGH,
    model.EXCLUSIVE_GATEWAY: DecidingGateway(takes_all=False),
    model.INCLUSIVE_GATEWAY: DecidingGateway(takes_all=True),
    model.PARALLEL_GATEWAY: PASS_THROUGH,
    model.EVENT_BASED_GATEWAY: _WAITING,
}
