"""The indices and their explicit mappings.

Columns are those of `exporters/sqlite/schema.sql`: keys and times (milliseconds since 1970, UTC) are `long`, a missing
field is what NULL is there. Differences, each because documents cannot be joined freely:

* what belongs to a process instance lies in one index with it, tied by the join field `kind` (parent: the instance);
* the columns of the definition, and the name of the element, are in the documents themselves;
* tags, candidates, sequence flows taken and elements of a definition are lists in their owner's document;
* how many incidents are open is counted in the process instance, which ones is kept in the element instance.

Rule: nothing is mapped by guessing (`dynamic: strict`). Any change here, or of what is written, raises SCHEMA_VERSION:
new indices are then filled from the log while the old ones serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Raised with every change of the mappings or of what documents hold.
SCHEMA_VERSION = 5

INSTANCES = "instances"
DEFINITIONS = "definitions"
BATCH_OPERATIONS = "batch-operations"
FORMS = "forms"
DECISION_REQUIREMENTS = "decision-requirements"
DECISION_DEFINITIONS = "decision-definitions"
DECISION_INSTANCES = "decision-instances"
IDENTITIES = "identities"
MESSAGE_SUBSCRIPTIONS = "message-subscriptions"
MESSAGE_CORRELATIONS = "message-correlations"
POSITIONS = "positions"
REJECTED = "rejected"

#: The values of the join field `kind`.
PROCESS_INSTANCE = "process_instance"
ELEMENT_INSTANCE = "element_instance"
VARIABLE = "variable"
JOB = "job"
INCIDENT = "incident"
USER_TASK = "user_task"
BATCH_ITEM = "batch_item"
CHILDREN = (ELEMENT_INSTANCE, VARIABLE, JOB, INCIDENT, USER_TASK, BATCH_ITEM)

#: Terms have at most 32,766 bytes, which is this many characters of four: longer words are kept, but not found.
WORD_SIZE_MAX = 8_191
#: Terms of one query, as many as a filter may have (`exporters.search.filters.TERMS_MAX`).
TERMS_MAX = 100_000

Mapping_ = dict[str, Any]

LONG: Mapping_ = {"type": "long"}
PARTITION: Mapping_ = {"type": "integer"}
FLAG: Mapping_ = {"type": "boolean"}
WORD: Mapping_ = {"type": "keyword", "ignore_above": WORD_SIZE_MAX}
#: Only kept in the document: no filter, no order.
KEPT_TEXT: Mapping_ = {"type": "keyword", "index": False, "doc_values": False}
KEPT_NUMBER: Mapping_ = {"type": "long", "index": False, "doc_values": False}
#: A number that may be searched for by its digits too, as NAME.digits.
DIGITS: Mapping_ = {"type": "long", "fields": {"digits": WORD}}
#: Found by patterns, however long: without doc values, which have a limit.
PATTERNS: Mapping_ = {"type": "wildcard", "doc_values": False}
#: Kept as it is, whatever it holds.
KEPT_OBJECT: Mapping_ = {"type": "object", "enabled": False}


def long_text(name: str) -> dict[str, Mapping_]:
    """A text of any length: kept whole, found by its first WORD_SIZE_MAX characters, NAME_start.

    A longer one has its SHA-256 (hex), NAME_hash, to be equal by, and is whole in NAME_long, for patterns.
    """
    # not WORD: these characters may be twice as many of UTF-16, which is what `ignore_above` counts
    start = {"type": "keyword"}
    return {name: KEPT_TEXT, f"{name}_start": start, f"{name}_hash": WORD, f"{name}_long": PATTERNS}


#: What every document of PREFIX-instances has, and what it has of its definition.
COMMON = {
    "kind": {
        "type": "join",
        "relations": {PROCESS_INSTANCE: list(CHILDREN)},
        # or every refresh would number all instances again, whether anybody asks for a relation or not
        "eager_global_ordinals": False,
    },
    "partition_id": PARTITION,
    "key": LONG,
    "position": LONG,
    "process_instance_key": LONG,
    "root_key": LONG,
    "definition_key": LONG,
    "process_id": WORD,
    "process_name": WORD,
    "process_version": LONG,
    "process_version_tag": WORD,
}

INSTANCES_FIELDS: dict[str, Mapping_] = {
    **COMMON,
    "state": WORD,
    "type": WORD,
    "name": WORD,
    "element_id": WORD,
    "element_name": WORD,
    "element_type": WORD,
    "element_instance_key": LONG,
    "scope_key": LONG,
    "start_date": LONG,
    "end_date": LONG,
    "parent_key": LONG,
    "parent_element_key": LONG,
    "tags": WORD,
    "business_id": WORD,
    "sequence_flows": WORD,
    "active_incidents": LONG,
    "has_incident": FLAG,
    "incident_keys": LONG,
    "incident_key": LONG,
    "of_instance": FLAG,
    "restarted_key": LONG,
    **long_text("value"),
    "size": KEPT_NUMBER,
    "initial": FLAG,
    "initial_value": KEPT_TEXT,
    "initial_size": KEPT_NUMBER,
    "job_kind": WORD,
    "retries": LONG,
    "failed_with_retries": FLAG,
    "worker": WORD,
    "deadline": LONG,
    "custom_headers": KEPT_TEXT,
    "error_code": WORD,
    **long_text("error_message"),
    "creation_time": LONG,
    "last_update_time": LONG,
    "end_time": LONG,
    "error_type": WORD,
    "error_hash": LONG,
    "job_key": LONG,
    "assignee": WORD,
    "candidate_groups": WORD,
    "candidate_users": WORD,
    "creation_date": LONG,
    "completion_date": LONG,
    "follow_up_date": LONG,
    "due_date": LONG,
    "priority": LONG,
    "form_reference": KEPT_TEXT,
    "form_key": KEPT_NUMBER,
    "batch_operation_key": DIGITS,
    "item_key": LONG,
    "unchanged": FLAG,
    "processed_date": LONG,
    "prediction": KEPT_TEXT,
    "replaced": KEPT_TEXT,
    "replaced_size": KEPT_NUMBER,
}

#: The same document arrives from every partition: it has neither `partition_id` nor `position`.
DEFINITIONS_FIELDS: dict[str, Mapping_] = {
    "key": LONG,
    "process_id": WORD,
    "version": LONG,
    "version_tag": WORD,
    "name": WORD,
    "resource_name": WORD,
    "resource": {"type": "binary"},
    "deployment_key": KEPT_NUMBER,
    "start_form_id": WORD,
    "elements": KEPT_OBJECT,
}

COUNTS = ("total", "completed", "failed", "skipped", "canceled")

BATCH_OPERATIONS_FIELDS: dict[str, Mapping_] = {
    "partition_id": PARTITION,
    "position": LONG,
    "batch_operation_key": LONG,
    "type": WORD,
    "actor_type": WORD,
    "actor_id": WORD,
    "creation_date": LONG,
    "initialization_date": LONG,
    "suspended": FLAG,
    "held": KEPT_TEXT,
    **dict.fromkeys(COUNTS, LONG),
    "errors": KEPT_TEXT,
    "final_state": WORD,
    "final_date": LONG,
    "final_errors": KEPT_TEXT,
    **{f"final_{name}": LONG for name in COUNTS},
    "name": KEPT_TEXT,
    "labels": KEPT_TEXT,
    "reason": KEPT_TEXT,
    "start_at": LONG,
    "parent_key": LONG,
    "rate": KEPT_NUMBER,
    "slice_size": LONG,
    "suspension_reason": KEPT_TEXT,
    "running_date": LONG,
    "running_done": LONG,
    "outcome_date": LONG,
    "failures": KEPT_TEXT,
    "log": KEPT_TEXT,
    "incidents": LONG,
    "pause_windows": KEPT_TEXT,
    "paused_until": LONG,
    "deleted": FLAG,
    "dry_run": FLAG,
    "undoable": FLAG,
    "plan_key": LONG,
    "approved_by": KEPT_TEXT,
    "yielding_since": LONG,
    "yield_pause": LONG,
    "silent": KEPT_TEXT,
    "silent_since": LONG,
    "undoes": FLAG,
    "keep_plan": FLAG,
    "max_failures": KEPT_TEXT,
    "retry_policy": KEPT_TEXT,
    "webhook": KEPT_TEXT,
    "partitions": LONG,
}

#: Of these, too, the same documents arrive from every partition.
FORMS_FIELDS: dict[str, Mapping_] = {"key": LONG, "form_id": WORD, "version": LONG, "content": KEPT_TEXT}
DECISION_REQUIREMENTS_FIELDS: dict[str, Mapping_] = {
    "key": LONG,
    "requirements_id": WORD,
    "version": LONG,
    "name": WORD,
    "resource_name": WORD,
    "resource": {"type": "binary"},
    "deployment_key": KEPT_NUMBER,
}
DECISION_DEFINITIONS_FIELDS: dict[str, Mapping_] = {
    "key": LONG,
    "decision_id": WORD,
    "version": LONG,
    "version_tag": WORD,
    "name": WORD,
    "requirements_key": LONG,
    "requirements_id": WORD,
    "requirements_name": WORD,
    "requirements_version": LONG,
}

#: All that is left, where documents have no position otherwise, of one that was deleted.
LEFT = {"partition_id": PARTITION, "position": LONG}

#: Written once.
DECISION_INSTANCES_FIELDS: dict[str, Mapping_] = {
    **LEFT,
    "evaluation_key": LONG,
    "number": LONG,
    "instance_key": WORD,
    "state": WORD,
    "evaluation_date": LONG,
    "failure": WORD,
    "result": KEPT_TEXT,
    "decision_key": LONG,
    "decision_id": WORD,
    "decision_name": WORD,
    "decision_version": LONG,
    "decision_type": WORD,
    "root_decision_key": LONG,
    "requirements_key": LONG,
    "process_definition_key": LONG,
    "process_instance_key": LONG,
    "root_key": LONG,
    "element_instance_key": LONG,
    "business_id": WORD,
    "inputs": KEPT_TEXT,
    "rules": KEPT_TEXT,
}

#: What is told of the message that is waited for, and of who waits.
WAITING_FIELDS: dict[str, Mapping_] = {
    "message_name": WORD,
    "correlation_key": WORD,
    "process_id": WORD,
    "definition_key": LONG,
    "process_instance_key": LONG,
    "root_key": KEPT_NUMBER,
    "element_id": WORD,
    "element_instance_key": LONG,
}
#: Both are written whole by each record about one.
MESSAGE_SUBSCRIPTIONS_FIELDS: dict[str, Mapping_] = {
    **LEFT,
    "key": LONG,
    "type": WORD,
    "state": WORD,
    "last_updated": LONG,
    **WAITING_FIELDS,
}
MESSAGE_CORRELATIONS_FIELDS: dict[str, Mapping_] = {
    **LEFT,
    "message_key": LONG,
    "subscription_key": LONG,
    "correlation_time": LONG,
    **WAITING_FIELDS,
}

#: Written whole by each record about one. `kind` says what it is: see `exporters/identities.py`.
IDENTITIES_FIELDS: dict[str, Mapping_] = {
    "key": LONG,
    "kind": WORD,
    "owner_type": WORD,
    "owner_id": WORD,
    "name": WORD,
    "email": WORD,
    "description": KEPT_TEXT,
    "password_hash": KEPT_TEXT,
    "group_id": WORD,
    "resource_type": WORD,
    "resource_id": WORD,
    "permission_types": KEPT_TEXT,
}

POSITIONS_FIELDS: dict[str, Mapping_] = {
    "partition_id": PARTITION,
    "position": LONG,
    "next_offset": LONG,
    "timestamp": LONG,
    "exporter": WORD,
}

REJECTED_FIELDS: dict[str, Mapping_] = {
    "partition_id": PARTITION,
    "position": LONG,
    "timestamp": LONG,
    "index": WORD,
    "id": WORD,
    "reason": KEPT_TEXT,
    "size": LONG,
    "document": KEPT_TEXT,
    "lost_changes": LONG,
    "taken_position": LONG,
    "owners": LONG,
}

#: index (without prefix and version) -> its fields
FIELDS: Mapping[str, dict[str, Mapping_]] = {
    INSTANCES: INSTANCES_FIELDS,
    DEFINITIONS: DEFINITIONS_FIELDS,
    BATCH_OPERATIONS: BATCH_OPERATIONS_FIELDS,
    FORMS: FORMS_FIELDS,
    DECISION_REQUIREMENTS: DECISION_REQUIREMENTS_FIELDS,
    DECISION_DEFINITIONS: DECISION_DEFINITIONS_FIELDS,
    DECISION_INSTANCES: DECISION_INSTANCES_FIELDS,
    IDENTITIES: IDENTITIES_FIELDS,
    MESSAGE_SUBSCRIPTIONS: MESSAGE_SUBSCRIPTIONS_FIELDS,
    MESSAGE_CORRELATIONS: MESSAGE_CORRELATIONS_FIELDS,
    POSITIONS: POSITIONS_FIELDS,
    REJECTED: REJECTED_FIELDS,
}

#: Small or few: one shard is enough, whatever the settings say.
ONE_SHARD = (
    DEFINITIONS,
    BATCH_OPERATIONS,
    FORMS,
    DECISION_REQUIREMENTS,
    DECISION_DEFINITIONS,
    IDENTITIES,
    POSITIONS,
    REJECTED,
)


def index_body(index: str, *, shards: int, replicas: int) -> dict[str, Any]:
    """What an index of this kind is created with."""
    mappings: dict[str, Any] = {"dynamic": "strict", "properties": dict(FIELDS[index])}
    if index == INSTANCES:
        mappings["_routing"] = {"required": True}
    settings = {
        "number_of_shards": 1 if index in ONE_SHARD else shards,
        "number_of_replicas": replicas,
        # the exporter refreshes when it has written: then it knows what is searchable, and says so by a position
        "refresh_interval": "200ms" if index == POSITIONS else "-1",
        "max_terms_count": TERMS_MAX,
    }
    return {"settings": {"index": settings}, "mappings": mappings}


def alias_of(prefix: str, index: str) -> str:
    """The name by which searches know an index."""
    return f"{prefix}-{index}"
