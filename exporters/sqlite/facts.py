"""Facts of process instances, as `Search.facts` of the core's ports."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from engine.core.ports import INITIAL_VARIABLES, NO_VARIABLES
from engine.records.batch_operation_chunk import ItemFacts
from exporters.search.facts import VARIABLES_SIZE_MAX, replaced_by, with_variables, within_size

KEYS = "(SELECT value FROM json_each(?))"
INSTANCES = f"SELECT key, definition_key, state, business_id, tags, end_date FROM process_instances WHERE key IN {KEYS}"
EVALUATIONS = (
    "SELECT evaluation_key, max(state), max(evaluation_date) FROM decision_instances"
    f" WHERE evaluation_key IN {KEYS} GROUP BY evaluation_key"
)
#: Of the process instance itself; names and values, last and initial ones.
VALUES = {
    False: ("variables v", "v.value", ""),
    True: (
        "variables v LEFT JOIN initial_values i ON i.key = v.key",
        "coalesce(i.value, v.value)",
        " AND v.initial",
    ),
}


def read_facts(
    connection: sqlite3.Connection, entity: str, keys: Sequence[int], variables: str, size_max: int
) -> Sequence[ItemFacts]:
    """What is known of the first of these process instances or decision evaluations."""
    known = _evaluations(connection, keys) if entity == "DECISION_INSTANCE" else _instances(connection, keys)
    if variables == NO_VARIABLES or entity == "DECISION_INSTANCE":
        return [known.get(key, ItemFacts(item_key=key)) for key in keys]
    source, value, only = VALUES[variables == INITIAL_VARIABLES]
    owned = f"FROM {source} WHERE v.process_instance_key IN {KEYS} AND v.scope_key = v.process_instance_key{only}"
    size_of = f"sum(length(v.name) + length({value}))"
    sizes = dict(
        connection.execute(f"SELECT v.process_instance_key, {size_of} {owned} GROUP BY 1", [_listed(keys)]).fetchall()
    )
    keys = within_size(keys, sizes, size_max)
    read = [key for key in keys if sizes.get(key, 0) <= VARIABLES_SIZE_MAX]
    found: dict[int, list[tuple[str, str]]] = {}
    query = f"SELECT v.process_instance_key, v.name, {value} {owned}"
    for key, name, text in connection.execute(query, [_listed(read)]):
        found.setdefault(key, []).append((name, text))
    return [
        with_variables(known[key], sizes.get(key, 0), found.get(key, ())) if key in known else ItemFacts(item_key=key)
        for key in keys
    ]


def read_replaced(
    connection: sqlite3.Connection, batch: int, keys: Sequence[int], size_max: int
) -> Sequence[ItemFacts]:
    """What the first of these items of a batch operation replaced."""
    found = f"FROM batch_items WHERE batch_operation_key = ? AND item_key IN {KEYS}"
    sizes = dict(connection.execute(f"SELECT item_key, replaced_size {found}", [batch, _listed(keys)]).fetchall())
    keys = within_size(keys, sizes, size_max)
    texts = dict(connection.execute(f"SELECT item_key, replaced {found}", [batch, _listed(keys)]).fetchall())
    return [replaced_by(key, texts.get(key), sizes.get(key, 0)) for key in keys]


def _instances(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, ItemFacts]:
    return {
        key: ItemFacts(
            item_key=key,
            process_definition_key=definition,
            state=state,
            business_id=business_id or "",
            tags=msgspec.json.decode(tags, type=tuple[str, ...]) if tags else (),
            end_time=ended or 0,
        )
        for key, definition, state, business_id, tags, ended in connection.execute(INSTANCES, [_listed(keys)])
    }


def _evaluations(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, ItemFacts]:
    rows = connection.execute(EVALUATIONS, [_listed(keys)])
    return {key: ItemFacts(item_key=key, state=state, end_time=date) for key, state, date in rows}


def _listed(keys: Sequence[int]) -> str:
    return msgspec.json.encode(list(keys)).decode()
