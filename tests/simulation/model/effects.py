"""What batch operations do to one item: True when it is done, False when it ends with its process instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.operations import update_job
from engine.records import Job

from .instances import cancel
from .jobs import change_job
from .part import Part
from .people import resolve
from .world import World


def cancel_item(world: World, part: Part, item: int) -> bool:
    instance = cancel(world, item)
    if instance.nodes:
        instance.item = (part.key, item)
    return not instance.nodes


def resolve_item(world: World, _part: Part, item: int) -> bool:
    resolve(world, item, retries=1)
    return True


def update_job_item(world: World, part: Part, item: int) -> bool:
    parameters = cast(update_job.Parameters, part.parameters)
    changes = {"retries": parameters.retries, "timeout": parameters.timeout}
    change_job(world, item, Job(changed_attributes=parameters.changed_attributes, **changes))
    return True


EFFECTS: dict[str, Callable[[World, Part, int], bool]] = {
    "CANCEL_PROCESS_INSTANCE": cancel_item,
    "RESOLVE_INCIDENT": resolve_item,
    "UPDATE_JOB": update_job_item,
}
