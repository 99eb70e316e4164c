"""What is due: time-outs and back-offs of jobs, timers, messages that are kept no longer."""

from __future__ import annotations

from typing import cast

from engine.core.faults import INVALID_STATE
from engine.core.record import NONE, Record

from . import waiting
from .instances import begin_instance, push
from .log import instance_of
from .messages import expire
from .world import Node, Refused, Rule, World

#: Events that say that something was due.
FIRED = (
    ("JOB", "TIMED_OUT"),
    ("JOB", "RECURRED_AFTER_BACKOFF"),
    ("TIMER", "TRIGGERED"),
    ("TIMER", "SUSPENDED"),
    ("MESSAGE", "EXPIRED"),
    ("BATCH_OPERATION_EXECUTION", "CONTINUED"),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "DELETED"),
    ("HISTORY_DELETION", "DELETED"),
)
#: The same, of one timer for several partitions.
FIRED_TOGETHER = ("PARTITION_CHECKED", "PARTITION_GIVEN_UP")


def timers(world: World, now: int) -> list[tuple[int, str, int]]:
    """What is due by now: when, its name, and the job, the timer or the message, the oldest first."""
    names = {"BACKOFF": "JOB_BACKOFF", "ACTIVATED": "JOB_TIMEOUT"}
    found = [(job.due, names[job.state], key) for key, job in world.jobs.items() if job.state in names]
    found += [(timer.schedule.due, "TIMER", key) for key, timer in world.timers.items() if key not in world.held]
    found += [(message.deadline, "MESSAGE_TTL", key) for key, message in world.board.kept.items()]
    found += [(due, "BATCH_OPERATION_WAKE", key) for key, due in world.wakes.items()]
    found += [(due, name, key) for (key, name), due in world.removals.items()]
    return sorted(one for one in found if one[0] <= now and not world.is_blind(one[2]))


def tick(world: World, _command: Record) -> None:
    """What is due, the oldest first."""
    due = timers(world, world.now)
    if not due and not any(world.is_blind(record.key) for record in world.step.events):
        raise Refused(INVALID_STATE)
    settings, told = world.settings, world.step.events
    fired = [not world.is_blind(record.key) for record in told if (record.value_type, record.intent) in FIRED]
    fired += [True] * len({record.key for record in told if record.intent in FIRED_TOGETHER})
    is_full = 2 * len(told) >= settings.step_effects_max  # what the partition tells itself counts, and is no event
    left = fired.count(True) if is_full else len(due)
    for _, name, key in due[: settings.due_per_tick_max - fired.count(False)]:
        if left == 0:
            break
        known = world.jobs.keys() | world.timers.keys() | world.board.kept.keys()
        if key not in known | world.wakes.keys() and (key, name) not in world.removals:
            continue  # one that was due before it has ended it
        left -= 1
        if name == "TIMER":
            fire_timer(world, key)
            continue
        if name in world.fires:
            world.fires[name](key)
            continue
        if name == "MESSAGE_TTL":
            expire(world, world.board.kept[key])
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
    if world.instances[timer.instance].suspended:
        world.held.add(key)
        waiting.expect_timer(world, "SUSPENDED", key, timer)
        return
    waiting.fire(world, key, timer.instance)
    instance, node = world.instances[timer.instance], cast(Node, world.node(timer.node))
    move = waiting.happened(world, node, timer.element)
    if instance.pause == NONE or move not in instance.moves:
        push(world, move)


def begin_at(world: World, key: int) -> None:
    """A timer is due at which instances begin."""
    told = {record.key: record for record in world.step.events if record.value_type == "TIMER"}
    if key not in told:
        world.differ(f"timer {key} should start an instance, but does not")
        return
    timer = waiting.fire(world, key, instance_of(told[key]))
    begin_instance(world, instance_of(told[key]), timer.definition, timer.element.id)


RULES: dict[tuple[str, str], Rule] = {("CLOCK", "TICK"): tick}
