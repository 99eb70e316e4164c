"""What initializers ask: the items of one partition in the order of their keys, a page at a time."""

from __future__ import annotations

from typing import Any

from engine.core.ports import SelectedItem, SelectionQuery
from engine.core.record import first_key, last_key
from exporters.opensearch import mappings
from exporters.search.filters import Conditions

from .conditions import Translation
from .indices import WINDOW_MAX, Indices
from .places import ACTIVE_INCIDENTS, PROCESS_INSTANCES, of_kind
from .queries import NOTHING, Query, all_of, any_of, exists, has_parent, none_of, within

#: Of an item: its key, its process instance and the root of that.
COLUMNS = ("key", "process_instance_key", "root_key")


async def select_items(
    indices: Indices, translation: Translation, query: SelectionQuery, conditions: Conditions | None
) -> list[SelectedItem]:
    """The items; `conditions` None: only of the given keys."""
    wanted = await _wanted(translation, query, conditions)
    if query.entity == "INCIDENT":
        # both in one index, so what an initializer is told of an instance and of its incidents agrees
        wanted = all_of(ACTIVE_INCIDENTS, has_parent(mappings.PROCESS_INSTANCE, wanted))
    after = max(query.after, first_key(query.partition))
    key_max = min(query.key_max, last_key(query.partition))
    items: list[SelectedItem] = []
    while len(items) < query.limit:
        size = min(query.limit - len(items), WINDOW_MAX)
        body: dict[str, Any] = {
            "query": all_of(wanted, within("key", gt=after, lte=key_max)),
            "size": size,
            "sort": ["key"],
            "track_total_hits": False,
            # columns are read faster than documents
            "_source": False,
            "stored_fields": "_none_",
            "docvalue_fields": list(COLUMNS),
        }
        hits = (await indices.search(mappings.INSTANCES, body)).hits.hits
        items += [_item(*(hit.fields[name][0] for name in COLUMNS)) for hit in hits]
        if len(hits) < size:
            break
        after = items[-1].item_key
    return items


async def _wanted(translation: Translation, query: SelectionQuery, conditions: Conditions | None) -> Query:
    """What the filter is about."""
    matching = NOTHING if conditions is None else await translation.query_of(conditions)
    return all_of(
        of_kind(mappings.JOB) if query.entity == "JOB" else PROCESS_INSTANCES,
        any_of(matching, translation.keys("key", query.item_keys)),
        none_of(translation.keys("key", query.excluded)),
        *([translation.keys("state", query.states)] if query.states else []),
        *([none_of(exists("parent_key"))] if query.roots_only else []),
    )


def _item(key: int, instance: int, root: int) -> SelectedItem:
    return SelectedItem(item_key=key, process_instance_key=instance, root_process_instance_key=root)
