"""What people and workers do, as one line in a test."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from engine.bpmn.migration import generate
from engine.bpmn.model import Process as Graph
from engine.bpmn.parse import parse
from engine.core.record import Record, partition_of_name
from engine.records import (
    AdHocSubProcessInstruction,
    BatchOperationCreation,
    BatchOperationLifecycleManagement,
    Incident,
    Job,
    JobBatch,
    Message,
    MessageCorrelation,
    Process,
    ProcessInstance,
    ProcessInstanceBusinessId,
    ProcessInstanceCreation,
    ProcessInstanceMigration,
    UserTask,
    VariableDocument,
)
from engine.records.ad_hoc_sub_process_instruction import ActivateElement
from engine.records.process_instance_creation import RuntimeInstruction, StartInstruction
from engine.records.process_instance_migration import MappingInstruction

from .scenario import ASSEMBLY, Moment, Scenario, make

CANCEL = "CANCEL_PROCESS_INSTANCE"
MIGRATE = "MIGRATE_PROCESS_INSTANCE"
RESOLVE = "RESOLVE_INCIDENT"
UPDATE_JOBS = "UPDATE_JOB"
SET_VARIABLES = "SET_VARIABLES"
MODIFY = "MODIFY_PROCESS_INSTANCE"
SUSPEND = "SUSPEND_PROCESS_INSTANCE"
RESUME = "RESUME_PROCESS_INSTANCE"
DELETE_INSTANCES = "DELETE_PROCESS_INSTANCE"
DELETE_DECISIONS = "DELETE_DECISION_INSTANCE"
CORRELATE = "CORRELATE_MESSAGE"
RESTART = "RESTART_PROCESS_INSTANCE"
SET_REMOVAL_TIME = "SET_REMOVAL_TIME"
SET_BATCH_REMOVAL_TIME = "SET_BATCH_REMOVAL_TIME"


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


def begin_inside(s: Scenario, key: int, *element_ids: str, cancel: bool = False, variables: str = "") -> Moment:
    """Activate elements in the ad-hoc sub-process `key`, each with the variables."""
    elements = tuple(ActivateElement(element_id=each, variables=variables) for each in element_ids)
    value = AdHocSubProcessInstruction(activate_elements=elements, cancel_remaining_instances=cancel)
    return s.when(make("AD_HOC_SUB_PROCESS_INSTRUCTION", "ACTIVATE", value, key, request="gateway/5"))


def decide(s: Scenario, key: int, *element_ids: str, variables: str = "", **flags: bool) -> Moment:
    """Complete the job of an ad-hoc sub-process with what is to happen there. `flags`: as the API has them."""
    result = {"activateElements": [{"elementId": each} for each in element_ids], **flags}
    text = msgspec.json.encode(result).decode()
    return s.when(make("JOB", "COMPLETE", Job(variables=variables, result=text), key))


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


def suspend(s: Scenario, key: int) -> Moment:
    """Suspend a process instance."""
    return s.when(make("PROCESS_INSTANCE", "SUSPEND", ProcessInstance(process_instance_key=key), key))


def resume(s: Scenario, key: int) -> Moment:
    """Resume a process instance."""
    return s.when(make("PROCESS_INSTANCE", "RESUME", ProcessInstance(process_instance_key=key), key))


def publish(s: Scenario, name: str = "a", correlation_key: str = "k", variables: str = "", **fields: object) -> Moment:
    """Publish a message on the partition of its correlation key. `fields`: `time_to_live` (ms), `message_id`."""
    value = Message(name=name, correlation_key=correlation_key, variables=variables, **fields)  # type: ignore[arg-type]
    return s.when(make("MESSAGE", "PUBLISH", value, request="gateway/3"), message_partition(s, correlation_key))


def correlate(s: Scenario, name: str = "a", correlation_key: str = "k", variables: str = "") -> Moment:
    """Publish a message and wait for who gets it."""
    return s.when(correlation(name, correlation_key, variables), message_partition(s, correlation_key))


def correlation(name: str = "a", correlation_key: str = "k", variables: str = "") -> Record:
    """The command of `correlate`."""
    value = MessageCorrelation(name=name, correlation_key=correlation_key, variables=variables)
    return make("MESSAGE_CORRELATION", "CORRELATE", value, request="gateway/4")


def message_partition(s: Scenario, correlation_key: str) -> int:
    return partition_of_name(correlation_key, len(s.partitions))


def resolve(s: Scenario, key: int) -> Moment:
    return s.when(make("INCIDENT", "RESOLVE", Incident(), key))


def set_variables(s: Scenario, scope: int, variables: str, *, local: bool = False) -> Moment:
    value = VariableDocument(scope_key=scope, variables=variables, local=local)
    return s.when(make("VARIABLE_DOCUMENT", "UPDATE", value, scope))


def assign(s: Scenario, key: int, assignee: str, action: str = "") -> Moment:
    return s.when(make("USER_TASK", "ASSIGN", UserTask(assignee=assignee, action=action), key))


def claim(s: Scenario, key: int, assignee: str) -> Moment:
    return s.when(make("USER_TASK", "CLAIM", UserTask(assignee=assignee), key))


def update_user_task(s: Scenario, key: int, *names: str, **fields: object) -> Moment:
    """`names`: the attributes to change; `fields`: their values."""
    return s.when(make("USER_TASK", "UPDATE", UserTask(changed_attributes=names, **fields), key))  # type: ignore[arg-type]


def complete_user_task(s: Scenario, key: int, variables: str = "", action: str = "") -> Moment:
    return s.when(make("USER_TASK", "COMPLETE", UserTask(variables=variables, action=action), key))


def creation(process_id: str, variables: str = "", *, start: tuple[str, ...] = (), **fields: object) -> Record:
    """The command that creates a process instance; `start`: before which elements."""
    instructions = tuple(StartInstruction(element_id=element) for element in start)
    value = ProcessInstanceCreation(
        bpmn_process_id=process_id,
        variables=variables,
        start_instructions=instructions,
        **fields,  # type: ignore[arg-type]
    )
    return make("PROCESS_INSTANCE_CREATION", "CREATE", value, request="gateway/1")


def end_after(*element_ids: str) -> tuple[RuntimeInstruction, ...]:
    """Runtime instructions."""
    return tuple(
        RuntimeInstruction(type="TERMINATE_PROCESS_INSTANCE", after_element_id=element) for element in element_ids
    )


def assign_business_id(s: Scenario, key: int, business_id: str) -> Moment:
    value = ProcessInstanceBusinessId(business_id=business_id)
    return s.when(make("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN", value, key))


def batch(
    kind: str = CANCEL, filter_text: str = '{"everything": "yes"}', parameters: Struct | None = None, **fields: object
) -> Record:
    """The command that creates a batch operation; `parameters`: those of its type, else its defaults."""
    operation = ASSEMBLY.operations.get(kind)
    encoded = ASSEMBLY.operation_codecs.encode(kind, parameters or operation.parameters()) if operation else b""
    value = BatchOperationCreation(batch_operation_type=kind, filter=filter_text, parameters=encoded, **fields)  # type: ignore[arg-type]
    return make("BATCH_OPERATION_CREATION", "CREATE", value, request="gateway/7")


def manage(intent: str, key: int, *phases: str) -> Record:
    """SUSPEND, RESUME or CANCEL of a batch operation."""
    return make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", intent, BatchOperationLifecycleManagement(phases=phases), key)


def migration(key: int, target: int, *mapping: str | tuple[str, str], variables: str = "") -> Record:
    """The command by which an instance goes on with another definition; a text maps an element to the same id."""
    pairs = [(each, each) if isinstance(each, str) else each for each in mapping]
    instructions = tuple(MappingInstruction(source_element_id=a, target_element_id=b) for a, b in pairs)
    value = ProcessInstanceMigration(
        target_process_definition_key=target, mapping_instructions=instructions, variables=variables
    )
    return make("PROCESS_INSTANCE_MIGRATION", "MIGRATE", value, key, request="gateway/8")


def migrate(s: Scenario, key: int, target: int, *mapping: str | tuple[str, str], variables: str = "") -> Moment:
    return s.when(migration(key, target, *mapping, variables=variables))


def equal_elements(source: Process, target: Process) -> list[tuple[str, str]]:
    """A mapping between two deployed processes."""
    return generate(*(_graph(deployed) for deployed in (source, target)))


def _graph(deployed: Process) -> Graph:
    graphs = parse(deployed.resource, deployed.resource_name)
    return next(graph for graph in graphs if graph.id == deployed.bpmn_process_id)
