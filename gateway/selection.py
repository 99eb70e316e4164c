"""What a batch operation selects: a filter as it came, keys, or both.

Rule: a filter that is nothing but keys is a list of keys given by hand, of which none is lost, however long it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.ports import VALUE_SIZE_MAX

from .fields import parse_key
from .problems import bad_request
from .settings import RECORD_HEADROOM

#: What a filter is about -> the property that holds its key.
KEY_PROPERTIES = {
    "PROCESS_INSTANCE": "processInstanceKey",
    "JOB": "jobKey",
    "DECISION_INSTANCE": "decisionEvaluationKey",
    "BATCH_OPERATION": "batchOperationKey",
}
INSTANCE_KEY = KEY_PROPERTIES["PROCESS_INSTANCE"]
FILTER_SIZE_MAX = VALUE_SIZE_MAX - RECORD_HEADROOM
#: An Avro long of a key takes up to this many bytes.
KEY_SIZE_MAX = 9
KEYS_MAX = FILTER_SIZE_MAX // KEY_SIZE_MAX
#: How many wrong keys of a list are told.
PROBLEMS_MAX = 20


class Selection(Struct, frozen=True, kw_only=True):
    """The JSON text of a filter, keys (each once, ascending), or both."""

    filter: str = ""
    item_keys: tuple[int, ...] = ()
    excluded_keys: tuple[int, ...] = ()


def is_list_of_keys(wanted: Mapping[str, Any], key_property: str = INSTANCE_KEY) -> bool:
    """Whether a filter is nothing but keys."""
    given = wanted.get(key_property)
    if len(wanted) != 1 or not isinstance(given, dict):
        return len(wanted) == 1 and isinstance(given, str)
    return given.keys() == {"$eq"} or ({"$in"} <= given.keys() <= {"$in", "$notIn"} and given["$in"] != [])


def select_keys(
    wanted: Mapping[str, Any], key_property: str = INSTANCE_KEY, ids: Sequence[int] = (), excluded: Sequence[int] = ()
) -> Selection:
    """The selection of a filter that is nothing but keys, and of others. Raises Problem 400."""
    problems: list[str] = []
    given = wanted[key_property]
    if not isinstance(given, dict):
        given = {"$eq": given}
    path = f"filter.{key_property}"
    chosen = [*ids, *_keys(f"{path}.$in", given.get("$in", []), problems)]
    if "$eq" in given:
        chosen += _keys(f"{path}.$eq", [given["$eq"]], problems)
    without = [*excluded, *_keys(f"{path}.$notIn", given.get("$notIn", []), problems)]
    return _selection("", chosen, without, problems)


def select_filter(
    wanted: Mapping[str, Any] | None,
    key_property: str = INSTANCE_KEY,
    ids: Sequence[int] = (),
    excluded: Sequence[int] = (),
) -> Selection:
    """The selection of a filter that was checked, if any, and of keys. Raises Problem 400 if that is too long."""
    text = msgspec.json.encode(wanted).decode() if wanted else ""
    problems = []
    if len(text.encode()) > FILTER_SIZE_MAX:
        problems.append(
            f"filter: expected at most {FILTER_SIZE_MAX} bytes, got {len(text)}; split it, or give a list of keys "
            f"alone ({key_property} with $in and $notIn)"
        )
    return _selection(text, ids, excluded, problems)


def _selection(text: str, ids: Sequence[int], excluded: Sequence[int], problems: list[str]) -> Selection:
    keys, without = (tuple(sorted({int(key) for key in given})) for given in (ids, excluded))
    count = len(keys) + len(without)
    if count * KEY_SIZE_MAX + len(text.encode()) > FILTER_SIZE_MAX and not problems:
        problems.append(
            f"filter: expected at most {KEYS_MAX} keys, got {count}; split the list over several batch operations"
        )
    if problems:
        raise bad_request(problems)
    return Selection(filter=text, item_keys=keys, excluded_keys=without)


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
