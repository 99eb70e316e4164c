"""What is known of process instances that the state no longer has, for who starts them anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from engine.records.batch_operation_chunk import ItemFacts

#: Characters of variables that the facts of one process instance have, so that they fit a command.
VARIABLES_SIZE_MAX = 3_000_000


def within_size(keys: Sequence[int], sizes: Mapping[int, int], size_max: int) -> Sequence[int]:
    """The first of the keys, as many as have variables of this size together, but at least one."""
    total = 0
    for count, key in enumerate(keys):
        size = sizes.get(key, 0)
        total += size if size <= VARIABLES_SIZE_MAX else 0
        if count and total > size_max:
            return keys[:count]
    return keys


def replaced_by(key: int, text: str | None, size: int) -> ItemFacts:
    """What an item of a batch operation replaced: the text that it kept, and how many bytes that has; -1: too many."""
    return ItemFacts(item_key=key, variables=text or "", variables_size=size)


def with_variables(facts: ItemFacts, size: int, variables: Iterable[tuple[str, str]]) -> ItemFacts:
    """The same with variables (names and JSON texts), unless they are too large."""
    text = ""
    if size <= VARIABLES_SIZE_MAX:
        document = {name: msgspec.Raw(value.encode()) for name, value in variables}
        text = msgspec.json.encode(document, order="deterministic").decode()
    return msgspec.structs.replace(facts, variables=text, variables_size=size)
