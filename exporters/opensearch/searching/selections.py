"""What initializers ask: the items of one partition in the order of their keys, a page at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.core.ports import FILTERED, SelectedItem, SelectionQuery
from engine.core.record import NONE, first_key, last_key
from exporters.opensearch import mappings
from exporters.search.filters import Conditions
from exporters.search.store import SelectionGroup

from .batches import batch_operations
from .conditions import Translation
from .indices import WINDOW_MAX, Indices
from .made import Row
from .places import ACTIVE_INCIDENTS, FLAGS, PLACES, of_kind
from .queries import NOTHING, Query, all_of, any_of, exists, has_parent, none_of, term, within

BATCH_OPERATION = "BATCH_OPERATION"
#: Up to so many items that are several documents each are counted exactly.
EXACT_MAX = 40_000
#: What is asked of an item for whether it has an open incident.
INCIDENTS = {"PROCESS_INSTANCE": FLAGS["has_incident"], "JOB": FLAGS["has_open_incident"]}
#: Of an item: its process instance and the root of that, if it has one.
OWNERS = ("process_instance_key", "root_key")


async def select_items(
    indices: Indices, translation: Translation, query: SelectionQuery, conditions: Conditions | None
) -> list[SelectedItem]:
    """The items; `conditions` None: only of the given keys. Several documents with the same key are one item."""
    if query.entity == BATCH_OPERATION and query.items_of < 0:
        rows = await _batch_operations(indices, translation, query, conditions)
        return [_item(row["batchOperationKey"], NONE, NONE) for row in rows[: query.limit]]
    again = query.items_of >= 0
    place = PLACES["BATCH_OPERATION_ITEM" if again else FILTERED[query.entity]]
    index, key = (mappings.INSTANCES, "key") if again else (place.index, place.identity[0])
    wanted = await _wanted(translation, query, conditions)
    # items of batch operations may have keys of no partition
    after = query.after if again else max(query.after, first_key(query.partition))
    upto = {} if again else {"lte": min(query.key_max, last_key(query.partition))}
    items: list[SelectedItem] = []
    while len(items) < query.limit:
        size = min(query.limit - len(items), WINDOW_MAX)
        body: dict[str, Any] = {
            "query": all_of(wanted, within(key, gt=after, **upto)),
            "size": size,
            "sort": [key],
            "track_total_hits": False,
            # columns are read faster than documents
            "_source": False,
            "stored_fields": "_none_",
            "docvalue_fields": [key, *OWNERS],
        }
        if len(place.identity) > 1 and not again:
            body["collapse"] = {"field": key}
        hits = (await indices.search(index, body)).hits.hits
        items += [_item(*(hit.fields.get(name, (NONE,))[0] for name in (key, *OWNERS))) for hit in hits]
        if len(hits) < size:
            break
        after = items[-1].item_key
    return items


async def summarize_items(
    indices: Indices, translation: Translation, query: SelectionQuery, conditions: Conditions | None
) -> list[SelectionGroup]:
    """The same items as numbers."""
    if query.entity == BATCH_OPERATION:
        states = Counter(row["state"] for row in await _batch_operations(indices, translation, query, conditions))
        return [_group(state, count) for state, count in sorted(states.items())]
    place = PLACES[FILTERED[query.entity]]
    key = place.identity[0]
    wanted = all_of(
        await _wanted(translation, query, conditions),
        within(key, gt=max(query.after, first_key(query.partition)), lte=min(query.key_max, last_key(query.partition))),
    )
    of_decisions = query.entity == "DECISION_INSTANCE"
    by = {"definition": _optional("process_definition_key" if of_decisions else "definition_key")}
    names = {"process": "process_id", "version": "process_version", "state": "state"} if not of_decisions else {}
    incidents = {"incidents": {"filter": INCIDENTS.get(query.entity, NOTHING)}}
    different = {"items": {"cardinality": {"field": key, "precision_threshold": EXACT_MAX}}} if of_decisions else {}
    groups = await indices.groups(
        place.index,
        wanted,
        {**by, **{name: _optional(path) for name, path in names.items()}},
        {**incidents, **different},
    )
    found = []
    for group in groups:
        count = group["items"]["value"] if of_decisions else group["doc_count"]
        troubled = count if query.entity == "INCIDENT" else group["incidents"]["doc_count"]
        for has_incident, number in ((True, troubled), (False, count - troubled)):
            if number:
                found.append(
                    SelectionGroup(
                        process_definition_key=group["key"]["definition"],
                        process_definition_id=group["key"].get("process"),
                        version=group["key"].get("version"),
                        state=group["key"].get("state"),
                        has_incident=has_incident,
                        count=number,
                    )
                )
    return found


async def _batch_operations(
    indices: Indices, translation: Translation, query: SelectionQuery, conditions: Conditions | None
) -> list[Row]:
    """Batch operations, in the order of their keys: their rows are made, so they are chosen here."""
    if query.process_ids is not None:  # of them one may see all or none
        return []
    first = max(query.after + 1, first_key(query.partition))
    last = min(query.key_max, last_key(query.partition))
    matching = await batch_operations(indices, translation, conditions) if conditions is not None else []
    given = set(query.item_keys)
    chosen = [row for row in matching if not query.states or row["state"] in query.states]
    if given:
        chosen += [row for row in await batch_operations(indices, translation, ()) if row["batchOperationKey"] in given]
    rows = {int(row["batchOperationKey"]): row for row in chosen}
    return [row for key, row in sorted(rows.items()) if first <= key <= last and key not in query.excluded]


def _group(state: str, count: int) -> SelectionGroup:
    return SelectionGroup(
        process_definition_key=None,
        process_definition_id=None,
        version=None,
        state=state,
        has_incident=False,
        count=count,
    )


def _optional(name: str) -> dict[str, Any]:
    """A source of groups that some documents do not have."""
    return {"terms": {"field": name, "missing_bucket": True}}


async def _wanted(translation: Translation, query: SelectionQuery, conditions: Conditions | None) -> Query:
    """The items, or what is FAILED in a batch operation, or what it changed."""
    if query.items_of >= 0:
        of_batch = translation.keys("batch_operation_key", (query.items_of,))
        here = term("partition_id", query.partition)
        state = term("state", "COMPLETED" if query.undoes else "FAILED")
        items = all_of(of_kind(mappings.BATCH_ITEM), of_batch, here, state)
        if query.undoes:
            items = all_of(items, none_of(term("unchanged", True)))
        if query.process_ids is None:
            return items
        readable = has_parent(mappings.PROCESS_INSTANCE, translation.keys("process_id", query.process_ids))
        return all_of(items, any_of(none_of(exists("process_instance_key")), readable))
    forced = all_of(
        *([translation.keys("state", query.states)] if query.states else []),
        *([none_of(exists("parent_key"))] if query.roots_only else []),
    )
    matching = NOTHING if conditions is None else all_of(await translation.query_of(conditions), forced)
    place = PLACES[FILTERED[query.entity]]
    key = place.identity[0]
    chosen = all_of(
        place.rows,
        any_of(matching, translation.keys(key, query.item_keys)),
        none_of(translation.keys(key, query.excluded)),
        *([] if query.process_ids is None else [translation.keys("process_id", query.process_ids)]),
    )
    if query.entity == "INCIDENT":
        # both in one index, so what an initializer is told of an instance and of its incidents agrees
        return all_of(ACTIVE_INCIDENTS, has_parent(mappings.PROCESS_INSTANCE, chosen))
    return chosen


def _item(key: int, instance: int, root: int) -> SelectedItem:
    return SelectedItem(item_key=key, process_instance_key=instance, root_process_instance_key=root)
