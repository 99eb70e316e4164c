"""The table of entities; see `fields` for what the words mean."""

from __future__ import annotations

from .enums import (
    ACTOR_TYPES,
    BATCH_STATES,
    BATCH_TYPES,
    DEFINITION_STATES,
    ELEMENT_STATES,
    ELEMENT_TYPES,
    ERROR_TYPES,
    INCIDENT_STATES,
    INSTANCE_STATES,
    ITEM_STATES,
    JOB_KINDS,
    JOB_STATES,
    LISTENER_EVENT_TYPES,
    USER_TASK_STATES,
)
from .fields import (
    BASIC_KEY,
    BEGINNING_SIZE,
    BOOLEAN,
    DATE,
    ENUM,
    ERRORS,
    INTEGER,
    KEY,
    OBJECT,
    STRING,
    STRING_KEY,
    STRINGS,
    Entity,
    Field,
    RelatedField,
    Relation,
    filter_only,
    shown_only,
)

#: Longer values of variables are cut in search results (as Camunda 8 does), in characters.
VALUE_SHOWN_MAX = 8191

#: No tenant is stored: there is one.
TENANT = Field("tenantId", STRING, "'<default>'")

PROCESS_ID = Field("processDefinitionId", STRING, "d.process_id", nullable=True)

PROCESS_DEFINITION = Entity(
    "PROCESS_DEFINITION",
    "definitions d",
    ("d.key",),
    (
        Field("processDefinitionKey", KEY, "d.key"),
        PROCESS_ID,
        Field("name", STRING, "d.name", nullable=True),
        Field("version", INTEGER, "d.version"),
        Field("versionTag", STRING, "d.version_tag", nullable=True),
        Field("resourceName", STRING, "d.resource_name"),
        TENANT,
        Field("hasStartForm", BOOLEAN, "0", sorts=False),
        Field("state", ENUM, "'ACTIVE'", DEFINITION_STATES, sorts=False),
        filter_only(
            "isLatestVersion",
            BOOLEAN,
            "(d.version = (SELECT max(x.version) FROM definitions x WHERE x.process_id = d.process_id))",
        ),
    ),
)

ACTIVE_INCIDENTS = Relation(
    "ACTIVE_INCIDENTS",
    "(SELECT * FROM incidents WHERE state = 'ACTIVE') r",
    "r.process_instance_key",
    "p.key",
    "(SELECT * FROM incidents INDEXED BY incidents_active_instance WHERE state = 'ACTIVE') r",
)
ELEMENTS = Relation("ELEMENTS", "element_instances r", "r.process_instance_key", "p.key", "element_instances r")
FAILED_JOBS = Relation(
    "FAILED_JOBS",
    "(SELECT * FROM jobs WHERE state = 'FAILED' AND retries > 0) r",
    "r.process_instance_key",
    "p.key",
    "(SELECT * FROM jobs INDEXED BY jobs_instance WHERE state = 'FAILED' AND retries > 0) r",
)
ITEMS = Relation(
    "ITEMS", "batch_items r", "r.process_instance_key", "p.key", "batch_items r INDEXED BY batch_items_instance"
)


#: By its own index the lookup of one owner stays short, however many instances have that value.
VARIABLES = Relation(
    "VARIABLES", "variables r", "r.process_instance_key", "p.key", "variables r INDEXED BY variables_instance"
)
VARIABLE_NAME = Field("name", STRING, "r.name")
VARIABLE_VALUE = Field("value", STRING, "r.value", beginning=f"substr(r.value, 1, {BEGINNING_SIZE})")
TAG = Field("tag", STRING, "r.value")
TAGS = Relation("TAGS", "json_each(p.tags) r")
BATCH_KEY = RelatedField(ITEMS, Field("batchOperationKey", STRING_KEY, "r.batch_operation_key"), many=True)

