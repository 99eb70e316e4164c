"""Update jobs."""

from __future__ import annotations

from msgspec import Struct

from engine.batch.operation import Item, Operation, Selects
from engine.core.record import NONE
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.jobs import change_job
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


class Changeset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; at least one of them. `timeout` in ms from the moment at which the item runs; no priority yet."""

    retries: int | None = None
    timeout: int | None = None
    priority: None = None


class Body(Struct, frozen=True, kw_only=True):
    """What clients give."""

    changeset: Changeset


class Parameters(Struct, frozen=True, kw_only=True):
    """What changes; kept with the batch operation."""

    changed_attributes: tuple[str, ...] = ()
    retries: int = 0
    timeout: int = NONE


def read(body: Body) -> Parameters:
    changes = {"retries": body.changeset.retries, "timeout": body.changeset.timeout}
    given = {name: value for name, value in changes.items() if value is not None}
    return Parameters(
        changed_attributes=tuple(given), retries=given.get("retries", 0), timeout=given.get("timeout", NONE)
    )


def check(parameters: Parameters) -> list[str]:
    changed, problems = parameters.changed_attributes, []
    unknown = ", ".join(sorted(set(changed) - {"retries", "timeout"}))[:100]
    if unknown:
        problems.append(f"changeset: expected retries, timeout or both, got {unknown}; leave it out")
    elif not changed:
        problems.append("changeset: expected retries, timeout or both, got none; give one")
    if "retries" in changed and not 1 <= parameters.retries <= RETRIES_MAX:
        problems.append(f"changeset.retries: expected 1 to {RETRIES_MAX}, got {parameters.retries}; correct it")
    if "timeout" in changed and not 0 <= parameters.timeout <= TIMEOUT_MAX:
        problems.append(f"changeset.timeout: expected 0 to {TIMEOUT_MAX} ms, got {parameters.timeout}; correct it")
    return problems


def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
    """Change one job. A time-out is only of one that a worker has."""
    wish = Job(changed_attributes=parameters.changed_attributes, retries=parameters.retries, timeout=parameters.timeout)
    yield from change_job(view, item.key, wish)
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
