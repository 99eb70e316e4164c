"""What is on the wire, as Structs: one module a family, the mirror of `schemas/` (a test compares them).

Pure data, no behaviour. A field is camelCase in Avro and snake_case here, in the same order.
"""

from __future__ import annotations

from msgspec import Struct

from .batch_operation_chunk import BatchOperationChunk
from .batch_operation_creation import BatchOperationCreation
from .batch_operation_execution import BatchOperationExecution
from .batch_operation_initialization import BatchOperationInitialization
from .batch_operation_item import BatchOperationItem
from .batch_operation_lifecycle_management import BatchOperationLifecycleManagement
from .batch_operation_partition_lifecycle import BatchOperationPartitionLifecycle
from .clock import Clock
from .deployment import Deployment
from .incident import Incident
from .intake import Intake
from .job import Job
from .job_batch import JobBatch
from .log_generation import LogGeneration
from .partition_message import PartitionMessage
from .process import Process
from .process_instance import ProcessInstance
from .process_instance_business_id import ProcessInstanceBusinessId
from .process_instance_continuation import ProcessInstanceContinuation
from .process_instance_creation import ProcessInstanceCreation
from .process_instance_result import ProcessInstanceResult
from .schema import Schema
from .settings import Settings
from .user_task import UserTask
from .variable import Variable
from .variable_document import VariableDocument

__all__ = [
    "FAMILIES",
    "BatchOperationChunk",
    "BatchOperationCreation",
    "BatchOperationExecution",
    "BatchOperationInitialization",
    "BatchOperationItem",
    "BatchOperationLifecycleManagement",
    "BatchOperationPartitionLifecycle",
    "Clock",
    "Deployment",
    "Incident",
    "Intake",
    "Job",
    "JobBatch",
    "LogGeneration",
    "PartitionMessage",
    "Process",
    "ProcessInstance",
    "ProcessInstanceBusinessId",
    "ProcessInstanceContinuation",
    "ProcessInstanceCreation",
    "ProcessInstanceResult",
    "Schema",
    "Settings",
    "UserTask",
    "Variable",
    "VariableDocument",
]

#: value type -> Struct of its values, in a stable order
FAMILIES: dict[str, type[Struct]] = {
    "DEPLOYMENT": Deployment,
    "PROCESS": Process,
    "PROCESS_INSTANCE_CREATION": ProcessInstanceCreation,
    "PROCESS_INSTANCE_RESULT": ProcessInstanceResult,
    "PROCESS_INSTANCE": ProcessInstance,
    "PROCESS_INSTANCE_BUSINESS_ID": ProcessInstanceBusinessId,
    "PROCESS_INSTANCE_CONTINUATION": ProcessInstanceContinuation,
    "JOB": Job,
    "JOB_BATCH": JobBatch,
    "INCIDENT": Incident,
    "VARIABLE": Variable,
    "VARIABLE_DOCUMENT": VariableDocument,
    "USER_TASK": UserTask,
    "BATCH_OPERATION_CREATION": BatchOperationCreation,
    "BATCH_OPERATION_INITIALIZATION": BatchOperationInitialization,
    "BATCH_OPERATION_CHUNK": BatchOperationChunk,
    "BATCH_OPERATION_EXECUTION": BatchOperationExecution,
    "BATCH_OPERATION_ITEM": BatchOperationItem,
    "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": BatchOperationLifecycleManagement,
    "BATCH_OPERATION_PARTITION_LIFECYCLE": BatchOperationPartitionLifecycle,
    "CLOCK": Clock,
    "SETTINGS": Settings,
    "SCHEMA": Schema,
    "PARTITION_MESSAGE": PartitionMessage,
    "LOG_GENERATION": LogGeneration,
    "INTAKE": Intake,
}