PROCESS_INSTANCE = Entity(
    "PROCESS_INSTANCE",
    "process_instances p LEFT JOIN definitions d ON d.key = p.definition_key",
    ("p.key",),
    (
        Field("processInstanceKey", KEY, "p.key"),
        PROCESS_ID,
        Field("processDefinitionName", STRING, "d.name", nullable=True),
        Field("processDefinitionVersion", INTEGER, "d.version", nullable=True),
        Field("processDefinitionVersionTag", STRING, "d.version_tag", nullable=True),
        Field("processDefinitionKey", KEY, "p.definition_key"),
        Field("parentProcessInstanceKey", KEY, "p.parent_key", nullable=True),
        Field("parentElementInstanceKey", KEY, "p.parent_element_key", nullable=True),
        shown_only("rootProcessInstanceKey", KEY, "p.root_key"),
        Field("startDate", DATE, "p.start_date"),
        Field("endDate", DATE, "p.end_date", nullable=True),
        Field("suspendedDate", DATE, "NULL", nullable=True),
        Field("state", ENUM, "p.state", INSTANCE_STATES),
        Field(
            "hasIncident",
            BOOLEAN,
            "EXISTS (SELECT 1 FROM incidents WHERE process_instance_key = p.key AND incidents.state = 'ACTIVE')",
            filters=False,
        ),
        TENANT,
        shown_only("tags", STRINGS, "p.tags"),
        Field("businessId", STRING, "p.business_id", nullable=True),
    ),
    related={
        "hasIncident": RelatedField(ACTIVE_INCIDENTS),
        "errorMessage": RelatedField(ACTIVE_INCIDENTS, Field("errorMessage", STRING, "r.error_message")),
        "incidentErrorHashCode": RelatedField(ACTIVE_INCIDENTS, Field("errorHash", INTEGER, "r.error_hash")),
        "elementId": RelatedField(ELEMENTS, Field("elementId", STRING, "r.element_id")),
        "elementInstanceState": RelatedField(ELEMENTS, Field("state", ENUM, "r.state", ELEMENT_STATES)),
        "hasElementInstanceIncident": RelatedField(
            ELEMENTS,
            Field(
                "hasIncident",
                BOOLEAN,
                "EXISTS (SELECT 1 FROM incidents WHERE element_instance_key = r.key AND incidents.state = 'ACTIVE')",
            ),
        ),
        "hasRetriesLeft": RelatedField(FAILED_JOBS),
        "batchOperationKey": BATCH_KEY,
        "batchOperationId": BATCH_KEY,
    },
    variables={"variables": VARIABLES},
    tags=TAGS,
    alternatives=True,
    synonyms=(("batchOperationId", "batchOperationKey"),),
)

ELEMENT_INSTANCE = Entity(
    "ELEMENT_INSTANCE",
    "element_instances e LEFT JOIN definitions d ON d.key = e.definition_key"
    " LEFT JOIN elements n ON n.definition_key = e.definition_key AND n.element_id = e.element_id",
    ("e.key",),
    (
        Field("elementInstanceKey", KEY, "e.key"),
        Field("processInstanceKey", KEY, "e.process_instance_key"),
        Field("processDefinitionKey", KEY, "e.definition_key"),
        shown_only("rootProcessInstanceKey", KEY, "e.root_key"),
        PROCESS_ID,
        Field("elementId", STRING, "e.element_id"),
        Field("elementName", STRING, "coalesce(n.name, e.element_id)"),
        Field("type", ENUM, "e.type", ELEMENT_TYPES),
        Field("state", ENUM, "e.state", ELEMENT_STATES),
        Field("startDate", DATE, "e.start_date"),
        Field("endDate", DATE, "e.end_date", nullable=True),
        Field(
            "hasIncident",
            BOOLEAN,
            "EXISTS (SELECT 1 FROM incidents WHERE element_instance_key = e.key AND incidents.state = 'ACTIVE')",
            sorts=False,
        ),
        Field(
            "incidentKey",
            KEY,
            "(SELECT max(x.key) FROM incidents x WHERE x.element_instance_key = e.key AND x.state = 'ACTIVE')",
            nullable=True,
        ),
        filter_only("elementInstanceScopeKey", KEY, "e.scope_key"),
        TENANT,
    ),
    alternatives=True,
)

