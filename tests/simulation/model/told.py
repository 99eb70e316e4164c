"""What the model tells of each event, and which events it foretells at all."""

from __future__ import annotations

#: What an event of the life of a batch operation says besides numbers, unless it is about that.
UNSAID_OF_LIFE: dict[str, object] = {
    "phases": (),
    "resolution": "",
    "rate": -1.0,
    "slice_size": -1,
    "pause_windows": (),
    "partition_rate": 0.0,
    "removal_time": 0,
}

_COUNTS = ("total", "completed", "failed", "skipped", "canceled")
#: (value type, intent) -> fields of the value that the model tells; an intent of "" stands for all others.
TOLD: dict[tuple[str, str], tuple[str, ...]] = {
    ("DEPLOYMENT", ""): (),
    ("PROCESS", ""): ("bpmn_process_id", "bpmn_version"),
    ("PROCESS_INSTANCE_CREATION", ""): ("process_definition_key",),
    ("PROCESS_INSTANCE", ""): ("element_id", "flow_scope_key"),
    ("PROCESS_INSTANCE_RESULT", ""): ("variables",),
    ("PROCESS_INSTANCE_BUSINESS_ID", ""): ("business_id",),
    ("PROCESS_INSTANCE_MIGRATION", ""): ("process_definition_key", "target_process_definition_key"),
    ("JOB", ""): (),
    ("JOB", "CREATED"): ("element_instance_key", "type", "retries", "priority"),
    ("JOB", "ACTIVATED"): ("worker", "deadline", "variables"),
    ("JOB", "FAILED"): ("retries", "deadline"),
    ("JOB", "ERROR_THROWN"): ("error_code",),
    ("JOB", "UPDATED"): ("changed_attributes", "retries", "deadline", "priority"),
    ("JOB_BATCH", ""): ("job_keys",),
    ("ESCALATION", ""): ("escalation_code", "throw_element_id", "catch_element_id"),
    ("TIMER", ""): ("element_instance_key", "target_element_id", "due_date", "repetitions"),
    ("INCIDENT", ""): ("element_instance_key",),
    ("INCIDENT", "CREATED"): ("element_instance_key", "error_type", "job_key"),
    ("VARIABLE", ""): ("scope_key", "name", "value"),
    ("VARIABLE_DOCUMENT", ""): ("scope_key",),
    ("USER_TASK", ""): ("element_instance_key", "assignee"),
    ("USER_TASK", "CREATED"): ("element_instance_key", "assignee", "form_key"),
    ("BATCH_OPERATION_CREATION", ""): ("batch_operation_type", "lead_partition", "actor_type", "actor_id"),
    ("BATCH_OPERATION_INITIALIZATION", ""): ("cursor", "page_size", "attempts", "total"),
    ("BATCH_OPERATION_CHUNK", ""): ("items",),
    ("HISTORY_DELETION", ""): ("resource_type", "exported_position", "removal_time"),
    ("BATCH_OPERATION_EXECUTION", ""): ("item_count", "retry_count", "paused_until"),
    ("BATCH_OPERATION_EXECUTION", "YIELDING"): ("yield_pause", "latency"),
    ("BATCH_OPERATION_EXECUTION", "YIELDING_ENDED"): ("yield_pause", "latency"),
    ("COMMAND_LATENCY", ""): ("latency", "commands", "pause"),
    ("BATCH_OPERATION_ITEM", ""): ("batch_operation_key", "error_code", "attempts", "retry_at"),
    ("BATCH_OPERATION_INCIDENT", ""): ("batch_operation_key", "item_key", "error_code", "resolution"),
    ("BATCH_OPERATION_WEBHOOK", ""): ("url", "attempts", "retry_at"),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", ""): (*_COUNTS, *UNSAID_OF_LIFE),
    ("BATCH_OPERATION_PARTITION_LIFECYCLE", ""): ("source_partition_id", "rate", *_COUNTS),
    ("USER", ""): ("username",),
    ("GROUP", ""): ("group_id", "member_type", "member_id"),
    ("AUTHORIZATION", ""): ("owner_type", "owner_id", "resource_type", "resource_id", "permission_types"),
    ("SETTINGS", ""): (),
    ("SCHEMA", ""): ("fingerprint",),
    ("PARTITION_MESSAGE", ""): ("receiver_partition", "message"),
    ("DECISION_REQUIREMENTS", ""): ("decision_requirements_id", "decision_requirements_version"),
    ("DECISION", ""): ("decision_id", "decision_version"),
    ("FORM", ""): ("form_id", "form_version"),
    ("DECISION_EVALUATION", ""): ("decision_key", "decision_output", "element_instance_key"),
    ("SIGNAL", "BROADCASTED"): ("signal_name", "variables"),
    ("SIGNAL", "TRIGGERED"): ("signal_name", "after"),
    ("SIGNAL_SUBSCRIPTION", ""): ("signal_name", "element_instance_key", "process_definition_key", "element_id"),
    ("MESSAGE", ""): ("name", "correlation_key"),
    ("MESSAGE", "PUBLISHED"): ("name", "correlation_key", "message_id", "variables", "deadline"),
    ("MESSAGE_CORRELATION", ""): ("process_instance_key",),
    ("MESSAGE_SUBSCRIPTION", ""): ("element_instance_key", "message_name", "correlation_key", "message_key"),
    ("MESSAGE_START_EVENT_SUBSCRIPTION", ""): (
        "process_definition_key",
        "start_event_id",
        "message_name",
        "message_key",
    ),
    ("PROCESS_MESSAGE_SUBSCRIPTION", ""): (
        "element_instance_key",
        "element_id",
        "message_name",
        "correlation_key",
    ),
    ("COMPENSATION_SUBSCRIPTION", ""): (
        "compensable_activity_id",
        "compensable_activity_instance_key",
        "compensation_handler_instance_key",
        "throw_event_instance_key",
    ),
    ("AD_HOC_SUB_PROCESS_INSTRUCTION", ""): ("element_id", "cancel_remaining_instances"),
    ("MULTI_INSTANCE", "CREATED"): ("total",),
    ("MULTI_INSTANCE", "ITEMS_ADDED"): ("number", "items"),
    ("MULTI_INSTANCE", "OUTPUT_COLLECTED"): ("number", "output"),
    ("MULTI_INSTANCE", "OUTPUTS_DISCARDED"): ("number",),
    ("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED"): ("element_instance_key", "element_id", "message_key", "variables"),
    ("PROCESS_MESSAGE_SUBSCRIPTION", "REJECTED"): ("element_instance_key", "message_key"),
}

