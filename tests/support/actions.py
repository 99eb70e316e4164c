"""What people and workers do, as one line in a test."""

from __future__ import annotations

from engine.core.record import Record
from engine.records import (
    BatchOperationCreation,
    BatchOperationLifecycleManagement,
    Incident,
    Job,
    JobBatch,
    UserTask,
    VariableDocument,
)

from .scenario import ASSEMBLY, Moment, Scenario, make

CANCEL = "CANCEL_PROCESS_INSTANCE"
RESOLVE = "RESOLVE_INCIDENT"


def activation(job_type: str = "work", limit: int = 1000, timeout: int = 60_000, *names: str) -> Record:
    value = JobBatch(type=job_type, worker="worker", timeout=timeout, jobs_max=limit, fetch_variables=names)
    return make("JOB_BATCH", "ACTIVATE", value, request="gateway/1")


def activate(
    s: Scenario, job_type: str = "work", *, partition: int = 1, limit: int = 1000, timeout: int = 60_000
) -> list[int]:
    """Activate jobs; gives their keys."""
    moment = s.when(activation(job_type, limit, timeout), partition).accepted()
    return [record.key for record in moment.all("JOB", "ACTIVATED")]


def complete(s: Scenario, key: int, variables: str = "") -> Moment:
    return s.when(make("JOB", "COMPLETE", Job(variables=variables), key))


def complete_all(s: Scenario, job_type: str = "work", partition: int = 1) -> None:
    for key in activate(s, job_type, partition=partition):
        complete(s, key).accepted()


def fail(s: Scenario, key: int, retries: int = 0, backoff: int = 0, variables: str = "", message: str = "no") -> Moment:
    value = Job(retries=retries, retry_backoff=backoff, error_message=message, variables=variables)
    return s.when(make("JOB", "FAIL", value, key))


def throw(s: Scenario, key: int, code: str, variables: str = "") -> Moment:
    return s.when(make("JOB", "THROW_ERROR", Job(error_code=code, error_message="m", variables=variables), key))


def update(s: Scenario, key: int, **changes: int) -> Moment:
    return s.when(make("JOB", "UPDATE", Job(changed_attributes=tuple(changes), **changes), key))  # type: ignore[arg-type]


def resolve(s: Scenario, key: int) -> Moment:
    return s.when(make("INCIDENT", "RESOLVE", Incident(), key))


def set_variables(s: Scenario, scope: int, variables: str, *, local: bool = False) -> Moment:
    value = VariableDocument(scope_key=scope, variables=variables, local=local)
    return s.when(make("VARIABLE_DOCUMENT", "UPDATE", value, scope))


def complete_user_task(s: Scenario, key: int, variables: str = "", action: str = "") -> Moment:
    return s.when(make("USER_TASK", "COMPLETE", UserTask(variables=variables, action=action), key))


def batch(kind: str = CANCEL, filter_text: str = '{"everything": "yes"}', **fields: object) -> Record:
    """The command that creates a batch operation."""
    operation = ASSEMBLY.operations.get(kind)
    parameters = ASSEMBLY.operation_codecs.encode(kind, operation.parameters()) if operation else b""
    value = BatchOperationCreation(batch_operation_type=kind, filter=filter_text, parameters=parameters, **fields)  # type: ignore[arg-type]
    return make("BATCH_OPERATION_CREATION", "CREATE", value, request="gateway/7")


def manage(intent: str, key: int) -> Record:
    """SUSPEND, RESUME or CANCEL of a batch operation."""
    return make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", intent, BatchOperationLifecycleManagement(), key)
