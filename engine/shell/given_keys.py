"""Keys given by hand of which secondary storage knows nothing: they become items too, so that nobody misses them.

Rule: where there is such a key, an item is made of it, without a process instance; nothing that a filter says is
added to. Works on any search, so that all of them agree.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from engine.core.ports import Search, SelectedItem, SelectionQuery
from engine.core.record import NONE, first_key, last_key

#: Keys that are asked for at once.
KEYS_AT_ONCE = 10_000


async def select_items(search: Search, query: SelectionQuery) -> Sequence[SelectedItem]:
    """The page that the query asks for, with those of its keys that are unknown, in the order of the keys.

    Raises SearchRefused or Unavailable.
    """
    found = await search.select(query)
    if not query.item_keys or query.items_of >= 0:
        return found
    end = found[-1].item_key if len(found) == query.limit else None
    excluded = set(query.excluded)
    asked = sorted({key for key in query.item_keys if key > query.after and (end is None or key <= end)} - excluded)
    unknown: list[SelectedItem] = []
    for start in range(0, len(asked), KEYS_AT_ONCE):
        keys = asked[start : start + KEYS_AT_ONCE]
        known = await _known(search, query, keys, found)
        unknown += [_unknown_item(key) for key in keys if key not in known]
        if len(unknown) >= query.limit:
            break
    return sorted([*found, *unknown], key=lambda item: item.item_key)[: query.limit]


async def _known(search: Search, query: SelectionQuery, keys: Sequence[int], found: Sequence[SelectedItem]) -> set[int]:
    """Those of the keys that are of something: an item, or the process instance that incidents are looked for in."""
    if query.entity != "INCIDENT":
        return {item.item_key for item in found}
    instances = structs.replace(
        query,
        entity="PROCESS_INSTANCE",
        filter="",
        item_keys=[key for key in keys if first_key(query.partition) <= key <= last_key(query.partition)],
        after=keys[0] - 1,
        limit=len(keys),
    )
    return {item.item_key for item in await search.select(instances)}


def _unknown_item(key: int) -> SelectedItem:
    return SelectedItem(item_key=key, process_instance_key=NONE, root_process_instance_key=NONE)
