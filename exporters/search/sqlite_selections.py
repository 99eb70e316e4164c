"""What initializers ask of SQLite: the items of one partition in the order of their keys."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from engine.core.ports import SelectionQuery
from engine.core.record import first_key, last_key

from .filters import Conditions
from .sqlite import TERMS, Parameters, Query, terms_of, where


class Items(Struct, frozen=True):
    """Where the items of batch operations are. `item`, `chosen`: columns of their key and of that of what is filtered.

    `instance` and `root` of the process instance, `state` and `definition` of what is filtered; `always` holds for all.
    `repeated`: one item is several rows. `incident`: whether the item has, or is, an open incident.
    """

    source: str
    item: str
    chosen: str = "p.key"
    instance: str = "p.key"
    root: str = "p.root_key"
    state: str = "p.state"
    definition: str = "p.definition_key"
    always: str = ""
    repeated: bool = False
    incident: str = "0"


ITEMS: Mapping[str, Items] = {
    "PROCESS_INSTANCE": Items(
        "process_instances p NOT INDEXED",
        "p.key",
        incident="EXISTS (SELECT 1 FROM incidents i WHERE i.process_instance_key = p.key AND i.state = 'ACTIVE')",
    ),
    "INCIDENT": Items(
        "incidents i NOT INDEXED CROSS JOIN process_instances p ON p.key = i.process_instance_key",
        "i.key",
        always="i.state = 'ACTIVE'",
        incident="1",
    ),
    "JOB": Items(
        "jobs j NOT INDEXED",
        "j.key",
        chosen="j.key",
        instance="j.process_instance_key",
        root="j.root_key",
        state="j.state",
        definition="j.definition_key",
        incident="EXISTS (SELECT 1 FROM incidents i WHERE i.job_key = j.key AND i.state = 'ACTIVE')",
    ),
    # the key that is asked for is the first of the primary key, so rows are visited in its order
    "DECISION_INSTANCE": Items(
        "decision_instances s INDEXED BY sqlite_autoindex_decision_instances_1",
        "s.evaluation_key",
        chosen="s.evaluation_key",
        instance="coalesce(s.process_instance_key, -1)",
        root="coalesce(s.root_key, -1)",
        state="s.state",
        definition="s.process_definition_key",
        repeated=True,
    ),
    "BATCH_OPERATION": Items(
        "batch_operations b",
        "b.key",
        chosen="b.key",
        instance="-1",
        root="-1",
        state="b.state",
        definition="NULL",
    ),
}


def selection_query(query: SelectionQuery, conditions: Conditions | None) -> Query:
    """Item key, process instance and root of the items of one partition; `conditions` None: only the given keys.

    Rows are visited in the order of the items' keys, so a page costs what it reads.
    """
    if query.items_of >= 0:
        return _items_query(query)
    items = ITEMS[query.entity]
    found = _found(query, items, conditions)
    select = "SELECT DISTINCT" if items.repeated else "SELECT"
    return Query(
        f"{select} {items.item}, {items.instance}, {items.root} {found.text} ORDER BY {items.item} LIMIT ?",
        [*found.parameters, query.limit],
    )


def summary_query(query: SelectionQuery, conditions: Conditions | None) -> Query:
    """The same items as numbers: definition key, BPMN process id, version, state, with an incident, count."""
    items = ITEMS[query.entity]
    found = _found(query, items, conditions)
    state = "NULL" if items.repeated else items.state
    return Query(
        f"SELECT {items.definition}, d.process_id, d.version, {state}, {items.incident},"
        f" count(DISTINCT {items.item}) {found.text} GROUP BY 1, 2, 3, 4, 5",
        found.parameters,
    )


def _found(query: SelectionQuery, items: Items, conditions: Conditions | None) -> Query:
    """From where, and which."""
    texts = [f"{items.item} > ?", f"{items.item} <= ?"]
    parameters: Parameters = [
        max(query.after, first_key(query.partition)),
        min(query.key_max, last_key(query.partition)),
    ]
    chosen = []
    if conditions is not None:
        found = _matching(query, items, conditions)
        chosen.append(f"({found.text})")
        parameters += found.parameters
    if query.item_keys or conditions is None:
        chosen.append(f"{items.chosen} IN {TERMS}")
        parameters.append(terms_of(query.item_keys))
    texts.append(f"({' OR '.join(chosen)})")
    if query.excluded:
        texts.append(f"{items.chosen} NOT IN {TERMS}")
        parameters.append(terms_of(query.excluded))
    if query.process_ids is not None:
        texts.append(f"d.process_id IN {TERMS}")
        parameters.append(terms_of(query.process_ids))
    if items.always:
        texts.append(items.always)
    source = f"FROM {items.source} LEFT JOIN definitions d ON d.key = {items.definition}"
    return Query(f"{source} WHERE {' AND '.join(texts)}", parameters)


def _matching(query: SelectionQuery, items: Items, conditions: Conditions) -> Query:
    """What the filter and the operation want of what is not given by its key."""
    found = where(conditions)
    texts, parameters = [found.text], [*found.parameters]
    if query.states:
        texts.append(f"{items.state} IN {TERMS}")
        parameters.append(terms_of(query.states))
    if query.roots_only:
        texts.append("p.parent_key IS NULL")
    return Query(" AND ".join(texts), parameters)


def _items_query(query: SelectionQuery) -> Query:
    """The items of this partition that are FAILED in a batch operation, or that it changed: also those with keys of no
    partition, which belong to no process instance, so that everybody may see them."""
    wanted = "state = 'COMPLETED' AND NOT unchanged" if query.undoes else "state = 'FAILED'"
    parameters: Parameters = [query.items_of, query.partition, query.after]
    readable = ""
    if query.process_ids is not None:
        readable = (
            " AND (i.process_instance_key = -1 OR EXISTS"
            " (SELECT 1 FROM process_instances p JOIN definitions d ON d.key = p.definition_key"
            f" WHERE p.key = i.process_instance_key AND d.process_id IN {TERMS}))"
        )
        parameters.append(terms_of(query.process_ids))
    return Query(
        "SELECT item_key, process_instance_key, root_key FROM batch_items i WHERE batch_operation_key = ?"
        f" AND {wanted} AND partition_id = ? AND item_key > ?{readable} ORDER BY item_key LIMIT ?",
        [*parameters, query.limit],
    )
