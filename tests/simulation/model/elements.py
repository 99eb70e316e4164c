"""What each BPMN element does once it is active. Source: BPMN 2.0, chapter 13; Camunda 8 documentation.

Raises EvaluationFailure for what becomes an incident.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.bpmn import model as bpmn
from engine.bpmn.dates import read_date_time
from engine.bpmn.feel import EvaluationFailure, Expression

from .catching import escalate
from .happenings import activated, gone, take, tell
from .variables import encode, evaluate
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


def begin_scope(world: World, node: Node, data: str) -> None:
    activated(world, node, Move(ACTIVATE, node.key, data or node.element.start))


def begin_handler(world: World, node: Node, data: str) -> None:
    activated(world, node, Move(ACTIVATE, node.key, node.element.start, data))


def begin_catch(world: World, node: Node, data: str) -> None:
    if isinstance(node.element.event, bpmn.Link):
        begin_pass(world, node, data)
    else:
        activated(world, node)


def begin_job(world: World, node: Node, _data: str) -> None:
    job = node.element.job
    assert job is not None
    kind = evaluate(world, node, job.type)
    retries = read_number(evaluate(world, node, job.retries))
    if not isinstance(kind, str) or not kind or not is_number(retries, RETRIES_MAX):
        raise EvaluationFailure("no job")
    key = world.history.born("JOB", node.key)
    world.jobs[key] = Work(key, node.key, node.instance, kind, cast(int, retries))
    node.work = key
    told = {"element_instance_key": node.key, "type": kind, "retries": retries}
    world.expect("JOB", "CREATED", key, node.instance, **told)
    activated(world, node)


def read_number(value: object) -> object:
    """A text of digits is a number."""
    return int(value) if isinstance(value, str) and len(value) <= 20 and value.strip().isdecimal() else value


def is_number(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


class FormMissing(Exception):
    """A form is linked that was not deployed."""


def begin_user_task(world: World, node: Node, data: str) -> None:
    task = node.element.user_task
    if task is not None and task.form is not None:
        evaluate(world, node, task.form.form_id)
        raise FormMissing  # none are deployed in the installations that this model knows
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
    told = {"element_instance_key": node.key, "assignee": world.tasks[key].assignee}
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
    elif isinstance(event, bpmn.Signal):
        world.skip("a signal that is thrown", node.instance)
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
    bpmn.PROCESS: begin_scope,
    bpmn.SUB_PROCESS: begin_scope,
    bpmn.EVENT_SUB_PROCESS: begin_handler,
    bpmn.INTERMEDIATE_CATCH_EVENT: begin_catch,
    bpmn.SERVICE_TASK: begin_job,
    bpmn.SEND_TASK: begin_job,
    bpmn.BUSINESS_RULE_TASK: begin_job,
    bpmn.SCRIPT_TASK: begin_script,
    bpmn.USER_TASK: begin_user_task,
    bpmn.INTERMEDIATE_THROW_EVENT: begin_throw,
    bpmn.END_EVENT: begin_throw,
    bpmn.EXCLUSIVE_GATEWAY: begin_deciding,
    bpmn.INCLUSIVE_GATEWAY: begin_deciding,
}
