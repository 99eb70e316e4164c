"""What the shell offers when Tab is pressed behind a command: keys and names that the engine knows now.

Rule: quick and silent. Whatever goes wrong, there is nothing to offer; nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import typer

from .options import DEFAULT_URL

#: A person waits while Tab is pressed.
TIMEOUT_SECONDS = 1.0
#: What is offered at most.
OFFERED_MAX = 50

#: Jobs that are not done.
OPEN_JOBS = {"endTime": {"$exists": False}}

Offer = Callable[[typer.Context, str], list[tuple[str, str]]]


def _offer(path: str, field: str, *about: str, wanted: dict[str, Any] | None = None, sort: str = "") -> Offer:
    """Values of a field of what a search finds, each with what it is."""

    def offer(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        from .client import Client
        from .faults import CommandFailed

        url = context.params.get("url") or os.environ.get("RETOLD_URL") or DEFAULT_URL
        order = [(sort, "DESC")] if sort else []
        try:
            with Client(url, TIMEOUT_SECONDS) as client:
                items = client.search(path, wanted, sort=order, limit=1000).items
            known = {str(item[field]): " ".join(str(item.get(name) or "") for name in about) for item in items}
        except (CommandFailed, LookupError, TypeError, ValueError):
            return []
        return [(value, text) for value, text in known.items() if value.startswith(incomplete)][:OFFERED_MAX]

    return offer


process_ids = _offer("/process-definitions", "processDefinitionId", "name")
instance_keys = _offer("/process-instances", "processInstanceKey", "processDefinitionId", "state", sort="startDate")
running_instance_keys = _offer(
    "/process-instances", "processInstanceKey", "processDefinitionId", wanted={"state": "ACTIVE"}, sort="startDate"
)
job_types = _offer("/jobs", "type", wanted=OPEN_JOBS)
job_keys = _offer("/jobs", "jobKey", "type", "elementId", "state", wanted=OPEN_JOBS)
incident_keys = _offer("/incidents", "incidentKey", "errorType", "elementId", wanted={"state": "ACTIVE"})
user_task_keys = _offer("/user-tasks", "userTaskKey", "elementId", "assignee", wanted={"state": "CREATED"})
batch_keys = _offer("/batch-operations", "batchOperationKey", "batchOperationType", "state", sort="creationDate")


def choices(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Names that are fixed; upper and lower case are the same."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete.upper())]


def table_names(incomplete: str) -> list[str]:
    """Tables of the state."""
    from engine.assembly import Assembly

    return [table.name for table in Assembly().registry.tables if table.name.startswith(incomplete.upper())]
