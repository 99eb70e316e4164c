"""Reports: all rows about one thing, without filter, order and pages. Source: Camunda 8 REST API."""

from __future__ import annotations

from msgspec import Struct

from .fields import DATE, INTEGER, KEY, OBJECTS, STRING
from .filters import Conditions, Related
from .instances import ELEMENTS, PROCESS_INSTANCE
from .sqlite import Parameters, Query, where


class Report(Struct, frozen=True):
    """`query`: SQL about `:key`; `fields`: name and kind of its columns, in order."""

    query: str
    fields: tuple[tuple[str, str], ...]


#: An element with an incident does not count as active, as in Camunda 8.
BROKEN = "EXISTS (SELECT 1 FROM incidents i WHERE i.element_instance_key = r.key AND i.state = 'ACTIVE')"
STATES = f"""
count(*) FILTER (WHERE r.state = 'ACTIVE' AND NOT {BROKEN}), count(*) FILTER (WHERE r.state = 'TERMINATED'),
count(*) FILTER (WHERE r.state = 'ACTIVE' AND {BROKEN}), count(*) FILTER (WHERE r.state = 'COMPLETED')
"""
#: The body of a multi-instance activity counts only with an incident of its own, as in Camunda 8: what is in it counts.
COUNTED = f"(r.type != 'MULTI_INSTANCE_BODY' OR {BROKEN})"
#: One partition's part of a batch operation: what progress is made of.
PART_FIELDS = (
    ("partitionId", INTEGER),
    ("initializationDate", DATE),
    ("total", INTEGER),
    ("completed", INTEGER),
    ("failed", INTEGER),
    ("skipped", INTEGER),
    ("canceled", INTEGER),
    ("runningDate", INTEGER),
    ("runningDone", INTEGER),
    ("outcomeDate", INTEGER),
    ("failures", OBJECTS),
    ("log", OBJECTS),
    ("incidents", INTEGER),
    ("yieldingSince", DATE),
    ("yieldPause", INTEGER),
    ("silent", OBJECTS),
)
ELEMENT_FIELDS = tuple((name, STRING) for name in ("elementId", "active", "canceled", "incidents", "completed"))

REPORTS: dict[str, Report] = {
    "ELEMENTS": Report(
        f"""SELECT r.element_id, {STATES} FROM element_instances r
            WHERE r.process_instance_key = :key AND {COUNTED} GROUP BY r.element_id""",
        ELEMENT_FIELDS,
    ),
    # from the counts, so it costs the same for a million process instances
    "ELEMENTS_OF_DEFINITION": Report(
        """SELECT element_id, sum(active), sum(terminated), sum(broken), sum(completed)
           FROM (SELECT element_id, active, terminated, 0 AS broken, completed FROM element_counts
                 WHERE definition_key = :key AND element_id != ''
                 UNION ALL
                 SELECT r.element_id, -count(DISTINCT r.key) FILTER (WHERE r.type != 'MULTI_INSTANCE_BODY'), 0,
                        count(DISTINCT r.key), 0
                 FROM incidents i JOIN element_instances r ON r.key = i.element_instance_key
                 WHERE i.definition_key = :key AND i.state = 'ACTIVE' GROUP BY r.element_id)
           GROUP BY element_id""",
        ELEMENT_FIELDS,
    ),
    "WAIT_STATES": Report(
        """SELECT element_id, count(DISTINCT element_instance_key) FROM wait_states
           WHERE process_instance_key = :key GROUP BY element_id""",
        (("elementId", STRING), ("waitingCount", STRING)),
    ),
    "SEQUENCE_FLOWS": Report(
        """SELECT s.process_instance_key || '_' || s.element_id, s.process_instance_key, p.root_key, p.definition_key,
                  d.process_id, s.element_id, '<default>'
           FROM sequence_flows s JOIN process_instances p ON p.key = s.process_instance_key
           LEFT JOIN definitions d ON d.key = p.definition_key
           WHERE s.process_instance_key = :key ORDER BY s.element_id""",
        (
            ("sequenceFlowId", STRING),
            ("processInstanceKey", KEY),
            ("rootProcessInstanceKey", KEY),
            ("processDefinitionKey", KEY),
            ("processDefinitionId", STRING),
            ("elementId", STRING),
            ("tenantId", STRING),
        ),
    ),
    "BATCH_OPERATION_PARTS": Report(
        """SELECT partition_id, initialization_date, total, completed, failed, skipped, canceled, running_date,
                  running_done, outcome_date, failures, log, incidents, yielding_since, yield_pause,
                  silent
           FROM batch_operation_partitions WHERE batch_operation_key = :key AND NOT deleted ORDER BY partition_id""",
        PART_FIELDS,
    ),
    # from the root to the process instance itself; nothing for one that nobody called
    "CALL_HIERARCHY": Report(
        """WITH RECURSIVE up (key, depth) AS (
               SELECT key, 0 FROM process_instances WHERE key = :key AND parent_key IS NOT NULL UNION ALL
               SELECT p.parent_key, depth + 1 FROM process_instances p JOIN up ON p.key = up.key
               WHERE p.parent_key IS NOT NULL)
           SELECT p.key, p.definition_key, coalesce(d.name, d.process_id)
           FROM up JOIN process_instances p ON p.key = up.key LEFT JOIN definitions d ON d.key = p.definition_key
           ORDER BY up.depth DESC""",
        (("processInstanceKey", KEY), ("processDefinitionKey", KEY), ("processDefinitionName", STRING)),
    ),
}


def element_statistics_query(definition_key: int, conditions: Conditions) -> Query:
    """As ELEMENTS_OF_DEFINITION, of the instances that match. Conditions on elements also choose among these."""
    found = where(conditions)
    parameters: Parameters = [definition_key, definition_key, *found.parameters]
    text = f"""SELECT r.element_id, {STATES} FROM element_instances r
        WHERE {COUNTED} AND r.definition_key = ? AND r.process_instance_key IN
        (SELECT p.key FROM {PROCESS_INSTANCE.source} WHERE p.definition_key = ? AND {found.text})"""
    for condition in conditions:
        if isinstance(condition, Related) and condition.relation is ELEMENTS and not condition.negated:
            chosen = where(condition.conditions)
            text += f" AND {chosen.text}"
            parameters += chosen.parameters
    return Query(f"{text} GROUP BY r.element_id", parameters)