VARIABLE = Entity(
    "VARIABLE",
    "variables v",
    ("v.key",),
    (
        Field("variableKey", KEY, "v.key"),
        Field("name", STRING, "v.name"),
        Field("value", STRING, "v.value", beginning=f"substr(v.value, 1, {BEGINNING_SIZE})"),
        Field("isTruncated", BOOLEAN, f"(length(v.value) > {VALUE_SHOWN_MAX})", sorts=False),
        Field("scopeKey", KEY, "v.scope_key"),
        Field("processInstanceKey", KEY, "v.process_instance_key"),
        shown_only("rootProcessInstanceKey", KEY, "v.root_key"),
        TENANT,
    ),
)

JOB = Entity(
    "JOB",
    "jobs j LEFT JOIN definitions d ON d.key = j.definition_key"
    " LEFT JOIN process_instances p ON p.key = j.process_instance_key",
    ("j.key",),
    (
        Field("jobKey", KEY, "j.key"),
        Field("type", STRING, "j.type"),
        Field("kind", ENUM, "j.kind", JOB_KINDS),
        Field("listenerEventType", ENUM, "'UNSPECIFIED'", LISTENER_EVENT_TYPES),
        Field("state", ENUM, "j.state", JOB_STATES),
        Field("retries", INTEGER, "j.retries"),
        Field("worker", STRING, "j.worker"),
        Field("deadline", DATE, "nullif(j.deadline, -1)", nullable=True),
        # a bare number would be the index of a column in ORDER BY
        Field("priority", INTEGER, "cast(0 AS INTEGER)"),
        Field("errorCode", STRING, "nullif(j.error_code, '')", nullable=True),
        Field("errorMessage", STRING, "nullif(j.error_message, '')", nullable=True),
        Field("hasFailedWithRetriesLeft", BOOLEAN, "(j.state = 'FAILED' AND j.retries > 0)"),
        Field("isDenied", BOOLEAN, "NULL", nullable=True),
        Field("deniedReason", STRING, "NULL", nullable=True),
        Field("elementId", STRING, "j.element_id"),
        Field("elementInstanceKey", KEY, "j.element_instance_key"),
        PROCESS_ID,
        Field("processDefinitionKey", KEY, "j.definition_key"),
        Field("processInstanceKey", KEY, "j.process_instance_key"),
        shown_only("rootProcessInstanceKey", KEY, "j.root_key"),
        shown_only("businessId", STRING, "p.business_id"),
        Field("creationTime", DATE, "j.creation_time"),
        Field("lastUpdateTime", DATE, "j.last_update_time", sorts=False),
        Field("endTime", DATE, "j.end_time", nullable=True),
        shown_only("customHeaders", OBJECT, "j.custom_headers"),
        TENANT,
    ),
)

INCIDENT = Entity(
    "INCIDENT",
    "incidents i LEFT JOIN definitions d ON d.key = i.definition_key",
    ("i.key",),
    (
        Field("incidentKey", BASIC_KEY, "i.key"),
        Field("errorType", ENUM, "i.error_type", ERROR_TYPES),
        Field("errorMessage", STRING, "i.error_message", sorts=False),
        Field("state", ENUM, "i.state", INCIDENT_STATES),
        Field("creationTime", DATE, "i.creation_time"),
        PROCESS_ID,
        Field("processDefinitionKey", KEY, "i.definition_key"),
        Field("processInstanceKey", KEY, "i.process_instance_key"),
        shown_only("rootProcessInstanceKey", KEY, "i.root_key"),
        Field("elementId", STRING, "i.element_id"),
        Field("elementInstanceKey", KEY, "i.element_instance_key"),
        Field("jobKey", KEY, "i.job_key", nullable=True),
        TENANT,
    ),
)

