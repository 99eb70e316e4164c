"""The pure folders reach no clock, no randomness, no input or output, and take nothing without order (law 3)."""

from __future__ import annotations

import pytest

from tests.law.determinism import PURE_MODULES, problems
from tests.law.test_imports import MODULES, PURE, imports_of, room_of

PURE_SOURCES = {name: path for name, path in MODULES.items() if (room_of(name) or "") in PURE}

#: FEEL ranges and functions equal only themselves: `id` is compared, never kept.
ALLOWED = {("engine.bpmn.feel.values", "id")}

#: Modules that one module may import, and no other.
ALLOWED_MODULES = {
    # the rules of time zones from the package `tzdata`, which is locked: they are part of the build
    "engine.bpmn.feel.zones": {"importlib", "zoneinfo"},
    # cron expressions from a time that is given; those that would be drawn by chance are refused before
    "engine.bpmn.schedules": {"croniter"},
    # the files of the folder itself, in the order of their names: they are part of the build
    "engine.operations": {"importlib", "pkgutil"},
}


@pytest.mark.parametrize("name", PURE_SOURCES)
def test_pure_folders_import_no_clock_no_randomness_and_no_io(name: str) -> None:
    outside = {imported.split(".")[0] for imported in imports_of(name, PURE_SOURCES[name])} - {"engine"}
    impure = sorted(outside - PURE_MODULES - ALLOWED_MODULES.get(name, set()))
    assert not impure, f"{name} imports {impure}, which a pure folder may not"


IMPURE_MODULES = """
    asyncio builtins concurrent contextvars gc httpx importlib io lmdb locale logging multiprocessing os pathlib
    platform random secrets select signal socket ssl subprocess sys tempfile threading time uuid warnings weakref
    zoneinfo
"""


def test_modules_that_reach_the_outside_are_not_pure() -> None:
    assert not PURE_MODULES & set(IMPURE_MODULES.split())


def test_pure_folders_do_the_same_in_every_run() -> None:
    found = problems({name: path.read_text() for name, path in PURE_SOURCES.items()})
    unexpected = [line for line in found if not any(_is_about(line, *allowed) for allowed in ALLOWED)]
    assert not unexpected, "expected the same in every run, got:\n" + "\n".join(unexpected)


def _is_about(line: str, module: str, text: str) -> bool:
    return line.startswith(f"{module}:") and line.endswith(f": {text}")


OUTSIDE = [
    "datetime.now()",
    "datetime.now(UTC)",
    "date.today()",
    "datetime.utcnow()",
    "clock.now()",
    "Struct(now=datetime.now)",
    "datetime.fromtimestamp(5)",
    "value.astimezone()",
    "open('file')",
    "input()",
    "print(1)",
    "hash('a')",
    "sorted(values, key=id)",
    "__import__('time')",
    "eval('1')",
    "exec('1')",
    "perf_counter.monotonic()",
]


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_reaches_the_outside_is_noticed(text: str) -> None:
    assert problems({"planted": text}) == [f"planted:1 reaches the outside: {_shown(text)}"]


def _shown(text: str) -> str:
    return {
        "Struct(now=datetime.now)": "datetime.now",
        "open('file')": "open",
        "input()": "input",
        "print(1)": "print",
        "hash('a')": "hash",
        "sorted(values, key=id)": "id",
        "__import__('time')": "__import__",
        "eval('1')": "eval",
        "exec('1')": "exec",
    }.get(text, text)


PRELUDE = """
class Row(Struct, frozen=True):
    names: frozenset[str]
    by_name: dict[str, set[int]]
    ordered: tuple[str, ...] = ()

class Working:
    def __init__(self):
        self._seen = set()

def names_of(row) -> set[str]: ...
"""

UNORDERED = [
    "for x in {'a', 'b'}: pass",
    "for x in set(values): pass",
    "for x in frozenset(values): pass",
    "found = set()\nfor x in found: pass",
    "found = {x for x in values}\ny = [x for x in found]",
    "found: set[str] = given\ny = {x: 1 for x in found}",
    "y = list(set(values))",
    "y = tuple({1, 2})",
    "y = ', '.join({'a'})",
    "y = ', '.join(name for name in {'a'})",
    "y = set(values).pop()",
    "found = set(values)\nx = found.pop()",
    "y = next(iter(set(values)))",
    "y = [*set(values)]",
    "a, b = {1, 2}",
    "y = f'{set(values)}'",
    "y = str({1, 2})",
    "y = '{}'.format({1})",
    "for x in left.keys() - right: pass",
    "for x in left.keys() | right.keys(): pass",
    "y = list(set(a) & set(b))",
    "for x in set(a).union(b): pass",
    "for x in names_of(row): pass",
    "for x in thing.names_of(row): pass",
    "for x in row.names: pass",
    "for x in row.by_name['a']: pass",
    "for x in row.by_name.get('a'): pass",
    "for inner in row.by_name.values():\n    for x in inner: pass",
    "for name, inner in row.by_name.items():\n    for x in inner: pass",
    "for x in working._seen: pass",
    "def f(given: set[str]):\n    for x in given: pass",
    "def f(given: AbstractSet[str] | None):\n    return list(given)",
    "def f(given: frozenset[str]):\n    yield from given",
    "def f(given: frozenset[str]):\n    def g():\n        return tuple(given)",
    "y = lambda given=None: [x for x in {1, 2}]",
    "y = dict.fromkeys({'a'})",
    "values.extend({1})",
    "y = min({'a', 'bb'}, key=len)",
    "y = enumerate(set(values))",
    "if (found := set(values)):\n    y = list(found)",
    "y = list(set(a) if a else b)",
    "y = sorted(x for y in values for x in [z for z in {1}])",
]


@pytest.mark.parametrize("text", UNORDERED)
def test_unordered_iteration_is_noticed(text: str) -> None:
    found = problems({"planted": PRELUDE + text})
    assert found, text
    assert all("takes a set in no order" in line for line in found)


ORDERED = [
    "for x in sorted({'a', 'b'}): pass",
    "y = sorted(x for x in set(values))",
    "y = ', '.join(sorted(names_of(row)))",
    "y = 'a' in row.names and len(row.names) > 1",
    "y = any(x > 1 for x in set(values))",
    "y = {x for x in {1, 2}}",
    "y = max({1, 2})",
    "y = set(a) <= set(b)",
    "for x in row.by_name: pass",
    "for x in row.by_name.keys(): pass",
    "for name in row.ordered: pass",
    "y = [x for x in values if x in row.names]",
    "found = set()\nfound.add(1)\nfound |= {2}",
    "y = values.pop()",
    "def f(given: dict[str, int]):\n    return list(given)",
    "y = dict.fromkeys(['a'])",
]


@pytest.mark.parametrize("text", ORDERED)
def test_what_is_ordered_or_needs_no_order_may_be_written(text: str) -> None:
    assert problems({"planted": PRELUDE + text}) == []
