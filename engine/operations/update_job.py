"""Update jobs."""

from __future__ import annotations

from msgspec import Struct, structs

from engine.batch.operation import Item, Operation, Selects
from engine.core.record import NONE
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.jobs import CHANGEABLE, change_job
from engine.records import Job

#: Of jobs that have not ended. One whose error nobody caught is repaired by resolving its incident.
STATES = (
    "CREATED",
    "FAILED",
    "TIMED_OUT",
    "RETRIES_UPDATED",
    "TIMEOUT_UPDATED",
    "PRIORITY_UPDATED",
    "MIGRATED",
)
RETRIES_MAX = (1 << 31) - 1
TIMEOUT_MAX = 1 << 53
PRIORITY_MIN, PRIORITY_MAX = -(1 << 31), (1 << 31) - 1


class Changeset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; at least one of them. `timeout` in ms from the moment at which the item runs."""

    retries: int | None = None
    timeout: int | None = None
    priority: int | None = None


class Body(Struct, frozen=True, kw_only=True):
    """What clients give."""

    changeset: Changeset


class Parameters(Struct, frozen=True, kw_only=True):
    """What changes; kept with the batch operation."""

    changed_attributes: tuple[str, ...] = ()
    retries: int = 0
    timeout: int = NONE
    priority: int = 0


def read(body: Body) -> Parameters:
    given = {name: value for name, value in structs.asdict(body.changeset).items() if value is not None}
    return Parameters(changed_attributes=tuple(given), **given)


def check(parameters: Parameters) -> list[str]:
    changed, problems = parameters.changed_attributes, []
    unknown = ", ".join(sorted(set(changed) - set(CHANGEABLE)))[:100]
    if unknown:
        problems.append(f"changeset: expected some of {', '.join(CHANGEABLE)}, got {unknown}; leave it out")
    elif not changed:
        problems.append(f"changeset: expected at least one of {', '.join(CHANGEABLE)}, got none; give one")
    if "retries" in changed and not 1 <= parameters.retries <= RETRIES_MAX:
        problems.append(f"changeset.retries: expected 1 to {RETRIES_MAX}, got {parameters.retries}; correct it")
    if "timeout" in changed and not 0 <= parameters.timeout <= TIMEOUT_MAX:
        problems.append(f"changeset.timeout: expected 0 to {TIMEOUT_MAX} ms, got {parameters.timeout}; correct it")
    if "priority" in changed and not PRIORITY_MIN <= parameters.priority <= PRIORITY_MAX:
        expected = f"changeset.priority: expected {PRIORITY_MIN} to {PRIORITY_MAX}"
        problems.append(f"{expected}, got {parameters.priority}; correct it")
    return problems


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Change one job. A time-out is only of one that a worker has."""
    yield from change_job(view, item.key, Job(**structs.asdict(parameters)))
    return True


OPERATION = Operation(
    name="UPDATE_JOB",
    path="/jobs/batch-update",
    help=(__doc__ or "").splitlines()[0],
    parameters=Parameters,
    check=check,
    selects=Selects(entity="JOB", states=STATES),
    decide=decide,
    body=Body,
    read=read,
)
