"""The same log projected twice: what the rows of SQLite say that the documents of OpenSearch must be.

The documents are told from the rows here, by joins, and from nothing that the OpenSearch exporter has; so both
projections are judged by each other.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.core.record import Record, partition_of
from exporters.contract import Exporter
from exporters.opensearch.indices import look
from exporters.opensearch.mappings import (
    BATCH_OPERATIONS,
    DECISION_DEFINITIONS,
    DECISION_INSTANCES,
    DECISION_REQUIREMENTS,
    DEFINITIONS,
    FORMS,
    INSTANCES,
    MESSAGE_CORRELATIONS,
    MESSAGE_SUBSCRIPTIONS,
)
from exporters.opensearch.node import Node
from exporters.sqlite.database import FILE_NAME

Document = dict[str, Any]
#: By index and id.
Documents = dict[tuple[str, str], Document]

#: index of documents that are rows as they are -> their table, and the columns that are their id
PLAIN = {
    FORMS: ("forms", ("key",)),
    DECISION_REQUIREMENTS: ("decision_requirements", ("key",)),
    DECISION_DEFINITIONS: ("decision_definitions", ("key",)),
    DECISION_INSTANCES: ("decision_instances", ("instance_key",)),
    MESSAGE_SUBSCRIPTIONS: ("message_subscriptions", ("key",)),
    MESSAGE_CORRELATIONS: ("message_correlations", ("message_key", "subscription_key")),
}

DEFINED = "x.definition_key, d.process_id"
JOINED = "x LEFT JOIN definitions d ON d.key = x.definition_key"

#: kind -> a query whose columns are the fields of its documents
KINDS = {
    "process_instance": f"""
        SELECT x.key, x.key AS process_instance_key, x.root_key, {DEFINED}, d.name AS process_name,
               d.version AS process_version, d.version_tag AS process_version_tag, x.state, x.start_date, x.end_date,
               x.parent_key, x.parent_element_key, x.tags AS tags__json, x.business_id, x.restarted_key,
               (SELECT json_group_array(element_id) FROM (SELECT element_id FROM sequence_flows
                WHERE process_instance_key = x.key ORDER BY element_id)) AS sequence_flows__json,
               (SELECT count(*) FROM incidents WHERE process_instance_key = x.key AND state = 'ACTIVE')
               AS active_incidents,
               EXISTS (SELECT 1 FROM incidents WHERE process_instance_key = x.key AND state = 'ACTIVE')
               AS has_incident__flag
        FROM process_instances {JOINED}""",
    "element_instance": f"""
        SELECT x.key, x.process_instance_key, x.root_key, {DEFINED}, x.scope_key, x.element_id,
               coalesce(n.name, x.element_id) AS element_name, x.type, x.state, x.start_date, x.end_date,
               (SELECT json_group_array(key) FROM (SELECT key FROM incidents
                WHERE element_instance_key = x.key AND state = 'ACTIVE' ORDER BY key)) AS incident_keys__json,
               (SELECT max(key) FROM incidents WHERE element_instance_key = x.key AND state = 'ACTIVE') AS incident_key
        FROM element_instances {JOINED}
        LEFT JOIN elements n ON n.definition_key = x.definition_key AND n.element_id = x.element_id""",
    "variable": """
        SELECT x.key, x.process_instance_key, x.root_key, x.name, x.scope_key,
               x.scope_key = x.process_instance_key AS of_instance__flag, x.value AS value__long,
               length(x.name) + length(x.value) AS size, x.initial AS initial__flag, i.value AS initial_value,
               nullif(x.initial * (length(x.name) + length(coalesce(i.value, x.value))), 0) AS initial_size
        FROM variables x LEFT JOIN initial_values i ON i.key = x.key""",
    "job": f"""
        SELECT x.key, x.process_instance_key, x.root_key, {DEFINED}, x.type, x.kind AS job_kind, x.state, x.retries,
               x.priority, x.state = 'FAILED' AND x.retries > 0 AS failed_with_retries__flag, x.worker,
               nullif(x.deadline, -1) AS deadline, nullif(x.custom_headers, '') AS custom_headers,
               nullif(x.error_code, '') AS error_code, nullif(x.error_message, '') AS error_message__long,
               x.element_id, x.element_instance_key, x.creation_time, x.last_update_time, x.end_time,
               e.type AS element_type
        FROM jobs {JOINED} LEFT JOIN element_instances e ON e.key = x.element_instance_key""",
    "incident": f"""
        SELECT x.key, x.process_instance_key, x.root_key, {DEFINED}, x.error_type,
               x.error_message AS error_message__long, x.error_hash, x.state, x.creation_time, x.element_id,
               x.element_instance_key, x.job_key
        FROM incidents {JOINED}""",
    "user_task": f"""
        SELECT x.key, x.process_instance_key, x.root_key, {DEFINED}, d.name AS process_name,
               d.version AS process_version, x.state, x.name, x.assignee, x.candidate_groups AS candidate_groups__json,
               x.candidate_users AS candidate_users__json, x.creation_date, x.completion_date, x.follow_up_date,
               x.due_date, x.priority, x.form_reference, x.form_key, x.element_id,
               nullif(x.custom_headers, '') AS custom_headers,
               x.element_instance_key, p.tags AS tags__json, p.business_id, e.type AS element_type
        FROM user_tasks {JOINED} LEFT JOIN process_instances p ON p.key = x.process_instance_key
        LEFT JOIN element_instances e ON e.key = x.element_instance_key""",
    "batch_item": """
        SELECT x.item_key AS key, nullif(x.process_instance_key, -1) AS process_instance_key,
               nullif(x.root_key, -1) AS root_key, x.batch_operation_key, x.item_key, x.state, x.processed_date,
               x.error_message, x.prediction, x.incident_key, nullif(x.unchanged, 0) AS unchanged__flag,
               x.replaced, nullif(x.replaced_size, 0) AS replaced_size,
               (SELECT max(type) FROM batch_operation_partitions o
                WHERE o.batch_operation_key = x.batch_operation_key) AS type
        FROM batch_items x""",
}
#: Of these OpenSearch keeps the first characters to find them by, and of longer ones what else it takes.
START_SIZE = 8191


async def export_records(exporter: Exporter, records: Sequence[Record], page_size: int = 1_000_000) -> None:
    """Export the records of one partition, in pages of whole steps."""
    page: list[Record] = []
    for offset, record in enumerate(records, 1):
        page.append(record)
        if len(page) >= page_size and record.index == record.step.step_count - 1:
            await exporter.export(record.step.partition_id, page, offset)
            page = []
    if page:
        await exporter.export(page[0].step.partition_id, page, len(records))


def expected_documents(folder: Path) -> Documents:
    """What the rows of `folder/search.db` say."""
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.row_factory = sqlite3.Row
    try:
        return dict([*_instances(connection), *_others(connection)])
    finally:
        connection.close()


def _instances(connection: sqlite3.Connection) -> Iterator[tuple[tuple[str, str], Document]]:
    for kind, query in KINDS.items():
        for row in connection.execute(query):
            document = _document(row)
            identity = str(document["key"])
            if kind == "batch_item":
                identity = f"{document['batch_operation_key']}-{identity}"
            owner = document.get("process_instance_key", document["key"])
            document["kind"] = kind if kind == "process_instance" else {"name": kind, "parent": str(owner)}
            document["partition_id"] = partition_of(document["key"])
            yield (INSTANCES, identity), document


def _others(connection: sqlite3.Connection) -> Iterator[tuple[tuple[str, str], Document]]:
    for row in connection.execute("SELECT * FROM definitions"):
        document = _document(row)
        query = "SELECT element_id, name FROM elements WHERE definition_key = ? ORDER BY element_id"
        document["elements"] = [_document(element) for element in connection.execute(query, [row["key"]])]
        yield (DEFINITIONS, str(row["key"])), document
    for index, (table, identity) in PLAIN.items():
        for row in connection.execute(f"SELECT * FROM {table}"):
            yield (index, _identity(row, identity)), _document(row)
    for row in connection.execute("SELECT * FROM batch_operation_partitions"):
        document = {**_document(row), "suspended": bool(row["suspended"])}
        yield (BATCH_OPERATIONS, f"{row['batch_operation_key']}-{row['partition_id']}"), document


def _document(row: sqlite3.Row) -> Document:
    """The fields of a row: what is NULL is missing."""
    document: Document = {}
    for column, value in zip(row.keys(), row, strict=True):
        name, _, what = column.partition("__")
        if value is None:
            continue
        if isinstance(value, bytes):
            value = b64encode(value).decode()
        if what == "json":
            value = json.loads(value)
            if not value:
                continue
        document[name] = bool(value) if what == "flag" else value
        if what == "long":
            document[f"{name}_start"] = value[:START_SIZE]
            if len(value) > START_SIZE:
                document[f"{name}_hash"], document[f"{name}_long"] = sha256(value.encode()).hexdigest(), value
    return document


def _identity(row: sqlite3.Row | Document, names: tuple[str, ...]) -> str:
    return "-".join(str(row[name]) for name in names)


async def stored_documents(node: Node, prefix: str) -> Documents:
    """What is behind the aliases of this prefix, without what SQLite does not know."""
    found: Documents = {}
    document: Document
    serving = (await look(node, prefix)).serving
    assert serving is not None
    for index, (_, identity) in PLAIN.items():
        for source in await node.all_of(serving.name(index)):
            document = json.loads(source)
            if identity[0] not in document:
                continue  # what is left of one that was deleted
            found[index, _identity(document, identity)] = {
                name: one for name, one in document.items() if one is not None
            }
    for index in (INSTANCES, DEFINITIONS, BATCH_OPERATIONS):
        for source in await node.all_of(serving.name(index)):
            document = {name: value for name, value in json.loads(source).items() if value is not None}
            if index == INSTANCES and "kind" not in document:
                continue  # likewise
            if index != DEFINITIONS:
                assert document.pop("position") > 0
            for name in ("sequence_flows", "incident_keys"):
                if name in document:
                    document[name].sort()
            for element in document.get("elements", ()):
                del element["type"]
            if index == DEFINITIONS:
                document["elements"].sort(key=lambda element: element["element_id"])
                identity = str(document["key"])
            elif index == BATCH_OPERATIONS:
                identity = f"{document['batch_operation_key']}-{document['partition_id']}"
            elif document["kind"] == "process_instance" or document["kind"]["name"] != "batch_item":
                identity = str(document["key"])
            else:
                identity = f"{document['batch_operation_key']}-{document['key']}"
            found[index, identity] = document
    return found


def assert_same(stored: Documents, expected: Documents) -> None:
    """Every document is every row; the first few differences are told."""
    batches = {one.get("batch_operation_key") for one in expected.values()}
    stored = {place: _comparable(one) for place, one in stored.items() if not _is_of_deleted_batch(one, batches)}
    expected = {place: _comparable(document) for place, document in expected.items()}
    differences = [
        f"{place}: expected {expected.get(place)}, got {stored.get(place)}"
        for place in sorted(expected.keys() | stored.keys())
        if expected.get(place) != stored.get(place)
    ]
    assert not differences, f"{len(differences)} differ: " + "\n".join(differences[:5])


def _is_of_deleted_batch(document: Document, batches: set[Any]) -> bool:
    """Of batch operations that were deleted, SQLite has nothing left; OpenSearch has what no search for them shows."""
    key = document.get("batch_operation_key")
    is_item = isinstance(document.get("kind"), dict) and document["kind"]["name"] == "batch_item"
    return key is not None and key not in batches and (is_item or bool(document.get("deleted")))


def _comparable(document: Document) -> Document:
    """Of which definitions a variable was is told by no row."""
    kind = document.get("kind")
    left_out = ("definition_key",) if isinstance(kind, dict) and kind["name"] == "variable" else ()
    return {name: value for name, value in document.items() if name not in left_out}


async def is_served(node: Node, prefix: str, generation: int) -> bool:
    """Whether the aliases name the set of this number, and no other set is there."""
    sets = await look(node, prefix)
    return bool(sets.serving and sets.serving.generation == generation and len(sets.whole) == 1)
