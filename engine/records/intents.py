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
        commands=("CANCEL",),
        events=(
            "ELEMENT_ACTIVATING",
            "ELEMENT_ACTIVATED",
            "ELEMENT_COMPLETING",
            "ELEMENT_COMPLETED",
            "ELEMENT_TERMINATING",
            "ELEMENT_TERMINATED",
            "SEQUENCE_FLOW_TAKEN",
        ),
    ),
    "PROCESS_INSTANCE_BUSINESS_ID": Intents(commands=("ASSIGN",), events=("ASSIGNED",)),
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
            "CANCELED",
        ),
    ),
    "JOB_BATCH": Intents(commands=("ACTIVATE",), events=("ACTIVATED",)),
    "INCIDENT": Intents(commands=("RESOLVE",), events=("CREATED", "RESOLVED")),
    "VARIABLE": Intents(commands=(), events=("CREATED", "UPDATED")),
    "VARIABLE_DOCUMENT": Intents(commands=("UPDATE",), events=("UPDATED",)),
    "USER_TASK": Intents(
        commands=("ASSIGN", "CLAIM", "UPDATE", "COMPLETE"),
        events=("CREATED", "ASSIGNED", "UPDATED", "COMPLETED", "CANCELED"),
    ),
    "SIGNAL": Intents(commands=("BROADCAST",), internal=("TRIGGER",), events=("BROADCASTED", "TRIGGERED")),
    "SIGNAL_SUBSCRIPTION": Intents(events=("CREATED", "DELETED")),
    "COMPENSATION_SUBSCRIPTION": Intents(events=("CREATED", "TRIGGERED", "COMPLETED", "DELETED")),
    "MULTI_INSTANCE": Intents(events=("CREATED", "ITEMS_ADDED", "OUTPUT_COLLECTED", "OUTPUTS_DISCARDED")),
    "AD_HOC_SUB_PROCESS_INSTRUCTION": Intents(commands=("ACTIVATE",), events=("ACTIVATED", "COMPLETED")),
    "ESCALATION": Intents(events=("ESCALATED", "NOT_ESCALATED")),
    "TIMER": Intents(events=("CREATED", "TRIGGERED", "CANCELED")),
    "MESSAGE": Intents(commands=("PUBLISH",), events=("PUBLISHED", "EXPIRED")),
    "MESSAGE_CORRELATION": Intents(commands=("CORRELATE",), events=("CORRELATING", "CORRELATED", "NOT_CORRELATED")),
    "MESSAGE_SUBSCRIPTION": Intents(
        internal=("CREATE", "CORRELATE", "REJECT", "DELETE"),
        events=("CREATED", "CORRELATING", "CORRELATED", "REJECTED", "DELETED"),
    ),
    "PROCESS_MESSAGE_SUBSCRIPTION": Intents(
        internal=("CORRELATE",), events=("CREATED", "CORRELATED", "REJECTED", "DELETED")
    ),
    "MESSAGE_START_EVENT_SUBSCRIPTION": Intents(internal=("CORRELATE",), events=("CREATED", "CORRELATED", "DELETED")),
    "BATCH_OPERATION_CREATION": Intents(commands=("CREATE",), events=("CREATED",)),
    "BATCH_OPERATION_INITIALIZATION": Intents(
        internal=("INITIALIZE", "FAIL"), events=("INITIALIZING", "RETRYING", "INITIALIZED", "FAILED")
    ),
    "BATCH_OPERATION_CHUNK": Intents(internal=("CREATE",), events=("CREATED",)),
    "BATCH_OPERATION_EXECUTION": Intents(internal=("EXECUTE",), events=("EXECUTED",)),
    "BATCH_OPERATION_ITEM": Intents(commands=(), events=("COMPLETED", "FAILED", "SKIPPED", "CANCELED")),
    "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": Intents(
        commands=("SUSPEND", "RESUME", "CANCEL"),
        events=("SUSPENDED", "RESUMED", "CANCELING", "COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED"),
    ),
    "BATCH_OPERATION_PARTITION_LIFECYCLE": Intents(
        internal=("COMPLETE_PARTITION", "FAIL_PARTITION", "CANCEL_PARTITION"),
        events=("PARTITION_COMPLETED", "PARTITION_FAILED", "PARTITION_CANCELED"),
    ),
    "CLOCK": Intents(internal=("TICK",), events=("TIMER_DROPPED",)),
    "SETTINGS": Intents(internal=("UPDATE",), events=("UPDATED",)),
    "SCHEMA": Intents(internal=("REGISTER",), events=("REGISTERED",)),
    "LOG_GENERATION": Intents(internal=("RAISE",), events=("RAISED",)),
    "PARTITION_MESSAGE": Intents(commands=(), events=("SENT",)),
    "INTAKE": Intents(commands=(), events=()),
}
