"""Statistics that are searched like entities: rows made by grouping, with orders and pages of their own.

Rule: what only grows with everything ever started is read from kept counts; what is open now, from partial indexes.
Source: Camunda 8 REST API. Jobs are counted by what the projection knows of them now: of those created in the window
all count as created, those that are completed as completed, those whose last try failed or threw an error as failed.
"""

from __future__ import annotations

from msgspec import structs

from .fields import BOOLEAN, DATE, INTEGER, KEY, METRIC, STRING, Entity, Field, filter_only, made_field
from .instances import TENANT, VARIABLE_NAMES
from .messages import MESSAGE_SUBSCRIPTION

#: Definitions, how many instances of each are active, and how many of those have an open incident.
ACTIVE_INSTANCES = """
SELECT d.key, d.process_id, d.version, d.name,
       coalesce((SELECT sum(active) FROM element_counts WHERE definition_key = d.key AND element_id = ''), 0) AS active,
       (SELECT count(DISTINCT process_instance_key) FROM incidents
        WHERE definition_key = d.key AND state = 'ACTIVE') AS broken
FROM definitions d WHERE {matching}
"""
TENANT_SHOWN = made_field("tenantId", STRING, TENANT.column)
WITH_INCIDENT = made_field("activeInstancesWithIncidentCount", INTEGER, "s.broken")
WITHOUT_INCIDENT = made_field("activeInstancesWithoutIncidentCount", INTEGER, "s.active - s.broken")

PROCESS_INSTANCES_BY_PROCESS = Entity(
    "PROCESS_INSTANCES_BY_PROCESS",
    f"""(SELECT process_id, name, max(version), count(*) > 1 AS several, sum(active) AS active, sum(broken) AS broken
         FROM ({ACTIVE_INSTANCES}) GROUP BY process_id HAVING sum(active) > 0) s""",
    ("s.process_id",),
    (
        made_field("processDefinitionId", STRING, "s.process_id"),
        made_field("tenantId", STRING, TENANT.column, sorts=False),
        made_field("latestProcessDefinitionName", STRING, "s.name", sorts=False),
        made_field("hasMultipleVersions", BOOLEAN, "s.several", sorts=False),
        WITHOUT_INCIDENT,
        WITH_INCIDENT,
    ),
    made=True,
)

PROCESS_INSTANCES_BY_VERSION = Entity(
    "PROCESS_INSTANCES_BY_VERSION",
    f"(SELECT * FROM ({ACTIVE_INSTANCES}) WHERE active > 0) s",
    ("s.key",),
    (
        made_field("processDefinitionId", STRING, "s.process_id"),
        Field("processDefinitionId", STRING, "d.process_id", sorts=False, shown=False, only="$eq"),
        made_field("processDefinitionKey", KEY, "s.key"),
        made_field("processDefinitionName", STRING, "s.name", nullable=True),
        made_field("processDefinitionVersion", INTEGER, "s.version"),
        made_field("tenantId", STRING, TENANT.column, sorts=False),
        Field("tenantId", STRING, TENANT.column, sorts=False, shown=False, only="$eq"),
        WITH_INCIDENT,
        WITHOUT_INCIDENT,
    ),
    required=("processDefinitionId",),
    made=True,
)

WITH_ERROR = made_field("activeInstancesWithErrorCount", INTEGER, "s.instances")

PROCESS_INSTANCES_BY_ERROR = Entity(
    "PROCESS_INSTANCES_BY_ERROR",
    """(SELECT error_hash, min(error_message) AS error_message, count(DISTINCT process_instance_key) AS instances
        FROM incidents WHERE state = 'ACTIVE' GROUP BY error_hash) s""",
    ("s.error_hash",),
    (
        made_field("errorHashCode", INTEGER, "s.error_hash", sorts=False),
        made_field("errorMessage", STRING, "s.error_message"),
        WITH_ERROR,
    ),
    made=True,
)

PROCESS_INSTANCES_BY_DEFINITION = Entity(
    "PROCESS_INSTANCES_BY_DEFINITION",
    """(SELECT i.definition_key AS key, d.process_id, coalesce(d.name, d.process_id) AS name, d.version,
               count(DISTINCT i.process_instance_key) AS instances
        FROM incidents i JOIN definitions d ON d.key = i.definition_key
        WHERE i.state = 'ACTIVE' AND {matching} GROUP BY i.definition_key) s""",
    ("s.key",),
    (
        Field("errorHashCode", INTEGER, "i.error_hash", sorts=False, shown=False, only="$eq"),
        made_field("processDefinitionId", STRING, "s.process_id", sorts=False),
        made_field("processDefinitionKey", KEY, "s.key"),
        made_field("processDefinitionName", STRING, "s.name", sorts=False),
        made_field("processDefinitionVersion", INTEGER, "s.version", sorts=False),
        TENANT_SHOWN,
        WITH_ERROR,
    ),
    required=("errorHashCode",),
    made=True,
)