#: Messages between partitions of which the model tells what they are about; of others only that they are sent.
TOLD_APART = ("MESSAGE_SUBSCRIPTION", "PROCESS_MESSAGE_SUBSCRIPTION", "SIGNAL")

_LIFECYCLE = "ACTIVATING ACTIVATED COMPLETING COMPLETED TERMINATING TERMINATED MIGRATED"
#: (value type, intent) of the events that the model foretells; others make it look away.
KNOWN = {
    (family, intent)
    for family, intents in {
        "DEPLOYMENT": "CREATED DISTRIBUTED ACKNOWLEDGED FULLY_DISTRIBUTED",
        "PROCESS": "CREATED",
        "PROCESS_INSTANCE_CREATION": "CREATED",
        "PROCESS_INSTANCE_RESULT": "COMPLETED TERMINATED",
        "PROCESS_INSTANCE_BUSINESS_ID": "ASSIGNED",
        "PROCESS_INSTANCE": " ".join(
            [
                "SEQUENCE_FLOW_TAKEN SEQUENCE_FLOW_DELETED SUSPENDED RESUMED",
                *(f"ELEMENT_{name}" for name in _LIFECYCLE.split()),
            ]
        ),
        "PROCESS_INSTANCE_MIGRATION": "MIGRATED",
        "JOB": "CREATED MIGRATED ACTIVATED COMPLETED FAILED ERROR_THROWN TIMED_OUT RECURRED_AFTER_BACKOFF UPDATED "
        "CANCELED SUSPENDED RESUMED",
        "JOB_BATCH": "ACTIVATED",
        "ESCALATION": "ESCALATED NOT_ESCALATED",
        "TIMER": "CREATED MIGRATED TRIGGERED CANCELED SUSPENDED RESUMED",
        "INCIDENT": "CREATED MIGRATED RESOLVED",
        "VARIABLE": "CREATED UPDATED MIGRATED",
        "VARIABLE_DOCUMENT": "UPDATED",
        "USER_TASK": "CREATED MIGRATED ASSIGNED UPDATED COMPLETED CANCELED",
        "BATCH_OPERATION_CREATION": "CREATED EXECUTED",
        "BATCH_OPERATION_INITIALIZATION": "INITIALIZING RETRYING INITIALIZED FAILED VALIDATED",
        "BATCH_OPERATION_CHUNK": "CREATED",
        "BATCH_OPERATION_EXECUTION": "EXECUTED CONTINUED PAUSED YIELDING YIELDING_ENDED",
        "COMMAND_LATENCY": "MEASURED",
        "BATCH_OPERATION_ITEM": "RETRYING COMPLETED FAILED SKIPPED CANCELED",
        "BATCH_OPERATION_INCIDENT": "CREATED RESOLVED",
        "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": "SUSPENDED RESUMED CANCELING UPDATED SCHEDULED DELETED "
        "JUDGED APPROVED "
        "RESOLVING_INCIDENTS "
        "COMPLETED PARTIALLY_COMPLETED FAILED CANCELED",
        "HISTORY_DELETION": "DELETED SCHEDULED CONFIRMED",
        "BATCH_OPERATION_PARTITION_LIFECYCLE": "PARTITION_COMPLETED PARTITION_FAILED PARTITION_CANCELED "
        "PARTITION_REPORTED PARTITION_PACED PARTITION_CHECKED PARTITION_ANSWERED PARTITION_GIVEN_UP "
        "PARTITION_VALIDATED",
        "BATCH_OPERATION_WEBHOOK": "WEBHOOK_RETRYING WEBHOOK_DELIVERED WEBHOOK_FAILED",
        "USER": "CREATED UPDATED DELETED",
        "GROUP": "CREATED UPDATED DELETED MEMBER_ADDED MEMBER_REMOVED",
        "AUTHORIZATION": "CREATED UPDATED DELETED",
        "SETTINGS": "UPDATED",
        "SCHEMA": "REGISTERED",
        "PARTITION_MESSAGE": "SENT",
        "DECISION_REQUIREMENTS": "CREATED",
        "DECISION": "CREATED",
        "FORM": "CREATED",
        "DECISION_EVALUATION": "EVALUATED FAILED",
        "COMPENSATION_SUBSCRIPTION": "CREATED MIGRATED TRIGGERED COMPLETED DELETED",
        "AD_HOC_SUB_PROCESS_INSTRUCTION": "ACTIVATED COMPLETED",
        "MULTI_INSTANCE": "CREATED ITEMS_ADDED OUTPUT_COLLECTED OUTPUTS_DISCARDED",
        "SIGNAL": "BROADCASTED TRIGGERED",
        "SIGNAL_SUBSCRIPTION": "CREATED MIGRATED DELETED",
        "MESSAGE": "PUBLISHED EXPIRED",
        "MESSAGE_CORRELATION": "CORRELATING CORRELATED NOT_CORRELATED",
        "MESSAGE_SUBSCRIPTION": "CREATED MIGRATED CORRELATING CORRELATED REJECTED DELETED",
        "MESSAGE_START_EVENT_SUBSCRIPTION": "CREATED CORRELATED DELETED",
        "PROCESS_MESSAGE_SUBSCRIPTION": "CREATED MIGRATED CORRELATED REJECTED DELETED",
    }.items()
    for intent in intents.split()
}


def told_fields(value_type: str, intent: str) -> tuple[str, ...]:
    """The fields that a fact of this kind has."""
    fields = TOLD.get((value_type, intent))
    return TOLD[value_type, ""] if fields is None else fields
