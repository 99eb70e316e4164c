"""The table of entities, and those that belong to no process instance; see `fields` for what the words mean."""

from __future__ import annotations

from .decisions import DECISIONS
from .enums import ACTOR_TYPES, BATCH_STATES, BATCH_TYPES, ITEM_STATES
from .fields import BASIC_KEY, DATE, ENUM, ERRORS, INTEGER, KEY, STRING, Entity, Field, shown_only
from .forms import FORM
from .instances import ELEMENT_INSTANCE, PROCESS_DEFINITION, PROCESS_INSTANCE, TENANT, VARIABLE
from .messages import MESSAGES
from .work import INCIDENT, JOB, USER_TASK, WAIT_STATE

#: Files that are none of the kinds with searches of their own: none can be deployed yet.
RESOURCE = Entity(
    "RESOURCE",
    "(SELECT 0 AS key WHERE 0) r",
    ("r.key",),
    (
        Field("resourceKey", KEY, "r.key"),
        Field("resourceName", STRING, "NULL"),
        Field("resourceId", STRING, "NULL"),
        Field("version", INTEGER, "NULL"),
        Field("versionTag", STRING, "NULL", nullable=True),
        Field("deploymentKey", KEY, "NULL", shown=False),
        TENANT,
    ),
    made=True,
)

BATCH_OPERATION = Entity(
    "BATCH_OPERATION",
    "batch_operations b",
    ("b.key",),
    (
        Field("batchOperationKey", BASIC_KEY, "b.key", path="batch_operation_key"),
        shown_only("batchOperationType", STRING, "b.type"),
        Field("operationType", ENUM, "b.type", BATCH_TYPES, shown=False),
        Field("state", ENUM, "b.state", BATCH_STATES),
        Field("startDate", DATE, "b.start_date", filters=False, nullable=True),
        Field("endDate", DATE, "b.end_date", filters=False, nullable=True),
        Field("actorType", ENUM, "b.actor_type", ACTOR_TYPES, nullable=True),
        Field("actorId", STRING, "b.actor_id", nullable=True),
        shown_only("operationsTotalCount", INTEGER, "b.total"),
        shown_only("operationsFailedCount", INTEGER, "b.failed"),
        # as in Camunda 8, what was skipped counts as completed; the two counts after it are ours
        shown_only("operationsCompletedCount", INTEGER, "b.completed + b.skipped"),
        shown_only("operationsSkippedCount", INTEGER, "b.skipped"),
        shown_only("operationsCanceledCount", INTEGER, "b.canceled"),
        shown_only("errors", ERRORS, "coalesce(b.final_errors, b.errors)"),
    ),
    made=True,
)

ITEM_TYPE = "(SELECT max(type) FROM batch_operation_partitions o WHERE o.batch_operation_key = i.batch_operation_key)"

BATCH_OPERATION_ITEM = Entity(
    "BATCH_OPERATION_ITEM",
    "batch_items i",
    ("i.batch_operation_key", "i.item_key"),
    (
        Field("batchOperationKey", BASIC_KEY, "i.batch_operation_key"),
        Field("operationType", ENUM, ITEM_TYPE, BATCH_TYPES, sorts=False, path="type"),
        Field("itemKey", BASIC_KEY, "i.item_key"),
        Field(
            "processInstanceKey", KEY, "nullif(i.process_instance_key, -1)", nullable=True, path="process_instance_key"
        ),
        shown_only("rootProcessInstanceKey", KEY, "nullif(i.root_key, -1)", path="root_key"),
        Field("state", ENUM, "i.state", ITEM_STATES),
        Field("processedDate", DATE, "i.processed_date", filters=False, nullable=True),
        shown_only("errorMessage", STRING, "i.error_message"),
    ),
)

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        PROCESS_DEFINITION,
        PROCESS_INSTANCE,
        ELEMENT_INSTANCE,
        VARIABLE,
        JOB,
        INCIDENT,
        USER_TASK,
        WAIT_STATE,
        FORM,
        *DECISIONS,
        *MESSAGES,
        RESOURCE,
        BATCH_OPERATION,
        BATCH_OPERATION_ITEM,
    )
}
