"""Built-in functions on lists, and the logical ones (DMN 1.5, 10.3.4.2 and 10.3.4.4).

Positions count from 1; negative ones count from the end; 0 is none and gives null.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cmp_to_key

from engine.bpmn.feel.arithmetic import whole
from engine.bpmn.feel.builtin import Builtin, builtin, variadic
from engine.bpmn.feel.limits import Budget, check_value_depth
from engine.bpmn.feel.number_functions import spread
from engine.bpmn.feel.values import Data, Function, equal, identity


class _NotOrdered(Exception):
    """The function given to `sort` answered something else than true or false."""


def _index(items: list[Data], position: Data) -> int | None:
    """The Python index of a position, which may lie outside the list; None if it is no position."""
    number = whole(position)
    if number is None or number == 0:
        return None
    return number - 1 if number > 0 else len(items) + number


def all_true(*arguments: Data) -> Data:
    items = spread(arguments)
    if any(item is False for item in items):
        return False
    return True if all(item is True for item in items) else None


def any_true(*arguments: Data) -> Data:
    items = spread(arguments)
    if any(item is True for item in items):
        return True
    return False if all(item is False for item in items) else None


def list_contains(budget: Budget, items: Data, element: Data) -> Data:
    return any(equal(item, element, budget) is True for item in items) if isinstance(items, list) else None


def count(items: Data) -> Data:
    return len(items) if isinstance(items, list) else None


def is_empty(items: Data) -> Data:
    return not items if isinstance(items, list) else None


def sublist(items: Data, start: Data, length: Data = None) -> Data:
    index = _index(items, start) if isinstance(items, list) else None
    if not isinstance(items, list) or index is None:
        return None
    if length is None:
        return items[max(0, index) :]
    size = whole(length)
    return None if size is None else items[max(0, index) : max(0, index + size)]


def append(items: Data, *added: Data) -> Data:
    return [*items, *added] if isinstance(items, list) else None


def _join(arguments: tuple[Data, ...], budget: Budget) -> list[Data]:
    joined: list[Data] = []
    for argument in spread(arguments):
        joined += argument if isinstance(argument, list) else [argument]
        budget.spend(len(argument) if isinstance(argument, list) else 1)
    return joined


def concatenate(budget: Budget, *arguments: Data) -> Data:
    return _join(arguments, budget)


def insert_before(items: Data, position: Data, item: Data) -> Data:
    index = _index(items, position) if isinstance(items, list) else None
    if not isinstance(items, list) or index is None:
        return None
    index = max(0, index)
    return [*items[:index], item, *items[index:]]


def remove(items: Data, position: Data) -> Data:
    index = _index(items, position) if isinstance(items, list) else None
    if not isinstance(items, list) or index is None:
        return None
    return [item for place, item in enumerate(items) if place != index]


def reverse(items: Data) -> Data:
    return items[::-1] if isinstance(items, list) else None


def index_of(budget: Budget, items: Data, match: Data) -> Data:
    if not isinstance(items, list):
        return None
    return [place for place, item in enumerate(items, 1) if equal(item, match, budget) is True]


def _distinct(items: list[Data], budget: Budget) -> list[Data]:
    """The first of each set of equal items."""
    first: dict[Hashable, Data] = {}
    for item in items:
        first.setdefault(identity(item, budget), item)
    return list(first.values())


def union(budget: Budget, *arguments: Data) -> Data:
    return _distinct(_join(arguments, budget), budget)


def distinct_values(budget: Budget, items: Data) -> Data:
    return _distinct(items, budget) if isinstance(items, list) else None


def duplicate_values(budget: Budget, items: Data) -> Data:
    """The first of each set of equal items that has more than one."""
    if not isinstance(items, list):
        return None
    first: dict[Hashable, Data] = {}
    repeated: set[Hashable] = set()
    for item in items:
        key = identity(item, budget)
        if key in first:
            repeated.add(key)
        first.setdefault(key, item)
    return [item for key, item in first.items() if key in repeated]


def _flatten(items: list[Data], into: list[Data], budget: Budget, depth: int = 0) -> None:
    check_value_depth(depth)
    budget.spend(len(items))
    for item in items:
        if isinstance(item, list):
            _flatten(item, into, budget, depth + 1)
        else:
            into.append(item)


def flatten(budget: Budget, items: Data) -> Data:
    if not isinstance(items, list):
        return None
    flat: list[Data] = []
    _flatten(items, flat, budget)
    return flat


def sort(items: Data, precedes: Data) -> Data:
    """Sorted by a function of two items that says whether the first comes before the second; stable."""
    if not isinstance(items, list) or not isinstance(precedes, Function) or len(precedes.parameters) != 2:
        return None

    def order(left: Data, right: Data) -> int:
        # Python's sort only asks whether an item is less than another, and that is all the function tells.
        before = precedes.invoke([left, right])
        if not isinstance(before, bool):
            raise _NotOrdered
        return -1 if before else 0

    try:
        return sorted(items, key=cmp_to_key(order))
    except _NotOrdered:
        return None


def partition(items: Data, size: Data) -> Data:
    length = whole(size)
    if not isinstance(items, list) or length is None or length <= 0:
        return None
    return [items[start : start + length] for start in range(0, len(items), length)]


def list_replace(items: Data, where: Data, new_item: Data) -> Data:
    """The list with another item at a position, or for each item that a function of item and new item chooses."""
    if not isinstance(items, list):
        return None
    if isinstance(where, Function):
        return _replace_matching(items, where, new_item)
    index = _index(items, where)
    if index is None or not 0 <= index < len(items):
        return None
    return [*items[:index], new_item, *items[index + 1 :]]


def _replace_matching(items: list[Data], match: Function, new_item: Data) -> Data:
    if len(match.parameters) != 2:
        return None
    chosen = [match.invoke([item, new_item]) for item in items]
    if not all(isinstance(choice, bool) for choice in chosen):
        return None
    return [new_item if choice else item for item, choice in zip(items, chosen, strict=True)]


LIST_FUNCTIONS: tuple[Builtin, ...] = (
    variadic("all", "list", all_true, quiet=True),
    variadic("and", "list", all_true, quiet=True),
    variadic("any", "list", any_true, quiet=True),
    variadic("or", "list", any_true, quiet=True),
    builtin("list contains", "list, element", list_contains, spends=True),
    builtin("count", "list", count, steps=1),
    builtin("is empty", "list", is_empty, steps=1),
    builtin("sublist", "list, start|start position, [length]", sublist, steps=1),
    variadic("append", "list, items|item", append, steps=1),
    variadic("concatenate", "lists", concatenate, spends=True),
    builtin("insert before", "list, position, newItem", insert_before, steps=1),
    builtin("remove", "list, position", remove, steps=1),
    builtin("list replace", "list, position, newItem; list, match, newItem", list_replace),
    builtin("reverse", "list", reverse, steps=1),
    builtin("index of", "list, match", index_of, spends=True),
    variadic("union", "lists", union, spends=True),
    builtin("distinct values", "list", distinct_values, spends=True),
    builtin("duplicate values", "list", duplicate_values, spends=True),
    builtin("flatten", "list", flatten, spends=True),
    builtin("sort", "list, precedes", sort),
    builtin("partition", "list, size", partition, steps=1),
)
