"""What batch operations do to one item: True when it is done, False when it ends with its process instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.operations import set_variables, update_job
from engine.records import Job, VariableDocument

from . import people
from .instances import cancel
from .jobs import change_job
from .part import Part
from .world import World


def cancel_item(world: World, part: Part, item: int) -> bool:
    instance = cancel(world, item)
    if instance.nodes:
        instance.item = (part.key, item)
    return not instance.nodes


def resolve_item(world: World, _part: Part, item: int) -> bool:
    people.resolve(world, item, retries=1)
    return True


def update_job_item(world: World, part: Part, item: int) -> bool:
    parameters = cast(update_job.Parameters, part.parameters)
    changes = {"retries": parameters.retries, "timeout": parameters.timeout}
    change_job(world, item, Job(changed_attributes=parameters.changed_attributes, **changes))
    return True


def set_variables_item(world: World, part: Part, item: int) -> bool:
    parameters = cast(set_variables.Parameters, part.parameters)
    people.set_variables(world, VariableDocument(scope_key=item, variables=parameters.variables))
    return True


EFFECTS: dict[str, Callable[[World, Part, int], bool]] = {
    "CANCEL_PROCESS_INSTANCE": cancel_item,
    "RESOLVE_INCIDENT": resolve_item,
    "UPDATE_JOB": update_job_item,
    "SET_VARIABLES": set_variables_item,
}