METRICS = """
json_array(count(*), max(j.creation_time)) AS created,
json_array(count(*) FILTER (WHERE j.state = 'COMPLETED'),
           max(j.end_time) FILTER (WHERE j.state = 'COMPLETED')) AS completed,
json_array(count(*) FILTER (WHERE j.state IN ('FAILED', 'ERROR_THROWN')),
           max(j.last_update_time) FILTER (WHERE j.state IN ('FAILED', 'ERROR_THROWN'))) AS failed
"""
METRIC_FIELDS = tuple(made_field(name, METRIC, f"s.{name}", sorts=False) for name in ("created", "completed", "failed"))
WINDOW = (
    Field("from", DATE, "j.creation_time", sorts=False, shown=False, only="$gte"),
    Field("to", DATE, "j.creation_time", sorts=False, shown=False, only="$lt"),
)
JOB_TYPE = Field("jobType", STRING, "j.type", sorts=False, shown=False, only="$eq")

JOBS_IN_ALL = Entity(
    "JOBS_IN_ALL",
    f"(SELECT 1 AS one, {METRICS} FROM jobs j WHERE {{matching}}) s",
    ("s.one",),
    (*WINDOW, JOB_TYPE, *METRIC_FIELDS),
    required=("from", "to"),
    made=True,
)

JOBS_BY_TYPE = Entity(
    "JOBS_BY_TYPE",
    f"""(SELECT j.type, count(DISTINCT nullif(j.worker, '')) AS workers, {METRICS}
         FROM jobs j WHERE {{matching}} GROUP BY j.type) s""",
    ("s.type",),
    (
        *WINDOW,
        filter_only("jobType", STRING, "j.type"),
        made_field("jobType", STRING, "s.type", sorts=False),
        *METRIC_FIELDS,
        made_field("workers", INTEGER, "s.workers", sorts=False),
    ),
    required=("from", "to"),
    made=True,
)

JOBS_BY_WORKER = Entity(
    "JOBS_BY_WORKER",
    f"(SELECT j.worker, {METRICS} FROM jobs j WHERE j.worker != '' AND {{matching}} GROUP BY j.worker) s",
    ("s.worker",),
    (*WINDOW, JOB_TYPE, made_field("worker", STRING, "s.worker", sorts=False), *METRIC_FIELDS),
    required=("from", "to", "jobType"),
    made=True,
)

#: `{key}`: the resolution in milliseconds.
JOBS_BY_TIME = Entity(
    "JOBS_BY_TIME",
    f"""(SELECT j.creation_time / {{key}} * {{key}} AS time, {METRICS}
         FROM jobs j WHERE {{matching}} GROUP BY j.creation_time / {{key}}) s""",
    ("s.time",),
    (*WINDOW, JOB_TYPE, made_field("time", DATE, "s.time", sorts=False), *METRIC_FIELDS),
    required=("from", "to", "jobType"),
    within={"RESOLUTION": "1"},
    made=True,
)

JOBS_BY_ERROR = Entity(
    "JOBS_BY_ERROR",
    """(SELECT j.error_code, j.error_message, count(DISTINCT nullif(j.worker, '')) AS workers
        FROM jobs j WHERE j.state IN ('FAILED', 'ERROR_THROWN') AND {matching}
        GROUP BY j.error_code, j.error_message) s""",
    ("s.error_code", "s.error_message"),
    (
        *WINDOW,
        JOB_TYPE,
        filter_only("errorCode", STRING, "j.error_code"),
        filter_only("errorMessage", STRING, "j.error_message"),
        made_field("errorCode", STRING, "s.error_code", sorts=False),
        made_field("errorMessage", STRING, "s.error_message", sorts=False),
        made_field("workers", INTEGER, "s.workers", sorts=False),
    ),
    required=("from", "to", "jobType"),
    made=True,
)

#: Those that wait now, by definition. A filter names fields of subscriptions.
MESSAGE_SUBSCRIPTIONS_BY_DEFINITION = Entity(
    "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION",
    """(SELECT m.definition_key, m.process_id, count(DISTINCT m.process_instance_key) AS instances,
               count(*) AS subscriptions
        FROM message_subscriptions m WHERE m.state = 'CREATED' AND {matching} GROUP BY m.definition_key) s""",
    ("s.definition_key",),
    (
        *(structs.replace(field, sorts=False, shown=False) for field in MESSAGE_SUBSCRIPTION.filters().values()),
        made_field("processDefinitionId", STRING, "s.process_id", sorts=False),
        made_field("processDefinitionKey", KEY, "s.definition_key", sorts=False),
        made_field("tenantId", STRING, TENANT.column, sorts=False),
        made_field("processInstancesWithActiveSubscriptions", INTEGER, "s.instances", sorts=False),
        made_field("activeSubscriptions", INTEGER, "s.subscriptions", sorts=False),
    ),
    made=True,
)

STATISTICS: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        PROCESS_INSTANCES_BY_PROCESS,
        PROCESS_INSTANCES_BY_VERSION,
        PROCESS_INSTANCES_BY_ERROR,
        PROCESS_INSTANCES_BY_DEFINITION,
        JOBS_IN_ALL,
        JOBS_BY_TYPE,
        JOBS_BY_WORKER,
        JOBS_BY_TIME,
        JOBS_BY_ERROR,
        VARIABLE_NAMES,
        MESSAGE_SUBSCRIPTIONS_BY_DEFINITION,
    )
}
