"""What people do: incidents resolved, user tasks done, variables set."""

from __future__ import annotations

from typing import cast

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.records import UserTask, VariableDocument

from .elements import PRIORITY_MAX, is_date, is_number
from .instances import push
from .variables import merge, parse_document, set_local
from .world import COMPLETE, Move, Node, Refused, Rule, Task, World


def resolve_incident(world: World, command: Record) -> None:
    resolve(world, command.key)


def resolve(world: World, key: int, retries: int = 0) -> None:
    """A job without retries gets `retries` first. Raises Refused."""
    trouble = world.incidents.get(key)
    if trouble is None:
        raise Refused(NOT_FOUND)
    job = world.jobs.get(trouble.job)
    if job is not None and job.state == "FAILED" and job.retries == 0:
        if retries == 0:
            raise Refused(INVALID_STATE)
        job.retries = retries
        told = {"changed_attributes": ("retries",), "retries": retries, "deadline": NONE, "priority": job.priority}
        world.expect("JOB", "UPDATED", job.key, job.instance, **told)
    del world.incidents[key]
    if job is not None and job.state in ("FAILED", "ERROR_THROWN"):
        job.state = "ACTIVATABLE"
    world.expect("INCIDENT", "RESOLVED", key, trouble.instance, element_instance_key=trouble.node)
    if trouble.move is not None:
        push(world, trouble.move)


def find_task(world: World, key: int) -> tuple[Task, Node]:
    task = world.tasks.get(key)
    node = world.node(task.node) if task is not None else None
    if task is None or node is None:
        raise Refused(NOT_FOUND)
    if world.instances[node.instance].suspended:
        raise Refused(INVALID_STATE)
    return task, node


def expect_task(world: World, intent: str, key: int, task: Task, node: Node) -> None:
    told = {"element_instance_key": node.key, "assignee": task.assignee}
    world.expect("USER_TASK", intent, key, node.instance, **told)


def assign_user_task(world: World, command: Record) -> None:
    """A claim does not take a task from somebody else, and nobody cannot claim."""
    task, node = find_task(world, command.key)
    assignee = cast(UserTask, command.value).assignee
    if command.intent == "CLAIM" and (not assignee.strip() or task.assignee not in ("", assignee)):
        raise Refused(INVALID_STATE)
    task.assignee = assignee
    expect_task(world, "ASSIGNED", command.key, task, node)


def update_user_task(world: World, command: Record) -> None:
    """Other attributes than the assignee: the model only knows which of them are right."""
    task, node = find_task(world, command.key)
    wish = cast(UserTask, command.value)
    names = set(wish.changed_attributes)
    dates = {"dueDate": wish.due_date, "followUpDate": wish.follow_up_date}
    wrong = names - {"candidateGroupsList", "candidateUsersList", "priority", *dates}
    wrong |= {name for name in names & set(dates) if not is_date(dates[name])}
    if wrong or ("priority" in names and not is_number(wish.priority, PRIORITY_MAX)):
        raise Refused(INVALID_ARGUMENT)
    expect_task(world, "UPDATED", command.key, task, node)


def complete_user_task(world: World, command: Record) -> None:
    task, node = find_task(world, command.key)
    data = cast(UserTask, command.value).variables
    parse_document(data)
    del world.tasks[command.key]
    node.work = NONE
    expect_task(world, "COMPLETED", command.key, task, node)
    push(world, Move(COMPLETE, node.key, data=data))


def update_variables(world: World, command: Record) -> None:
    set_variables(world, cast(VariableDocument, command.value))


def set_variables(world: World, wish: VariableDocument) -> None:
    node = world.node(wish.scope_key)
    if node is None:
        raise Refused(NOT_FOUND)
    document = parse_document(wish.variables)
    world.expect("VARIABLE_DOCUMENT", "UPDATED", node.key, node.instance, scope_key=node.key)
    if wish.local:
        set_local(world, node, document)
    else:
        merge(world, node.key, document)


RULES: dict[tuple[str, str], Rule] = {
    ("INCIDENT", "RESOLVE"): resolve_incident,
    ("USER_TASK", "ASSIGN"): assign_user_task,
    ("USER_TASK", "CLAIM"): assign_user_task,
    ("USER_TASK", "UPDATE"): update_user_task,
    ("USER_TASK", "COMPLETE"): complete_user_task,
    ("VARIABLE_DOCUMENT", "UPDATE"): update_variables,
}
