"""What a batch operation selects: the filter as it came, or the keys in it when they are too many for a filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.ports import VALUE_SIZE_MAX
from exporters.search.filters import TERMS_MAX

from .fields import parse_key
from .problems import bad_request
from .settings import RECORD_HEADROOM

#: What a filter is about -> the property that holds its key.
KEY_PROPERTIES = {"PROCESS_INSTANCE": "processInstanceKey", "JOB": "jobKey"}
INSTANCE_KEY = KEY_PROPERTIES["PROCESS_INSTANCE"]
FILTER_SIZE_MAX = VALUE_SIZE_MAX - RECORD_HEADROOM
#: An Avro long of a key takes up to this many bytes.
KEY_SIZE_MAX = 9
KEYS_MAX = FILTER_SIZE_MAX // KEY_SIZE_MAX
#: How many wrong keys of a list are told.
PROBLEMS_MAX = 20


class Selection(Struct, frozen=True, kw_only=True):
    """Either the JSON text of a filter, or keys (each once, ascending)."""

    filter: str = ""
    item_keys: tuple[int, ...] = ()
    excluded_keys: tuple[int, ...] = ()


def is_long_list(wanted: Mapping[str, Any], key_property: str = INSTANCE_KEY) -> bool:
    """Whether a filter is nothing but a list of keys, and too long for a filter."""
    operators = wanted.get(key_property)
    if len(wanted) != 1 or not isinstance(operators, dict) or not {"$in"} <= set(operators) <= {"$in", "$notIn"}:
        return False
    return any(isinstance(keys, list) and len(keys) > TERMS_MAX for keys in operators.values())


def select_keys(wanted: Mapping[str, Any], key_property: str = INSTANCE_KEY) -> Selection:
    """The selection of a long list. Raises Problem 400."""
    problems: list[str] = []
    keys = {
        name: tuple(sorted(set(_keys(f"filter.{key_property}.{name}", given, problems))))
        for name, given in wanted[key_property].items()
    }
    count = sum(map(len, keys.values()))
    if count > KEYS_MAX:
        problems.append(
            f"filter: expected at most {KEYS_MAX} keys, got {count}; split the list over several batch operations"
        )
    if problems:
        raise bad_request(problems)
    return Selection(item_keys=keys["$in"], excluded_keys=keys.get("$notIn", ()))


def select_filter(wanted: Mapping[str, Any], key_property: str = INSTANCE_KEY) -> Selection:
    """The selection of a filter that was checked. Raises Problem 400 if it fits no record."""
    text = msgspec.json.encode(wanted)
    if len(text) > FILTER_SIZE_MAX:
        raise bad_request(
            [
                f"filter: expected at most {FILTER_SIZE_MAX} bytes, got {len(text)}; split it, or give a list of keys "
                f"alone ({key_property} with $in and $notIn)"
            ]
        )
    return Selection(filter=text.decode())


def _keys(path: str, given: object, problems: list[str]) -> Iterator[int]:
    if not isinstance(given, list):
        problems.append(f"{path}: expected a list of keys, got something else; correct it")
        return
    for at, key in enumerate(given):
        try:
            yield parse_key(key)
        except ValueError as error:
            problems.append(f"{path}[{at}]: {error}")
            if len(problems) == PROBLEMS_MAX:
                return
