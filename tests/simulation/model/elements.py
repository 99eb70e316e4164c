"""What each BPMN element does once it is active. Source: BPMN 2.0, chapter 13; Camunda 8 documentation.

Raises EvaluationFailure for what becomes an incident.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from engine.bpmn import model as bpmn
from engine.bpmn.dates import read_date_time
from engine.bpmn.feel import EvaluationFailure, Expression
from engine.core.record import NONE

from .anyhow import begin_ad_hoc, begin_inner
from .catching import escalate
from .compensation import begin_compensation
from .decisions import evaluate_decision
from .happenings import activated, gone, take, tell
from .repeating import begin_body
from .variables import Scope, encode, evaluate, text_of
from .versions import Versions
from .waiting import broadcast, short
from .world import ACTIVATE, COMPLETE, THROW, Move, Node, Task, Work, World

RETRIES_MAX = 2**31 - 1
PRIORITY_MAX = 100


def begin(world: World, node: Node, data: str) -> None:
    """The input mappings are done: what the element does. The model looks away from one that it does not know."""
    kind = node.element.type
    if kind in _BEGIN:
        _BEGIN[kind](world, node, data)
    else:
        world.skip(f"element {kind}", node.instance)


def begin_pass(world: World, node: Node, data: str) -> None:
    activated(world, node, Move(COMPLETE, node.key, data=data))


def begin_process(world: World, node: Node, _data: str) -> None:
    instance = world.instances[node.instance]
    activated(world, node, Move(ACTIVATE, node.key, instance.begun_at or node.element.start, instance.begun_with))


def begin_scope(world: World, node: Node, _data: str) -> None:
    activated(world, node, Move(ACTIVATE, node.key, node.element.start))


def begin_handler(world: World, node: Node, data: str) -> None:
    activated(world, node, Move(ACTIVATE, node.key, node.element.start, data))


def begin_catch(world: World, node: Node, data: str) -> None:
    if isinstance(node.element.event, bpmn.Link):
        begin_pass(world, node, data)
    else:
        begin_waiting(world, node, data)


def begin_waiting(world: World, node: Node, _data: str) -> None:
    activated(world, node)


def begin_call(_world: World, _node: Node, _data: str) -> None:
    """It is active once an instance was found that it calls (`calls`)."""


def begin_job(world: World, node: Node, _data: str) -> None:
    job = node.element.job
    assert job is not None
    kind = evaluate(world, node, job.type)
    retries = read_number(evaluate(world, node, job.retries))
    if not isinstance(kind, str) or not kind or not is_number(retries, RETRIES_MAX):
        raise EvaluationFailure("no job")
    priority = 0 if job.priority is None else evaluate(world, node, job.priority)
    if not isinstance(priority, int) or isinstance(priority, bool) or not -(2**31) <= priority < 2**31:
        raise EvaluationFailure("no priority")
    key = world.history.born("JOB", node.key)
    world.jobs[key] = Work(key, node.key, node.instance, kind, cast(int, retries), priority)
    node.work = key
    told = {"element_instance_key": node.key, "type": kind, "retries": retries, "priority": priority}
    world.expect("JOB", "CREATED", key, node.instance, **told)
    activated(world, node)


def read_number(value: object) -> object:
    """A text of digits is a number."""
    return int(value) if isinstance(value, str) and len(value) <= 20 and value.strip().isdecimal() else value


def is_number(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


class Halted(Exception):
    """It cannot begin, and an incident of this type says why."""

    def __init__(self, error_type: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type


def find_bound(world: World, node: Node, versions: Versions, id_: str, binding: bpmn.Binding, *, missing: str) -> int:
    """The key of a decision or a form. Raises Halted and EvaluationFailure."""
    tag = ""
    if binding.version_tag is not None:
        tag = text_of(world, node, binding.version_tag)
    deployment = world.definitions[world.instances[node.instance].definition].deployment
    key = versions.bound(id_, binding, deployment, tag)
    if key is None:
        raise Halted(missing)
    return key


def begin_rule(world: World, node: Node, data: str) -> None:
    """A decision gives what a direct evaluation gives."""
    decision = node.element.decision
    if decision is None:
        begin_job(world, node, data)
        return
    id_ = text_of(world, node, decision.decision_id)
    key = find_bound(world, node, world.decisions, id_, decision.binding, missing="CALLED_DECISION_ERROR")
    output = evaluate_decision(world, key, Scope(world, node.key), node)
    if output is None:
        raise Halted("DECISION_EVALUATION_ERROR")
    activated(world, node, Move(COMPLETE, node.key, data=f"{{{encode(decision.result)}:{output}}}"))


def begin_user_task(world: World, node: Node, data: str) -> None:
    task = node.element.user_task
    form = NONE
    if task is not None and task.form is not None:
        id_ = evaluate(world, node, task.form.form_id)
        if not isinstance(id_, str):
            raise EvaluationFailure("no id of a form")
        form = find_bound(world, node, world.forms, id_, task.form.binding, missing="FORM_NOT_FOUND")
    if task is None or not task.native:
        begin_job(world, node, data)
        return
    rights: list[tuple[Expression | None, Callable[[object], bool]]] = [
        *((text, lambda value: isinstance(value, str)) for text in (task.assignee, task.external_form_reference)),
        *((names, is_names) for names in (task.candidate_groups, task.candidate_users)),
        *((date, is_date) for date in (task.due_date, task.follow_up_date)),
        (task.priority, lambda value: is_number(read_number(value), PRIORITY_MAX)),
    ]
    if not all(expression is None or is_right(evaluate(world, node, expression)) for expression, is_right in rights):
        raise EvaluationFailure("no user task")
    key = world.history.born("USER_TASK", node.key)
    world.tasks[key] = Task(node.key, evaluate(world, node, task.assignee) or "")
    node.work = key
    told = {"element_instance_key": node.key, "assignee": world.tasks[key].assignee, "form_key": form}
    world.expect("USER_TASK", "CREATED", key, node.instance, **told)
    activated(world, node)


def is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def is_date(value: object) -> bool:
    """A date and time, or no date."""
    return value in (None, "") or (isinstance(value, str) and read_date_time(value) is not None)


def begin_script(world: World, node: Node, data: str) -> None:
    script = node.element.script
    if script is None:
        begin_job(world, node, data)
        return
    result = encode(evaluate(world, node, script.expression))
    activated(world, node, Move(COMPLETE, node.key, data=f"{{{encode(script.result)}:{result}}}"))


def begin_throw(world: World, node: Node, data: str) -> None:
    """End events too. A link and a terminate event do what they do when they are completed."""
    event = node.element.event
    if node.element.job is not None:
        begin_job(world, node, data)
    elif isinstance(event, bpmn.Error | bpmn.Escalation):
        code = evaluate(world, node, event.code) if event.code is not None else None
        if not isinstance(code, str) or not code:
            raise EvaluationFailure("no code")
        if isinstance(event, bpmn.Escalation):
            escalate(world, node, code)
        else:
            activated(world, node, Move(THROW, node.key, code))
    elif isinstance(event, bpmn.Compensation):
        begin_compensation(world, node)
    elif isinstance(event, bpmn.Signal):
        name = short(text_of(world, node, event.name))
        activated(world, node, Move(COMPLETE, node.key))
        own = {variable: msgspec.Raw(text.encode()) for variable, text in node.variables.items()}
        broadcast(world, name, msgspec.json.encode(own).decode() if own else "")
    else:
        begin_pass(world, node, data)


def begin_deciding(world: World, node: Node, _data: str) -> None:
    """Decides and is done at once."""
    chosen = choose(world, node)
    for intent in ("ELEMENT_ACTIVATED", "ELEMENT_COMPLETING", "ELEMENT_COMPLETED"):
        tell(world, intent, node)
    gone(world, node)
    take(world, node, chosen)


def choose(world: World, node: Node) -> tuple[str, ...]:
    """The first flow whose condition is true, of an inclusive gateway every one, or else the default flow."""
    element, flows = node.element, world.instances[node.instance].graph.flows
    if not element.outgoing or (len(element.outgoing) == 1 and flows[element.outgoing[0]].condition is None):
        return element.outgoing
    chosen: list[str] = []
    for name in element.outgoing:
        condition = flows[name].condition
        if name != element.default_flow and condition is not None and evaluate(world, node, condition) is True:
            chosen.append(name)
            if element.type == bpmn.EXCLUSIVE_GATEWAY:
                break
    if not chosen and not element.default_flow:
        raise EvaluationFailure("no condition holds")
    return tuple(chosen) or (element.default_flow,)


#: Elements that are done as soon as they are active.
PASSING = (bpmn.START_EVENT, bpmn.BOUNDARY_EVENT, bpmn.MANUAL_TASK, bpmn.TASK, bpmn.PARALLEL_GATEWAY)

_BEGIN: dict[str, Callable[[World, Node, str], None]] = {
    **dict.fromkeys(PASSING, begin_pass),
    bpmn.PROCESS: begin_process,
    bpmn.SUB_PROCESS: begin_scope,
    bpmn.MULTI_INSTANCE_BODY: begin_body,
    bpmn.EVENT_SUB_PROCESS: begin_handler,
    bpmn.AD_HOC_SUB_PROCESS: begin_ad_hoc,
    bpmn.AD_HOC_SUB_PROCESS_INNER_INSTANCE: begin_inner,
    bpmn.INTERMEDIATE_CATCH_EVENT: begin_catch,
    bpmn.SERVICE_TASK: begin_job,
    bpmn.SEND_TASK: begin_job,
    bpmn.BUSINESS_RULE_TASK: begin_rule,
    bpmn.RECEIVE_TASK: begin_waiting,
    bpmn.EVENT_BASED_GATEWAY: begin_waiting,
    bpmn.CALL_ACTIVITY: begin_call,
    bpmn.SCRIPT_TASK: begin_script,
    bpmn.USER_TASK: begin_user_task,
    bpmn.INTERMEDIATE_THROW_EVENT: begin_throw,
    bpmn.END_EVENT: begin_throw,
    bpmn.EXCLUSIVE_GATEWAY: begin_deciding,
    bpmn.INCLUSIVE_GATEWAY: begin_deciding,
}
