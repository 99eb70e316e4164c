"""Built-in functions on contexts (DMN 1.5, 10.3.4). Entries keep the order in which they were written."""

from __future__ import annotations

from engine.bpmn.feel.builtin import Builtin, builtin, variadic
from engine.bpmn.feel.limits import Budget
from engine.bpmn.feel.number_functions import spread
from engine.bpmn.feel.values import Data


def _keys(key: Data) -> list[str]:
    """A key, or a path of keys; empty if it is neither."""
    parts = key if isinstance(key, list) else [key]
    keys = [part for part in parts if isinstance(part, str)]
    return keys if len(keys) == len(parts) else []


def get_value(context: Data, key: Data) -> Data:
    """The entry under a key, or down a list of keys."""
    keys = _keys(key)
    value = context if keys else None
    for part in keys:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def get_entries(context: Data) -> Data:
    if not isinstance(context, dict):
        return None
    return [{"key": key, "value": value} for key, value in context.items()]


def context_put(budget: Budget, context: Data, key: Data, value: Data) -> Data:
    """A copy of the context with one entry set; a list of keys sets it inside nested contexts, which it makes."""
    keys = _keys(key)
    if not isinstance(context, dict) or not keys:
        return None
    changed = dict(context)
    inner = changed
    for part in keys[:-1]:
        below = inner.get(part)
        copy: dict[str, Data] = dict(below) if isinstance(below, dict) else {}
        budget.spend(len(copy) + 1)
        inner[part] = copy
        inner = copy
    inner[keys[-1]] = value
    return changed


def context_merge(budget: Budget, *arguments: Data) -> Data:
    """All entries of all contexts; the last one with a key wins."""
    merged: dict[str, Data] = {}
    for context in spread(arguments):
        if not isinstance(context, dict):
            return None
        budget.spend(len(context))
        merged |= context
    return merged


def context(entries: Data) -> Data:
    """The context of a list of `{key, value}`; the reverse of `get entries`."""
    if not isinstance(entries, list):
        return None
    made: dict[str, Data] = {}
    for entry in entries:
        if not isinstance(entry, dict) or "value" not in entry:
            return None
        key = entry.get("key")
        if not isinstance(key, str):
            return None
        made[key] = entry["value"]
    return made


CONTEXT_FUNCTIONS: tuple[Builtin, ...] = (
    builtin("get value", "context|m, key|keys", get_value, quiet=True),
    builtin("get entries", "context|m", get_entries),
    builtin("context put", "context, key|keys, value", context_put, spends=True),
    builtin("put", "context, key, value", context_put, spends=True),
    variadic("context merge", "contexts", context_merge, spends=True),
    variadic("put all", "contexts", context_merge, spends=True),
    builtin("context", "entries", context),
)
