"""Definitions, process instances, element instances and variables; see `fields` for what the words mean."""

from __future__ import annotations

import msgspec

from .enums import DEFINITION_STATES, ELEMENT_STATES, ELEMENT_TYPES, INSTANCE_STATES
from .fields import (
    BEGINNING_SIZE,
    BOOLEAN,
    DATE,
    ENUM,
    INTEGER,
    KEY,
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
        Field("hasStartForm", BOOLEAN, "(d.start_form_id IS NOT NULL)", sorts=False, path="has_start_form"),
        Field("state", ENUM, "'ACTIVE'", DEFINITION_STATES, sorts=False),
        filter_only(
            "isLatestVersion",
            BOOLEAN,
            "(d.version = (SELECT max(x.version) FROM definitions x WHERE x.process_id = d.process_id))",
            path="is_latest",
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
TAG = Field("tag", STRING, "r.tag")
TAGS = Relation("TAGS", "tags r", "r.process_instance_key", "p.key", "tags r")
BATCH_KEY = RelatedField(ITEMS, Field("batchOperationKey", STRING_KEY, "r.batch_operation_key"), many=True)

PROCESS_INSTANCE = Entity(
    "PROCESS_INSTANCE",
    "process_instances p LEFT JOIN definitions d ON d.key = p.definition_key",
    ("p.key",),
    (
        Field("processInstanceKey", KEY, "p.key"),
        PROCESS_ID,
        Field("processDefinitionName", STRING, "d.name", nullable=True, path="process_name"),
        Field("processDefinitionVersion", INTEGER, "d.version", nullable=True, path="process_version"),
        Field("processDefinitionVersionTag", STRING, "d.version_tag", nullable=True, path="process_version_tag"),
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
            path="has_incident",
        ),
        TENANT,
        shown_only("tags", STRINGS, "p.tags"),
        Field("businessId", STRING, "p.business_id", nullable=True),
        # ours
        Field("restartedProcessInstanceKey", KEY, "p.restarted_key", nullable=True),
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
                path="has_open_incident",
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
    definition="p.definition_key",
)

#: The filter of a definition's statistics: what says which definition is not in it.
INSTANCES_OF_DEFINITION = msgspec.structs.replace(
    PROCESS_INSTANCE,
    fields=tuple(field for field in PROCESS_INSTANCE.fields if not field.name.startswith("processDefinition")),
)

OPEN_INCIDENTS = Relation(
    "OPEN_INCIDENTS",
    "(SELECT * FROM incidents WHERE state = 'ACTIVE') r",
    "r.element_instance_key",
    "e.key",
    "(SELECT * FROM incidents INDEXED BY incidents_active_element WHERE state = 'ACTIVE') r",
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
        Field("elementName", STRING, "coalesce(n.name, e.element_id)", path="element_name"),
        Field("type", ENUM, "e.type", ELEMENT_TYPES),
        Field("state", ENUM, "e.state", ELEMENT_STATES),
        Field("startDate", DATE, "e.start_date"),
        Field("endDate", DATE, "e.end_date", nullable=True),
        Field(
            "hasIncident",
            BOOLEAN,
            "EXISTS (SELECT 1 FROM incidents WHERE element_instance_key = e.key AND incidents.state = 'ACTIVE')",
            sorts=False,
            filters=False,
            path="has_open_incident",
        ),
        Field(
            "incidentKey",
            KEY,
            "(SELECT max(x.key) FROM incidents x WHERE x.element_instance_key = e.key AND x.state = 'ACTIVE')",
            nullable=True,
            path="incident_key",
        ),
        filter_only("elementInstanceScopeKey", KEY, "e.scope_key"),
        TENANT,
    ),
    related={"hasIncident": RelatedField(OPEN_INCIDENTS)},
    alternatives=True,
    definition="e.definition_key",
)

#: The scopes whose variables a user task sees, from its own to that of the process instance.
SCOPES = (
    "WITH RECURSIVE up (key) AS (SELECT element_instance_key FROM user_tasks WHERE key = {key} UNION ALL"
    " SELECT e.scope_key FROM element_instances e JOIN up ON e.key = up.key) SELECT key FROM up"
)
VISIBLE = (
    "v.process_instance_key = (SELECT process_instance_key FROM user_tasks WHERE key = {key})"
    f" AND v.scope_key IN ({SCOPES})"
)
#: Of one name, the variable of the innermost scope: the scope that was made last.
EFFECTIVE = (
    f"{VISIBLE} AND NOT EXISTS (SELECT 1 FROM variables x WHERE x.process_instance_key = v.process_instance_key"
    f" AND x.name = v.name AND x.scope_key > v.scope_key AND x.scope_key IN ({SCOPES}))"
)

#: The scopes whose variables a process instance or an element instance sees, and of one name the innermost.
SEEN_SCOPES = (
    "WITH RECURSIVE up (key) AS (SELECT {key} UNION ALL"
    " SELECT e.scope_key FROM element_instances e JOIN up ON e.key = up.key) SELECT key FROM up"
)
SEEN = (
    "v.process_instance_key = coalesce((SELECT process_instance_key FROM element_instances WHERE key = {key}), {key})"
    f" AND v.scope_key IN ({SEEN_SCOPES})"
    " AND NOT EXISTS (SELECT 1 FROM variables x WHERE x.process_instance_key = v.process_instance_key"
    f" AND x.name = v.name AND x.scope_key > v.scope_key AND x.scope_key IN ({SEEN_SCOPES}))"
)

VARIABLE = Entity(
    "VARIABLE",
    "variables v",
    ("v.key",),
    (
        Field("variableKey", KEY, "v.key"),
        Field("name", STRING, "v.name"),
        Field("value", STRING, "v.value", beginning=f"substr(v.value, 1, {BEGINNING_SIZE})"),
        Field("isTruncated", BOOLEAN, f"(length(v.value) > {VALUE_SHOWN_MAX})", sorts=False, path="is_truncated"),
        Field("scopeKey", KEY, "v.scope_key"),
        Field("processInstanceKey", KEY, "v.process_instance_key"),
        shown_only("rootProcessInstanceKey", KEY, "v.root_key"),
        TENANT,
    ),
    within={"USER_TASK": VISIBLE, "EFFECTIVE": EFFECTIVE, "SCOPE": SEEN},
)

VARIABLE_NAMES = Entity(
    "VARIABLE_NAME",
    "variable_names n",
    ("n.name",),
    (Field("name", STRING, "n.name", sorts=False),),
    within={"PROCESS_DEFINITION": "n.definition_key = {key}"},
    made=True,  # a name tells rows apart only within a definition
)
