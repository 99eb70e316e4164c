"""What batch operations do to one item: True when it is done, False when it ends with its process instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.operations import cancel_process_instance, correlate_message, set_variables, update_job
from engine.records import Job, VariableDocument

from . import messages, people
from .deletions import delete_decision_instance, delete_process_instance, set_removal_time
from .instances import cancel
from .jobs import change_job
from .migrations import migrate_item
from .part import Part
from .put_back import check_replaced, put_back
from .restarts import restart_item
from .suspensions import resume, suspend
from .world import World


def cancel_item(world: World, part: Part, item: int) -> bool:
    if cast(cancel_process_instance.Parameters, part.parameters).skip_subprocesses:
        world.skip("cancellations that skip subprocesses", item)
        return False
    instance = cancel(world, item)
    if instance.nodes:
        instance.item = (part.key, item)
    return not instance.nodes


def resolve_item(world: World, _part: Part, item: int) -> bool:
    people.resolve(world, item, retries=1)
    return True


def update_job_item(world: World, part: Part, item: int) -> bool:
    parameters = cast(update_job.Parameters, part.parameters)
    changes = {name: getattr(parameters, name) for name in ("changed_attributes", "retries", "timeout", "priority")}
    change_job(world, item, Job(**changes))
    return True


def set_variables_item(world: World, part: Part, item: int) -> bool:
    if part.options.undoes:
        return put_back(world, part, item)
    check_replaced(world, part, item)
    parameters = cast(set_variables.Parameters, part.parameters)
    people.set_variables(world, VariableDocument(scope_key=item, variables=parameters.variables))
    return True


def suspend_item(world: World, _part: Part, item: int) -> bool:
    suspend(world, item)
    return True


def resume_item(world: World, _part: Part, item: int) -> bool:
    resume(world, item)
    return True


def correlate_item(world: World, part: Part, item: int) -> bool:
    parameters = cast(correlate_message.Parameters, part.parameters)
    messages.deliver(world, item, parameters.message_name, parameters.variables)
    return True


Effect = Callable[[World, Part, int], bool]
EFFECTS: dict[str, Effect] = {
    "CANCEL_PROCESS_INSTANCE": cancel_item,
    "MIGRATE_PROCESS_INSTANCE": migrate_item,
    "RESOLVE_INCIDENT": resolve_item,
    "UPDATE_JOB": update_job_item,
    "SET_VARIABLES": set_variables_item,
    "SUSPEND_PROCESS_INSTANCE": suspend_item,
    "RESUME_PROCESS_INSTANCE": resume_item,
    "CORRELATE_MESSAGE": correlate_item,
    "RESTART_PROCESS_INSTANCE": restart_item,
    "SET_REMOVAL_TIME": set_removal_time,
    "SET_DECISION_REMOVAL_TIME": set_removal_time,
    "DELETE_PROCESS_INSTANCE": delete_process_instance,
    "DELETE_DECISION_INSTANCE": delete_decision_instance,
}
