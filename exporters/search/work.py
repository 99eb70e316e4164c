"""What process instances wait for: jobs, incidents, user tasks; see `fields` for what the words mean."""

from __future__ import annotations

from .enums import (
    ELEMENT_TYPES,
    ERROR_TYPES,
    INCIDENT_STATES,
    JOB_KINDS,
    JOB_STATES,
    LISTENER_EVENT_TYPES,
    USER_TASK_STATES,
    WAIT_STATE_TYPES,
)
from .fields import (
    BASIC_KEY,
    BOOLEAN,
    DATE,
    ENUM,
    INTEGER,
    KEY,
    OBJECT,
    STRING,
    STRINGS,
    Entity,
    Field,
    Owner,
    RelatedField,
    Relation,
    filter_only,
    shown_only,
)
from .instances import PROCESS_ID, PROCESS_INSTANCE, TENANT

JOB = Entity(
    "JOB",
    "jobs j LEFT JOIN definitions d ON d.key = j.definition_key"
    " LEFT JOIN process_instances p ON p.key = j.process_instance_key",
    ("j.key",),
    (
        Field("jobKey", KEY, "j.key"),
        Field("type", STRING, "j.type"),
        Field("kind", ENUM, "j.kind", JOB_KINDS, path="job_kind"),
        Field("listenerEventType", ENUM, "'UNSPECIFIED'", LISTENER_EVENT_TYPES),
        Field("state", ENUM, "j.state", JOB_STATES),
        Field("retries", INTEGER, "j.retries"),
        Field("worker", STRING, "j.worker"),
        Field("deadline", DATE, "nullif(j.deadline, -1)", nullable=True, path="deadline"),
        Field("priority", INTEGER, "j.priority"),
        Field("errorCode", STRING, "nullif(j.error_code, '')", nullable=True, path="error_code"),
        Field("errorMessage", STRING, "nullif(j.error_message, '')", nullable=True, path="error_message"),
        Field(
            "hasFailedWithRetriesLeft", BOOLEAN, "(j.state = 'FAILED' AND j.retries > 0)", path="failed_with_retries"
        ),
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
    definition="j.definition_key",
    # ours
    owners={"processInstance": Owner(PROCESS_INSTANCE, "p.key = j.process_instance_key")},
)

#: The process instance and those that it called, directly or not.
TREE = (
    "WITH RECURSIVE tree (key) AS (SELECT {top} UNION ALL"
    " SELECT c.key FROM process_instances c JOIN tree ON c.parent_key = tree.key) SELECT key FROM tree"
)
#: From the element instance of an incident outwards, over the calls of process instances too.
OUTWARDS = (
    "WITH RECURSIVE up (key) AS (SELECT i.element_instance_key UNION ALL"
    " SELECT coalesce((SELECT scope_key FROM element_instances WHERE key = up.key),"
    " (SELECT parent_element_key FROM process_instances WHERE key = up.key)) FROM up WHERE up.key IS NOT NULL)"
    " SELECT key FROM up"
)
INSTANCE_OF_ELEMENT = "(SELECT process_instance_key FROM element_instances WHERE key = {key})"

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
    definition="i.definition_key",
    within={
        "PROCESS_INSTANCE": f"i.process_instance_key IN ({TREE.replace('{top}', '{key}')})",
        "ELEMENT_INSTANCE": f"i.process_instance_key IN ({TREE.replace('{top}', INSTANCE_OF_ELEMENT)})"
        f" AND {{key}} IN ({OUTWARDS})",
    },
)

INSTANCE_VARIABLES = Relation(
    "INSTANCE_VARIABLES",
    "(SELECT * FROM variables WHERE scope_key = process_instance_key) r",
    "r.process_instance_key",
    "t.process_instance_key",
    "variables r INDEXED BY variables_instance",
    "r.process_instance_key = t.process_instance_key AND r.scope_key = t.process_instance_key",
)
LOCAL_VARIABLES = Relation(
    "LOCAL_VARIABLES",
    "variables r",
    "r.scope_key",
    "t.element_instance_key",
    "variables r INDEXED BY variables_instance",
    "r.process_instance_key = t.process_instance_key AND r.scope_key = t.element_instance_key",
)
CANDIDATE = Field("name", STRING, "r.name")


def _candidates(kind: str) -> RelatedField:
    source, match = "candidates r", f"r.user_task_key = t.key AND r.kind = '{kind}'"
    chosen = f"(SELECT * FROM candidates WHERE kind = '{kind}') r"
    return RelatedField(Relation(kind, chosen, "r.user_task_key", "t.key", source, match), CANDIDATE, many=True)


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
        shown_only("formKey", KEY, "t.form_key"),
        shown_only("customHeaders", OBJECT, "t.custom_headers"),
        Field("elementId", STRING, "t.element_id", sorts=False),
        Field("elementInstanceKey", KEY, "t.element_instance_key", sorts=False),
        Field("processDefinitionId", STRING, "d.process_id", sorts=False, nullable=True),
        shown_only("processDefinitionVersion", INTEGER, "d.version", path="process_version"),
        shown_only("processName", STRING, "d.name", path="process_name"),
        Field("processDefinitionKey", KEY, "t.definition_key", sorts=False),
        Field("processInstanceKey", KEY, "t.process_instance_key", sorts=False),
        shown_only("rootProcessInstanceKey", KEY, "t.root_key"),
        Field("businessId", STRING, "p.business_id", nullable=True),
        shown_only("tags", STRINGS, "p.tags"),
        Field("tenantId", STRING, "'<default>'", sorts=False),
    ),
    related={
        "candidateGroup": _candidates("GROUP"),
        "candidateUser": _candidates("USER"),
    },
    variables={"processInstanceVariables": INSTANCE_VARIABLES, "localVariables": LOCAL_VARIABLES},
    tags=Relation("TASK_TAGS", "tags r", "r.process_instance_key", "t.process_instance_key", "tags r"),
    alternatives=True,
    definition="t.definition_key",
)

WAIT_STATE = Entity(
    "WAIT_STATE",
    "wait_states w LEFT JOIN element_instances e ON e.key = w.element_instance_key"
    " LEFT JOIN definitions d ON d.key = w.definition_key",
    ("w.element_instance_key", "w.key"),
    (
        Field("elementInstanceKey", KEY, "w.element_instance_key"),
        Field("processInstanceKey", KEY, "w.process_instance_key"),
        Field("rootProcessInstanceKey", KEY, "w.root_key"),
        Field("elementId", STRING, "w.element_id"),
        Field("elementType", ENUM, "e.type", ELEMENT_TYPES, sorts=False, path="element_type"),
        filter_only("waitStateType", ENUM, "w.type", WAIT_STATE_TYPES, path="wait_state_type"),
        shown_only("bpmnProcessId", STRING, "d.process_id"),
        shown_only("details", OBJECT, "w.details"),
        shown_only("tenantId", STRING, TENANT.column),
    ),
)
