"""What is on the wire, as Structs: one module a family, the mirror of `schemas/` (a test compares them).

Pure data, no behaviour. A field is camelCase in Avro and snake_case here, in the same order.
"""

from __future__ import annotations

from msgspec import Struct

from .ad_hoc_sub_process_instruction import AdHocSubProcessInstruction
from .authorization import Authorization
from .batch_operation_chunk import BatchOperationChunk
from .batch_operation_creation import BatchOperationCreation
from .batch_operation_execution import BatchOperationExecution
from .batch_operation_incident import BatchOperationIncident
from .batch_operation_initialization import BatchOperationInitialization
from .batch_operation_item import BatchOperationItem
from .batch_operation_lifecycle_management import BatchOperationLifecycleManagement
from .batch_operation_partition_lifecycle import BatchOperationPartitionLifecycle
from .batch_operation_webhook import BatchOperationWebhook
from .clock import Clock
from .command_latency import CommandLatency
from .compensation_subscription import CompensationSubscription
from .decision import Decision
from .decision_evaluation import DecisionEvaluation
from .decision_requirements import DecisionRequirements
from .deployment import Deployment
from .escalation import Escalation
from .form import Form
from .group import Group
from .history_deletion import HistoryDeletion
from .incident import Incident
from .intake import Intake
from .job import Job
from .job_batch import JobBatch
from .log_generation import LogGeneration
from .message import Message
from .message_correlation import MessageCorrelation
from .message_start_event_subscription import MessageStartEventSubscription
from .message_subscription import MessageSubscription
from .multi_instance import MultiInstance
from .partition_message import PartitionMessage
from .process import Process
from .process_instance import ProcessInstance
from .process_instance_business_id import ProcessInstanceBusinessId
from .process_instance_call import ProcessInstanceCall
from .process_instance_continuation import ProcessInstanceContinuation
from .process_instance_creation import ProcessInstanceCreation
from .process_instance_migration import ProcessInstanceMigration
from .process_instance_modification import ProcessInstanceModification
from .process_instance_result import ProcessInstanceResult
from .process_message_subscription import ProcessMessageSubscription
from .schema import Schema
from .settings import Settings
from .signal import Signal
from .signal_subscription import SignalSubscription
from .timer import Timer
from .user import User
from .user_task import UserTask
from .variable import Variable
from .variable_document import VariableDocument

__all__ = [
    "FAMILIES",
    "AdHocSubProcessInstruction",
    "Authorization",
    "BatchOperationChunk",
    "BatchOperationCreation",
    "BatchOperationExecution",
    "BatchOperationIncident",
    "BatchOperationInitialization",
    "BatchOperationItem",
    "BatchOperationLifecycleManagement",
    "BatchOperationPartitionLifecycle",
    "BatchOperationWebhook",
    "Clock",
    "CommandLatency",
    "CompensationSubscription",
    "Decision",
    "DecisionEvaluation",
    "DecisionRequirements",
    "Deployment",
    "Escalation",
    "Form",
    "HistoryDeletion",
    "Group",
    "Incident",
    "Intake",
    "Job",
    "JobBatch",
    "LogGeneration",
    "Message",
    "MessageCorrelation",
    "MessageStartEventSubscription",
    "MessageSubscription",
    "MultiInstance",
    "PartitionMessage",
    "Process",
    "ProcessInstance",
    "ProcessInstanceBusinessId",
    "ProcessInstanceCall",
    "ProcessInstanceContinuation",
    "ProcessInstanceCreation",
    "ProcessInstanceModification",
    "ProcessInstanceMigration",
    "ProcessInstanceResult",
    "ProcessMessageSubscription",
    "Schema",
    "Settings",
    "Signal",
    "SignalSubscription",
    "Timer",
    "User",
    "UserTask",
    "Variable",
    "VariableDocument",
]

#: value type -> Struct of its values, in a stable order
FAMILIES: dict[str, type[Struct]] = {
    "DEPLOYMENT": Deployment,
    "PROCESS": Process,
    "DECISION_REQUIREMENTS": DecisionRequirements,
    "DECISION": Decision,
    "FORM": Form,
    "DECISION_EVALUATION": DecisionEvaluation,
    "PROCESS_INSTANCE_CREATION": ProcessInstanceCreation,
    "PROCESS_INSTANCE_RESULT": ProcessInstanceResult,
    "PROCESS_INSTANCE": ProcessInstance,
    "PROCESS_INSTANCE_BUSINESS_ID": ProcessInstanceBusinessId,
    "PROCESS_INSTANCE_MODIFICATION": ProcessInstanceModification,
    "PROCESS_INSTANCE_MIGRATION": ProcessInstanceMigration,
    "PROCESS_INSTANCE_CALL": ProcessInstanceCall,
    "PROCESS_INSTANCE_CONTINUATION": ProcessInstanceContinuation,
    "JOB": Job,
    "JOB_BATCH": JobBatch,
    "INCIDENT": Incident,
    "VARIABLE": Variable,
    "VARIABLE_DOCUMENT": VariableDocument,
    "USER_TASK": UserTask,
    "TIMER": Timer,
    "ESCALATION": Escalation,
    "SIGNAL": Signal,
    "SIGNAL_SUBSCRIPTION": SignalSubscription,
    "COMPENSATION_SUBSCRIPTION": CompensationSubscription,
    "MULTI_INSTANCE": MultiInstance,
    "AD_HOC_SUB_PROCESS_INSTRUCTION": AdHocSubProcessInstruction,
    "MESSAGE": Message,
    "MESSAGE_CORRELATION": MessageCorrelation,
    "MESSAGE_SUBSCRIPTION": MessageSubscription,
    "PROCESS_MESSAGE_SUBSCRIPTION": ProcessMessageSubscription,
    "MESSAGE_START_EVENT_SUBSCRIPTION": MessageStartEventSubscription,
    "BATCH_OPERATION_CREATION": BatchOperationCreation,
    "BATCH_OPERATION_INITIALIZATION": BatchOperationInitialization,
    "BATCH_OPERATION_CHUNK": BatchOperationChunk,
    "BATCH_OPERATION_EXECUTION": BatchOperationExecution,
    "BATCH_OPERATION_ITEM": BatchOperationItem,
    "BATCH_OPERATION_INCIDENT": BatchOperationIncident,
    "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": BatchOperationLifecycleManagement,
    "BATCH_OPERATION_PARTITION_LIFECYCLE": BatchOperationPartitionLifecycle,
    "BATCH_OPERATION_WEBHOOK": BatchOperationWebhook,
    "COMMAND_LATENCY": CommandLatency,
    "HISTORY_DELETION": HistoryDeletion,
    "USER": User,
    "GROUP": Group,
    "AUTHORIZATION": Authorization,
    "CLOCK": Clock,
    "SETTINGS": Settings,
    "SCHEMA": Schema,
    "PARTITION_MESSAGE": PartitionMessage,
    "LOG_GENERATION": LogGeneration,
    "INTAKE": Intake,
}
