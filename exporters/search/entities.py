"""The table of entities, and those that belong to no process instance; see `fields` for what the words mean."""

from __future__ import annotations

from .decisions import DECISIONS
from .enums import ACTOR_TYPES, BATCH_STATES, BATCH_TYPES, ITEM_STATES
from .fields import (
    BASIC_KEY,
    BOOLEAN,
    DATE,
    ENUM,
    ERRORS,
    INTEGER,
    KEY,
    NULLABLE_OBJECT,
    NUMBER,
    STRING,
    STRINGS,
    Entity,
    Field,
    Relation,
    shown_only,
)
from .forms import FORM
from .identities import IDENTITIES
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

#: Said of a batch operation that did nothing, which is seldom what was meant.
NOTHING_MATCHED = "nothing matched: expected at least one item, got none; check the filter, or what it retries"
NO_ITEM_MATCHED = f"CASE WHEN b.state = 'COMPLETED' AND b.total = 0 THEN '{NOTHING_MATCHED}' END"

_LABELED = "(SELECT o.batch_operation_key, l.value AS tag FROM batch_operation_partitions o, json_each(o.labels) l) r"
BATCH_LABELS = Relation("BATCH_LABELS", _LABELED, "r.batch_operation_key", "b.key", _LABELED)

BATCH_OPERATION = Entity(
    "BATCH_OPERATION",
    "batch_operations b",
    ("b.key",),
    (
        Field("batchOperationKey", BASIC_KEY, "b.key", path="batch_operation_key"),
        shown_only("batchOperationType", STRING, "b.type"),
        Field("operationType", ENUM, "b.type", BATCH_TYPES, shown=False),
        Field("state", ENUM, "b.state", BATCH_STATES),
        Field("startDate", DATE, "b.start_date", nullable=True),
        Field("endDate", DATE, "b.end_date", nullable=True),
        Field("actorType", ENUM, "b.actor_type", ACTOR_TYPES, nullable=True),
        Field("actorId", STRING, "b.actor_id", nullable=True),
        Field("operationsTotalCount", INTEGER, "b.total"),
        Field("operationsFailedCount", INTEGER, "b.failed"),
        # as in Camunda 8, what was skipped counts as completed; the two counts after it are ours
        shown_only("operationsCompletedCount", INTEGER, "b.completed + b.skipped"),
        shown_only("operationsSkippedCount", INTEGER, "b.skipped"),
        shown_only("operationsCanceledCount", INTEGER, "b.canceled"),
        shown_only("errors", ERRORS, "coalesce(b.final_errors, b.errors)"),
        # from here on all is ours
        Field("creationDate", DATE, "b.creation_date"),
        Field("name", STRING, "b.name", nullable=True),
        shown_only("labels", STRINGS, "b.labels"),
        Field("reason", STRING, "b.reason", nullable=True),
        shown_only("startAt", DATE, "b.start_at"),
        Field("parentBatchOperationKey", BASIC_KEY, "b.parent_key", nullable=True),
        shown_only("undoes", BOOLEAN, "b.undoes"),
        shown_only("rate", NUMBER, "b.rate"),
        shown_only("sliceSize", INTEGER, "b.slice_size"),
        shown_only("maxFailures", NULLABLE_OBJECT, "b.max_failures"),
        shown_only("retryPolicy", NULLABLE_OBJECT, "b.retry_policy"),
        shown_only("webhook", STRING, "b.webhook"),
        shown_only("suspensionReason", STRING, "b.suspension_reason"),
        Field("dryRun", BOOLEAN, "b.dry_run", sorts=False),
        shown_only("keepPlan", BOOLEAN, "b.keep_plan"),
        Field("undoable", BOOLEAN, "b.undoable", sorts=False),
        Field("planBatchOperationKey", BASIC_KEY, "b.plan_key", sorts=False, nullable=True),
        shown_only("approvedBy", STRING, "b.approved_by"),
        shown_only("heldPhases", STRINGS, "b.held"),
        shown_only("incidentsCount", INTEGER, "b.incidents"),
        shown_only("pauseWindows", STRINGS, "b.pause_windows"),
        shown_only("pausedUntil", DATE, "b.paused_until"),
        shown_only("yieldingSince", DATE, "b.yielding_since"),
        shown_only("silentSince", DATE, "b.silent_since"),
        shown_only("warning", STRING, NO_ITEM_MATCHED),
    ),
    tags=BATCH_LABELS,
    tags_name="labels",
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
        # ours: of the record on the log that says so, on the partition of the item's key
        shown_only("position", INTEGER, "i.position"),
        shown_only("prediction", STRING, "i.prediction"),
        # ours: while it waits for somebody
        Field("incidentKey", KEY, "i.incident_key", sorts=False, nullable=True, path="incident_key"),
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
        *IDENTITIES,
        *MESSAGES,
        RESOURCE,
        BATCH_OPERATION,
        BATCH_OPERATION_ITEM,
    )
}
