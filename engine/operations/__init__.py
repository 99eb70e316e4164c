"""Batch operation types: one file each, one schema each in `schemas/operations/`. A new one is listed here, no more."""

from __future__ import annotations

from engine.batch.operation import Operation

from . import cancel_process_instance, resolve_incident, set_variables, update_job

OPERATIONS: dict[str, Operation] = {
    module.OPERATION.name: module.OPERATION
    for module in (cancel_process_instance, resolve_incident, update_job, set_variables)
}
