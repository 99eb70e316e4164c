"""Commands about process instances, jobs, incidents, user tasks and variables: what each of them should cause.

A rule reads the command and either raises Refused, or changes the world and says which events it expects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.records import (
    Job,
    JobBatch,
    ProcessInstanceBusinessId,
    ProcessInstanceContinuation,
    ProcessInstanceCreation,
    UserTask,
    VariableDocument,
)

from . import waiting
from .elements import PRIORITY_MAX, is_date, is_number
from .happenings import raise_incident
from .log import instance_of
from .tokens import pauses, settle, start
from .variables import merge, parse_document, set_local, visible
from .world import COMPLETE, TERMINATE, THROW, Instance, Move, Node, Refused, Task, Work, World

BUSINESS_ID_LENGTH_MAX = 256

Rule = Callable[[World, Record], None]


def push(world: World, move: Move) -> None:
    """One more thing to do, and all that follows from it."""
    node = cast(Node, world.node(move.key))
    instance = world.instances[node.instance]
    instance.moves.append(move)
    settle(world, instance)


# process instances


def create_instance(world: World, command: Record) -> None:
    wish = cast(ProcessInstanceCreation, command.value)
    key = wish.process_definition_key
    if key == NONE:
        versions = world.versions.get(wish.bpmn_process_id, [])
        if wish.version_tag:
            versions = [one for one in versions if world.definitions[one][0].version_tag == wish.version_tag]
        wanted = wish.bpmn_version if wish.bpmn_version > 0 and not wish.version_tag else len(versions)
        if not 0 < wanted <= len(versions):
            raise Refused(NOT_FOUND)
        key = versions[wanted - 1]
    if key not in world.definitions:
        raise Refused(NOT_FOUND)
    graph, version, _ = world.definitions[key]
    if not graph.root.start and not wish.start_instructions:
        raise Refused(INVALID_STATE)
    document = parse_document(wish.variables)
    created = world.step.find("PROCESS_INSTANCE_CREATION", "CREATED")
    born = created.key if created else world.history.born("PROCESS_INSTANCE_CREATION")
    instance = Instance(born, graph, key, version, wish.tags, wish.business_id)
    instance.awaited, instance.fetched = wish.await_result, wish.fetch_variables
    if instance.key in world.instances:
        world.differ(f"instance {instance.key} is created twice")
    world.instances[instance.key] = instance
    world.expect("PROCESS_INSTANCE_CREATION", "CREATED", instance.key, instance.key, process_definition_key=key)
    start(world, instance, document)
    settle(world, instance)


def assign_business_id(world: World, command: Record) -> None:
    """Once and for all; the same one again changes nothing."""
    instance = world.instances.get(command.key)
    root = instance.nodes.get(command.key) if instance else None
    if instance is None or root is None:
        raise Refused(NOT_FOUND)
    wanted = cast(ProcessInstanceBusinessId, command.value).business_id
    if not 0 < len(wanted) <= BUSINESS_ID_LENGTH_MAX:
        raise Refused(INVALID_ARGUMENT)
    if root.state == "TERMINATING" or instance.business_id not in ("", wanted) or world.settings.business_id_uniqueness:
        raise Refused(INVALID_STATE)
    instance.business_id = wanted
    world.expect("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED", instance.key, instance.key, business_id=wanted)


def cancel_instance(world: World, command: Record) -> None:
    cancel(world, command.key)


def cancel(world: World, key: int) -> Instance:
    """Raises Refused for an instance that has ended, or that is ending."""
    instance = world.instances.get(key)
    root = instance.nodes.get(key) if instance else None
    if instance is None or root is None:
        raise Refused(NOT_FOUND)
    if root.state == "TERMINATING":
        raise Refused(INVALID_STATE)
    instance.moves.clear()
    push(world, Move(TERMINATE, key))
    return instance


def continue_instance(world: World, command: Record) -> None:
    """The rest of a step that was too long, unless there were too many of them."""
    wish = cast(ProcessInstanceContinuation, command.value)
    instance = world.instances.get(wish.process_instance_key)
    root = instance.nodes.get(instance.key) if instance else None
    if instance is None or root is None or instance.pause == NONE or instance.pause != wish.token:
        raise Refused(INVALID_STATE)
    if instance.rounds >= world.settings.continuation_rounds_max and root.state != "TERMINATING":
        raise_incident(world, root, "UNKNOWN", None)
        if not pauses(world, instance):
            world.differ(f"instance {instance.key} should pause until its incident is resolved, but goes on")
        return
    settle(world, instance)


# jobs


def find_job(world: World, key: int) -> Work:
    job = world.jobs.get(key)
    if job is None:
        raise Refused(NOT_FOUND)
    if job.state in ("FAILED", "ERROR_THROWN"):
        raise Refused(INVALID_STATE)
    return job


def activate_jobs(world: World, command: Record) -> None:
    wish = cast(JobBatch, command.value)
    if not wish.type or wish.timeout <= 0 or wish.jobs_max <= 0:
        raise Refused(INVALID_ARGUMENT)
    limit = min(wish.jobs_max, world.settings.jobs_per_activation_max)
    keys = [key for key, job in sorted(world.jobs.items()) if (job.type, job.state) == (wish.type, "ACTIVATABLE")]
    told = [r.key for r in world.step.events if (r.value_type, r.intent) == ("JOB", "ACTIVATED")]
    unseen = [key for key in told if world.is_blind(key)]
    seen = [key for key in keys if not world.is_blind(key)]
    keys = seen[: len(told) - len(unseen)] if any(world.is_blind(key) for key in keys) or unseen else keys[:limit]
    for record in world.step.events:
        if record.value_type == "INCIDENT":  # its variables are too large to be given out
            world.skip("incident MESSAGE_SIZE_EXCEEDED", instance_of(record))
    done = world.step.find("JOB_BATCH", "ACTIVATED")
    if done is not None and cast(JobBatch, done.value).truncated:  # there may be room for less than all of them
        keys = [key for key in keys if key in told]
    due = world.now + wish.timeout
    for key in keys:
        job = world.jobs[key]
        job.state, job.due = "ACTIVATED", due
        variables = visible(world, job.node, wish.fetch_variables)
        about = {"worker": wish.worker, "deadline": due, "variables": variables}
        world.expect("JOB", "ACTIVATED", key, job.instance, **about)
    world.expect("JOB_BATCH", "ACTIVATED", job_keys=tuple(sorted([*keys, *unseen])))


def complete_job(world: World, command: Record) -> None:
    job = find_job(world, command.key)
    data = cast(Job, command.value).variables
    parse_document(data)
    remove_job(world, job)
    world.expect("JOB", "COMPLETED", job.key, job.instance)
    push(world, Move(COMPLETE, job.node, data=data))


def remove_job(world: World, job: Work) -> None:
    del world.jobs[job.key]
    if node := world.node(job.node):
        node.work = NONE


def fail_job(world: World, command: Record) -> None:
    job = find_job(world, command.key)
    wish = cast(Job, command.value)
    document = parse_document(wish.variables)
    job.retries = max(wish.retries, 0)
    later = job.retries > 0 and wish.retry_backoff > 0
    job.state = "BACKOFF" if later else "ACTIVATABLE"
    job.due = world.now + wish.retry_backoff if later else NONE
    world.expect("JOB", "FAILED", job.key, job.instance, retries=job.retries, deadline=job.due)
    node = cast(Node, world.node(job.node))
    set_local(world, node, document)
    if job.retries == 0:
        raise_incident(world, node, "JOB_NO_RETRIES", None, job.key)


def throw_error(world: World, command: Record) -> None:
    job = find_job(world, command.key)
    wish = cast(Job, command.value)
    if not wish.error_code:
        raise Refused(INVALID_ARGUMENT)
    parse_document(wish.variables)
    job.state = "ERROR_THROWN"
    world.expect("JOB", "ERROR_THROWN", job.key, job.instance, error_code=wish.error_code)
    push(world, Move(THROW, job.node, wish.error_code, wish.variables))


def update_job(world: World, command: Record) -> None:
    job = world.jobs.get(command.key)
    if job is None:
        raise Refused(NOT_FOUND)
    wish = cast(Job, command.value)
    changed = wish.changed_attributes
    if not changed or set(changed) - {"retries", "timeout"} or ("retries" in changed and wish.retries < 1):
        raise Refused(INVALID_ARGUMENT)
    if "timeout" in changed and job.state != "ACTIVATED":
        raise Refused(INVALID_STATE)
    if "retries" in changed:
        job.retries = wish.retries
    due = NONE
    if "timeout" in changed:
        due = job.due = world.now + max(wish.timeout, 0)
    told = {"changed_attributes": changed, "retries": job.retries, "deadline": due}
    world.expect("JOB", "UPDATED", job.key, job.instance, **told)


#: Events that say that something was due.
FIRED = (("JOB", "TIMED_OUT"), ("JOB", "RECURRED_AFTER_BACKOFF"), ("TIMER", "TRIGGERED"))


def timers(world: World, now: int) -> list[tuple[int, str, int]]:
    """What is due by now: when, its name, and the job or the timer, the oldest first."""
    names = {"BACKOFF": "JOB_BACKOFF", "ACTIVATED": "JOB_TIMEOUT"}
    found = [(job.due, names[job.state], key) for key, job in world.jobs.items() if job.state in names]
    found += [(timer.schedule.due, "TIMER", key) for key, timer in world.timers.items()]
    return sorted(one for one in found if one[0] <= now and not world.is_blind(one[2]))


def tick(world: World, _command: Record) -> None:
    """What is due, the oldest first."""
    due = timers(world, world.now)
    if not due and not any(world.is_blind(record.key) for record in world.step.events):
        raise Refused(INVALID_STATE)
    settings, told = world.settings, world.step.events
    fired = [not world.is_blind(record.key) for record in told if (record.value_type, record.intent) in FIRED]
    is_full = len(told) >= settings.step_effects_max  # then no more of them fitted the step
    left = fired.count(True) if is_full else len(due)
    for _, name, key in due[: settings.due_per_tick_max - fired.count(False)]:
        if left == 0:
            break
        if key not in world.jobs and key not in world.timers:  # one that was due before it has ended it
            continue
        left -= 1
        if name == "TIMER":
            fire_timer(world, key)
            continue
        job = world.jobs[key]
        job.state, job.due = "ACTIVATABLE", NONE
        world.expect("JOB", "TIMED_OUT" if name == "JOB_TIMEOUT" else "RECURRED_AFTER_BACKOFF", key, job.instance)


def fire_timer(world: World, key: int) -> None:
    """What was waited for happens, or an instance begins. While an instance pauses, one time of a cycle is kept."""
    timer = world.timers[key]
    if timer.node == NONE:
        begin_at(world, key)
        return
    waiting.fire(world, key, timer.instance)
    instance, node = world.instances[timer.instance], cast(Node, world.node(timer.node))
    move = waiting.follow(node, timer.element)
    if instance.pause == NONE or move not in instance.moves:
        push(world, move)


def begin_at(world: World, key: int) -> None:
    """A timer is due at which instances begin."""
    told = {record.key: record for record in world.step.events if record.value_type == "TIMER"}
    if key not in told:
        world.differ(f"timer {key} should start an instance, but does not")
        return
    timer = waiting.fire(world, key, instance_of(told[key]))
    graph, version, _ = world.definitions[timer.definition]
    instance = Instance(instance_of(told[key]), graph, timer.definition, version, (), "")
    world.instances[instance.key] = instance
    start(world, instance, {}, timer.element.id)
    settle(world, instance)


# incidents, user tasks, variables


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
        told = {"changed_attributes": ("retries",), "retries": retries, "deadline": NONE}
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
    wish = cast(VariableDocument, command.value)
    node = world.node(wish.scope_key)
    if node is None:
        raise Refused(NOT_FOUND)
    document = parse_document(wish.variables)
    world.expect("VARIABLE_DOCUMENT", "UPDATED", node.key, node.instance, scope_key=node.key)
    if wish.local:
        set_local(world, node, document)
    else:
        merge(world, node.key, document)


#: Fields that change what a command means, and that the model does not know.
UNKNOWN_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("PROCESS_INSTANCE_CREATION", "CREATE"): (
        "start_instructions",
        "runtime_instructions",
    ),
    ("JOB", "COMPLETE"): ("business_id",),
}

RULES: dict[tuple[str, str], Rule] = {
    ("PROCESS_INSTANCE_CREATION", "CREATE"): create_instance,
    ("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN"): assign_business_id,
    ("PROCESS_INSTANCE", "CANCEL"): cancel_instance,
    ("PROCESS_INSTANCE_CONTINUATION", "CONTINUE"): continue_instance,
    ("JOB_BATCH", "ACTIVATE"): activate_jobs,
    ("JOB", "COMPLETE"): complete_job,
    ("JOB", "FAIL"): fail_job,
    ("JOB", "THROW_ERROR"): throw_error,
    ("JOB", "UPDATE"): update_job,
    ("CLOCK", "TICK"): tick,
    ("INCIDENT", "RESOLVE"): resolve_incident,
    ("USER_TASK", "ASSIGN"): assign_user_task,
    ("USER_TASK", "CLAIM"): assign_user_task,
    ("USER_TASK", "UPDATE"): update_user_task,
    ("USER_TASK", "COMPLETE"): complete_user_task,
    ("VARIABLE_DOCUMENT", "UPDATE"): update_variables,
}
