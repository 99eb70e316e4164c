"""Facts of process instances, as `Search.facts` of the core's ports."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.ports import INITIAL_VARIABLES, NO_VARIABLES
from engine.records.batch_operation_chunk import ItemFacts
from exporters.opensearch import mappings
from exporters.search.facts import VARIABLES_SIZE_MAX, replaced_by, with_variables, within_size

from .indices import Indices
from .places import of_kind
from .queries import Query, all_of, term, terms

#: Process instances of one answer, so that their variables are not more documents than one question looks at.
INSTANCES_MAX = 1_000
FIELDS = ("key", "definition_key", "state", "business_id", "tags", "end_date")


async def read_facts(
    indices: Indices, entity: str, keys: Sequence[int], variables: str, size_max: int
) -> Sequence[ItemFacts]:
    """What is known of the first of these process instances or decision evaluations."""
    keys = keys[:INSTANCES_MAX]
    known = await (_evaluations(indices, keys) if entity == "DECISION_INSTANCE" else _instances(indices, keys))
    if variables == NO_VARIABLES or entity == "DECISION_INSTANCE":
        return [known.get(key, ItemFacts(item_key=key)) for key in keys]
    initial = variables == INITIAL_VARIABLES
    sizes = await _sizes(indices, keys, initial=initial)
    keys = within_size(keys, sizes, size_max)
    read = [key for key in keys if sizes.get(key, 0) <= VARIABLES_SIZE_MAX]
    found: dict[int, list[tuple[str, str]]] = {}
    paths = ("process_instance_key", "name", "value", "initial_value")
    for source in await indices.all_of(mappings.INSTANCES, _owned(read, initial=initial), paths):
        value: str = source["value"]
        if initial:
            value = source.get("initial_value", value)
        found.setdefault(source["process_instance_key"], []).append((source["name"], value))
    return [
        with_variables(known[key], sizes.get(key, 0), found.get(key, ())) if key in known else ItemFacts(item_key=key)
        for key in keys
    ]


async def read_replaced(indices: Indices, batch: int, keys: Sequence[int], size_max: int) -> Sequence[ItemFacts]:
    """What the first of these items of a batch operation replaced."""
    keys = keys[:INSTANCES_MAX]
    items = all_of(of_kind(mappings.BATCH_ITEM), term("batch_operation_key", batch))
    paths = ("item_key", "replaced_size")
    known = await indices.all_of(mappings.INSTANCES, all_of(items, terms("item_key", keys)), paths)
    sizes: dict[int, int] = {source["item_key"]: source.get("replaced_size", 0) for source in known}
    keys = within_size(keys, sizes, size_max)
    read = [key for key in keys if sizes.get(key, 0) > 0]
    paths = ("item_key", "replaced")
    found = await indices.all_of(mappings.INSTANCES, all_of(items, terms("item_key", read)), paths) if read else []
    texts: dict[int, str | None] = {source["item_key"]: source.get("replaced") for source in found}
    return [replaced_by(key, texts.get(key), sizes.get(key, 0)) for key in keys]


async def _instances(indices: Indices, keys: Sequence[int]) -> dict[int, ItemFacts]:
    wanted = all_of(of_kind(mappings.PROCESS_INSTANCE), terms("key", keys))
    return {
        source["key"]: ItemFacts(
            item_key=source["key"],
            process_definition_key=source["definition_key"],
            state=source["state"],
            business_id=source.get("business_id") or "",
            tags=tuple(source.get("tags", ())),
            end_time=source.get("end_date") or 0,
        )
        for source in await indices.all_of(mappings.INSTANCES, wanted, FIELDS)
    }


async def _evaluations(indices: Indices, keys: Sequence[int]) -> dict[int, ItemFacts]:
    paths = ("evaluation_key", "state", "evaluation_date")
    wanted = terms("evaluation_key", keys)
    found: dict[int, ItemFacts] = {}
    for source in await indices.all_of(mappings.DECISION_INSTANCES, wanted, paths, ("evaluation_key", "number")):
        key = source["evaluation_key"]
        state = max(source["state"], found[key].state if key in found else "")
        found[key] = ItemFacts(item_key=key, state=state, end_time=source["evaluation_date"])
    return found


async def _sizes(indices: Indices, keys: Sequence[int], *, initial: bool) -> dict[int, int]:
    """Characters of the variables of each process instance: told by the documents, so that no value is read."""
    field = "initial_size" if initial else "size"
    paths = ("process_instance_key", field)
    sizes: dict[int, int] = {}
    for source in await indices.all_of(mappings.INSTANCES, _owned(keys, initial=initial), paths):
        owner = source["process_instance_key"]
        sizes[owner] = sizes.get(owner, 0) + source[field]
    return sizes


def _owned(keys: Sequence[int], *, initial: bool) -> Query:
    """The variables of the process instances themselves."""
    own = all_of(of_kind(mappings.VARIABLE), term("of_instance", True), terms("process_instance_key", keys))
    return all_of(own, term("initial", True)) if initial else own
