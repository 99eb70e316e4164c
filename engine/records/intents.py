"""The intents of every family: commands are imperative, events are participles. The registry refuses gaps in them."""

from __future__ import annotations

from msgspec import Struct


class Intents(Struct, frozen=True, kw_only=True):
    """The intents of a family. `internal`: commands that only the engine gives, on its own topic."""

    commands: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


INTENTS: dict[str, Intents] = {
    "DEPLOYMENT": Intents(
        commands=("CREATE",),
        internal=("DISTRIBUTE", "ACKNOWLEDGE"),
        events=("CREATED", "DISTRIBUTED", "ACKNOWLEDGED", "FULLY_DISTRIBUTED"),
    ),
    "PROCESS": Intents(commands=(), events=("CREATED",)),
    "DECISION_REQUIREMENTS": Intents(events=("CREATED",)),
    "DECISION": Intents(events=("CREATED",)),
    "FORM": Intents(events=("CREATED",)),
    "DECISION_EVALUATION": Intents(commands=("EVALUATE",), events=("EVALUATED", "FAILED")),
    "PROCESS_INSTANCE_CREATION": Intents(commands=("CREATE",), events=("CREATED",)),
    "PROCESS_INSTANCE_RESULT": Intents(commands=(), events=("COMPLETED", "TERMINATED")),
    "PROCESS_INSTANCE": Intents(
        commands=("CANCEL", "SUSPEND", "RESUME"),
        events=(
            "ELEMENT_ACTIVATING",
            "ELEMENT_ACTIVATED",
            "ELEMENT_COMPLETING",
            "ELEMENT_COMPLETED",
            "ELEMENT_TERMINATING",
            "ELEMENT_TERMINATED",
            "ELEMENT_MIGRATED",
            "SEQUENCE_FLOW_TAKEN",
            "SEQUENCE_FLOW_DELETED",
            "SUSPENDED",
            "RESUMED",
            "DETACHED",
        ),
    ),
    "PROCESS_INSTANCE_BUSINESS_ID": Intents(commands=("ASSIGN",), events=("ASSIGNED",)),
    "PROCESS_INSTANCE_MIGRATION": Intents(commands=("MIGRATE",), events=("MIGRATED",)),
    "PROCESS_INSTANCE_MODIFICATION": Intents(commands=("MODIFY",), events=("MODIFIED",)),
    "PROCESS_INSTANCE_CALL": Intents(internal=("BEGIN", "RETURN", "TERMINATE", "THROW_ERROR", "ESCALATE")),
    "PROCESS_INSTANCE_CONTINUATION": Intents(internal=("CONTINUE",), events=("PAUSED", "CONTINUED")),
    "JOB": Intents(
        commands=("COMPLETE", "FAIL", "THROW_ERROR", "UPDATE"),
        events=(
            "CREATED",
            "ACTIVATED",
            "COMPLETED",
            "FAILED",
            "ERROR_THROWN",
            "TIMED_OUT",
            "RECURRED_AFTER_BACKOFF",
            "UPDATED",
            "MIGRATED",
            "CANCELED",
            "SUSPENDED",
            "RESUMED",
        ),
    ),
    "JOB_BATCH": Intents(commands=("ACTIVATE",), events=("ACTIVATED",)),
    "INCIDENT": Intents(commands=("RESOLVE",), events=("CREATED", "MIGRATED", "RESOLVED")),
    "VARIABLE": Intents(commands=(), events=("CREATED", "UPDATED", "MIGRATED")),
    "VARIABLE_DOCUMENT": Intents(commands=("UPDATE",), events=("UPDATED",)),
    "USER_TASK": Intents(
        commands=("ASSIGN", "CLAIM", "UPDATE", "COMPLETE"),
        events=("CREATED", "ASSIGNED", "UPDATED", "MIGRATED", "COMPLETED", "CANCELED"),
    ),
    "SIGNAL": Intents(commands=("BROADCAST",), internal=("TRIGGER",), events=("BROADCASTED", "TRIGGERED")),
    "SIGNAL_SUBSCRIPTION": Intents(events=("CREATED", "MIGRATED", "DELETED")),
    "COMPENSATION_SUBSCRIPTION": Intents(events=("CREATED", "MIGRATED", "TRIGGERED", "COMPLETED", "DELETED")),
    "MULTI_INSTANCE": Intents(events=("CREATED", "ITEMS_ADDED", "OUTPUT_COLLECTED", "OUTPUTS_DISCARDED")),
    "AD_HOC_SUB_PROCESS_INSTRUCTION": Intents(commands=("ACTIVATE",), events=("ACTIVATED", "COMPLETED")),
    "ESCALATION": Intents(events=("ESCALATED", "NOT_ESCALATED")),
    "TIMER": Intents(events=("CREATED", "MIGRATED", "TRIGGERED", "CANCELED", "SUSPENDED", "RESUMED")),
    "MESSAGE": Intents(commands=("PUBLISH",), events=("PUBLISHED", "EXPIRED")),
    "MESSAGE_CORRELATION": Intents(commands=("CORRELATE",), events=("CORRELATING", "CORRELATED", "NOT_CORRELATED")),
    "MESSAGE_SUBSCRIPTION": Intents(
        internal=("CREATE", "MIGRATE", "CORRELATE", "REJECT", "DELETE"),
        events=("CREATED", "MIGRATED", "CORRELATING", "CORRELATED", "REJECTED", "DELETED"),
    ),
    "PROCESS_MESSAGE_SUBSCRIPTION": Intents(
        internal=("CORRELATE",), events=("CREATED", "MIGRATED", "CORRELATED", "REJECTED", "DELETED")
    ),
    "MESSAGE_START_EVENT_SUBSCRIPTION": Intents(internal=("CORRELATE",), events=("CREATED", "CORRELATED", "DELETED")),
    "BATCH_OPERATION_CREATION": Intents(commands=("CREATE", "EXECUTE"), events=("CREATED", "EXECUTED")),
    "BATCH_OPERATION_INITIALIZATION": Intents(
        internal=("INITIALIZE", "FAIL", "VALIDATE"),
        events=("INITIALIZING", "RETRYING", "VALIDATED", "INITIALIZED", "FAILED"),
    ),
    "BATCH_OPERATION_CHUNK": Intents(internal=("CREATE",), events=("CREATED",)),
    "BATCH_OPERATION_EXECUTION": Intents(
        internal=("EXECUTE", "DRY_RUN"), events=("EXECUTED", "CONTINUED", "PAUSED", "YIELDING", "YIELDING_ENDED")
    ),
    "BATCH_OPERATION_ITEM": Intents(events=("RETRYING", "COMPLETED", "FAILED", "SKIPPED", "CANCELED")),
    "BATCH_OPERATION_INCIDENT": Intents(
        commands=("RESOLVE",), internal=("RESOLVE_SOME",), events=("CREATED", "RESOLVED")
    ),
    "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": Intents(
        commands=("SUSPEND", "RESUME", "CANCEL", "UPDATE", "RESOLVE_INCIDENTS", "SCHEDULE", "DELETE", "APPROVE"),
        internal=("START",),
        events=(
            "JUDGED",
            "APPROVED",
            "SUSPENDED",
            "RESUMED",
            "CANCELING",
            "UPDATED",
            "RESOLVING_INCIDENTS",
            "SCHEDULED",
            "COMPLETED",
            "PARTIALLY_COMPLETED",
            "FAILED",
            "CANCELED",
            "DELETING",
            "DELETED",
        ),
    ),
    "BATCH_OPERATION_PARTITION_LIFECYCLE": Intents(
        internal=(
            "COMPLETE_PARTITION",
            "FAIL_PARTITION",
            "CANCEL_PARTITION",
            "REPORT_PARTITION",
            "PACE_PARTITION",
            "VALIDATE_PARTITION",
            "CHECK_PARTITION",
            "ANSWER_PARTITION",
            "ABANDON_PARTITION",
        ),
        events=(
            "PARTITION_VALIDATED",
            "PARTITION_COMPLETED",
            "PARTITION_FAILED",
            "PARTITION_CANCELED",
            "PARTITION_REPORTED",
            "PARTITION_PACED",
            "PARTITION_CHECKED",
            "PARTITION_ANSWERED",
            "PARTITION_GIVEN_UP",
        ),
    ),
    "BATCH_OPERATION_WEBHOOK": Intents(
        internal=("REPORT_WEBHOOK",), events=("WEBHOOK_DELIVERED", "WEBHOOK_RETRYING", "WEBHOOK_FAILED")
    ),
    "COMMAND_LATENCY": Intents(internal=("MEASURE",), events=("MEASURED",)),
    "HISTORY_DELETION": Intents(
        commands=("DELETE", "SCHEDULE"), internal=("CONFIRM",), events=("DELETED", "SCHEDULED", "CONFIRMED")
    ),
    "USER": Intents(commands=("CREATE", "UPDATE", "DELETE"), events=("CREATED", "UPDATED", "DELETED")),
    "GROUP": Intents(
        commands=("CREATE", "UPDATE", "DELETE", "ADD_MEMBER", "REMOVE_MEMBER"),
        events=("CREATED", "UPDATED", "DELETED", "MEMBER_ADDED", "MEMBER_REMOVED"),
    ),
    "AUTHORIZATION": Intents(commands=("CREATE", "UPDATE", "DELETE"), events=("CREATED", "UPDATED", "DELETED")),
    "CLOCK": Intents(internal=("TICK",), events=("TIMER_DROPPED",)),
    "SETTINGS": Intents(internal=("UPDATE",), events=("UPDATED",)),
    "SCHEMA": Intents(internal=("REGISTER",), events=("REGISTERED",)),
    "LOG_GENERATION": Intents(internal=("RAISE",), events=("RAISED",)),
    "PARTITION_MESSAGE": Intents(commands=(), events=("SENT",)),
    "INTAKE": Intents(commands=(), events=()),
}