INSTANCE_VARIABLES = Relation(
    "INSTANCE_VARIABLES",
    "(SELECT * FROM variables WHERE scope_key = process_instance_key) r",
    "r.process_instance_key",
    "t.process_instance_key",
)
LOCAL_VARIABLES = Relation("LOCAL_VARIABLES", "variables r", "r.scope_key", "t.element_instance_key")

USER_TASK = Entity(
    "USER_TASK",
    "user_tasks t LEFT JOIN definitions d ON d.key = t.definition_key"
    " LEFT JOIN process_instances p ON p.key = t.process_instance_key",
    ("t.key",),
    (
        Field("userTaskKey", KEY, "t.key", sorts=False),
        Field("name", STRING, "t.name", nullable=True),
        Field("state", ENUM, "t.state", USER_TASK_STATES, sorts=False),
        Field("assignee", STRING, "t.assignee", sorts=False, nullable=True),
        shown_only("candidateGroups", STRINGS, "t.candidate_groups"),
        shown_only("candidateUsers", STRINGS, "t.candidate_users"),
        Field("creationDate", DATE, "t.creation_date"),
        Field("completionDate", DATE, "t.completion_date", nullable=True),
        Field("followUpDate", DATE, "t.follow_up_date", nullable=True),
        Field("dueDate", DATE, "t.due_date", nullable=True),
        Field("priority", INTEGER, "t.priority"),
        shown_only("externalFormReference", STRING, "t.form_reference"),
        shown_only("formKey", STRING, "NULL"),
        shown_only("customHeaders", OBJECT, "t.custom_headers"),
        Field("elementId", STRING, "t.element_id", sorts=False),
        Field("elementInstanceKey", KEY, "t.element_instance_key", sorts=False),
        Field("processDefinitionId", STRING, "d.process_id", sorts=False, nullable=True),
        shown_only("processDefinitionVersion", INTEGER, "d.version"),
        shown_only("processName", STRING, "d.name"),
        Field("processDefinitionKey", KEY, "t.definition_key", sorts=False),
        Field("processInstanceKey", KEY, "t.process_instance_key", sorts=False),
        shown_only("rootProcessInstanceKey", KEY, "t.root_key"),
        Field("businessId", STRING, "p.business_id", nullable=True),
        shown_only("tags", STRINGS, "p.tags"),
        Field("tenantId", STRING, "'<default>'", sorts=False),
    ),
    related={
        "candidateGroup": RelatedField(Relation("GROUPS", "json_each(t.candidate_groups) r"), TAG, many=True),
        "candidateUser": RelatedField(Relation("USERS", "json_each(t.candidate_users) r"), TAG, many=True),
    },
    variables={"processInstanceVariables": INSTANCE_VARIABLES, "localVariables": LOCAL_VARIABLES},
    tags=TAGS,
    alternatives=True,
)

BATCH_OPERATION = Entity(
    "BATCH_OPERATION",
    "batch_operations b",
    ("b.key",),
    (
        Field("batchOperationKey", BASIC_KEY, "b.key"),
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
)

ITEM_TYPE = "(SELECT max(type) FROM batch_operation_partitions o WHERE o.batch_operation_key = i.batch_operation_key)"

BATCH_OPERATION_ITEM = Entity(
    "BATCH_OPERATION_ITEM",
    "batch_items i",
    ("i.batch_operation_key", "i.item_key"),
    (
        Field("batchOperationKey", BASIC_KEY, "i.batch_operation_key"),
        Field("operationType", ENUM, ITEM_TYPE, BATCH_TYPES, sorts=False),
        Field("itemKey", BASIC_KEY, "i.item_key"),
        Field("processInstanceKey", KEY, "nullif(i.process_instance_key, -1)", nullable=True),
        shown_only("rootProcessInstanceKey", KEY, "nullif(i.root_key, -1)"),
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
        BATCH_OPERATION,
        BATCH_OPERATION_ITEM,
    )
}
