"""Commands about jobs: activated, completed, failed, thrown from, changed. Source: Camunda 8 REST API, "Job"."""

from __future__ import annotations

from typing import cast

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.records import Job, JobBatch

from .happenings import raise_incident
from .instances import push
from .log import instance_of
from .variables import parse_document, set_local, visible
from .world import COMPLETE, THROW, Move, Node, Refused, Rule, Work, World


def find_job(world: World, key: int) -> Work:
    job = world.jobs.get(key)
    if job is None:
        raise Refused(NOT_FOUND)
    if job.state in ("FAILED", "ERROR_THROWN") or world.instances[job.instance].suspended:
        raise Refused(INVALID_STATE)
    return job


def activate_jobs(world: World, command: Record) -> None:
    wish = cast(JobBatch, command.value)
    if not wish.type or wish.timeout <= 0 or wish.jobs_max <= 0:
        raise Refused(INVALID_ARGUMENT)
    hold_suspended(world, wish.type)
    limit = min(wish.jobs_max, world.settings.jobs_per_activation_max)
    waiting = [job for job in world.jobs.values() if (job.type, job.state) == (wish.type, "ACTIVATABLE")]
    keys = [job.key for job in sorted(waiting, key=lambda job: (-job.priority, job.key))]
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
        if world.instances[job.instance].suspended:
            world.differ(f"job {key} of a suspended process instance should not be given out")
        job.state, job.due = "ACTIVATED", due
        variables = visible(world, job.node, wish.fetch_variables)
        about = {"worker": wish.worker, "deadline": due, "variables": variables}
        world.expect("JOB", "ACTIVATED", key, job.instance, **about)
    if unseen:  # what is blind may have any priority
        keys = [key for key in told if key in unseen or key in keys] + [key for key in keys if key not in told]
    world.expect("JOB_BATCH", "ACTIVATED", job_keys=tuple(keys))


def hold_suspended(world: World, job_type: str) -> None:
    """Those that would be given out are held instead."""
    for key in [r.key for r in world.step.events if (r.value_type, r.intent) == ("JOB", "SUSPENDED")]:
        job = world.jobs.get(key)
        if job and (job.type, job.state) == (job_type, "ACTIVATABLE") and world.instances[job.instance].suspended:
            job.state = "SUSPENDED"
            world.held.add(key)
            world.expect("JOB", "SUSPENDED", key, job.instance)


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
    job.state, job.threw = "ERROR_THROWN", True
    world.expect("JOB", "ERROR_THROWN", job.key, job.instance, error_code=wish.error_code)
    push(world, Move(THROW, job.node, wish.error_code, wish.variables))


def update_job(world: World, command: Record) -> None:
    change_job(world, command.key, cast(Job, command.value))


def change_job(world: World, key: int, wish: Job) -> None:
    job = world.jobs.get(key)
    if job is None:
        raise Refused(NOT_FOUND)
    changed = wish.changed_attributes
    if not changed or set(changed) - {"retries", "timeout", "priority"} or ("retries" in changed and wish.retries < 1):
        raise Refused(INVALID_ARGUMENT)
    if "timeout" in changed and job.state != "ACTIVATED":
        raise Refused(INVALID_STATE)
    if "retries" in changed:
        job.retries = wish.retries
    due = NONE
    if "timeout" in changed:
        due = job.due = world.now + max(wish.timeout, 0)
    if "priority" in changed:
        job.priority = wish.priority
    told = {"changed_attributes": changed, "retries": job.retries, "deadline": due, "priority": job.priority}
    world.expect("JOB", "UPDATED", job.key, job.instance, **told)


RULES: dict[tuple[str, str], Rule] = {
    ("JOB_BATCH", "ACTIVATE"): activate_jobs,
    ("JOB", "COMPLETE"): complete_job,
    ("JOB", "FAIL"): fail_job,
    ("JOB", "THROW_ERROR"): throw_error,
    ("JOB", "UPDATE"): update_job,
}
