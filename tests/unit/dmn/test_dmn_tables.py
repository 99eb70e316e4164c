"""Random tables against a plain reading of DMN 1.5, 8.2.8 to 8.2.10: which rules match, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.support.decisions import decision, evaluated, model, table

POLICIES = ("UNIQUE", "FIRST", "ANY", "PRIORITY", "RULE ORDER", "OUTPUT ORDER", "COLLECT")
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")
NUMBERS = st.integers(-3, 3)
#: The outputs, the best first.
PRIORITY = [3, 1, 2, 0]


class Interval(Struct, frozen=True):
    """An input entry that is a range, and which of its ends belong to it."""

    low: int
    high: int
    low_in: bool
    high_in: bool

    def text(self) -> str:
        return f"{'[' if self.low_in else '('}{self.low}..{self.high}{']' if self.high_in else ')'}"

    def holds(self, value: int) -> bool:
        above = value > self.low or (self.low_in and value == self.low)
        return above and (value < self.high or (self.high_in and value == self.high))


class Listed(Struct, frozen=True):
    """Values, or all but these."""

    values: tuple[int, ...]
    negated: bool

    def text(self) -> str:
        listed = ", ".join(map(str, self.values))
        return f"not({listed})" if self.negated else listed

    def holds(self, value: int) -> bool:
        return (value in self.values) != self.negated


class Anything(Struct, frozen=True):
    """A dash."""

    def text(self) -> str:
        return "-"

    def holds(self, _: int) -> bool:
        return True


Entry = Interval | Listed | Anything
intervals = st.builds(Interval, NUMBERS, NUMBERS, st.booleans(), st.booleans())
lists = st.builds(Listed, st.lists(NUMBERS, min_size=1, max_size=3).map(tuple), st.booleans())
entries = st.one_of(intervals, lists, st.just(Anything()))
rules = st.lists(st.tuples(entries, entries, st.integers(0, 3)), min_size=1, max_size=6)


def expected(policy: str, outputs: Sequence[int]) -> tuple[bool, Any]:
    """Whether the table has a result for the outputs of the rules that match, and which."""
    name, _, aggregation = policy.partition("/")
    if not outputs:
        return True, None
    if name == "UNIQUE":
        return len(outputs) == 1, outputs[0]
    if name == "ANY":
        return len(set(outputs)) == 1, outputs[0]
    if name in ("PRIORITY", "OUTPUT ORDER"):
        ordered = sorted(outputs, key=PRIORITY.index)
        return True, ordered[0] if name == "PRIORITY" else ordered
    if name == "FIRST":
        return True, outputs[0]
    aggregated = {"SUM": sum, "MIN": min, "MAX": max, "COUNT": len}.get(aggregation, list)
    return True, aggregated(outputs)


@given(
    rules=rules,
    a=NUMBERS,
    b=NUMBERS,
    policy=st.sampled_from([*POLICIES, *(f"COLLECT/{name}" for name in AGGREGATIONS)]),
)
@settings(max_examples=400, deadline=None)
def test_tables_are_read_as_they_are_written(
    rules: list[tuple[Entry, Entry, int]], a: int, b: int, policy: str
) -> None:
    rows = [(first.text(), second.text(), str(output)) for first, second, output in rules]
    values = {"y": ", ".join(map(str, PRIORITY))}
    resource = model(decision("d", table(["a", "b"], ["y"], rows, policy=policy, values=values)))
    evaluation = evaluated(resource, {"a": a, "b": b})
    matching = [number for number, (first, second, _) in enumerate(rules, 1) if first.holds(a) and second.holds(b)]
    if policy == "FIRST":
        matching = matching[:1]
    has_result, wanted = expected(policy, [rules[number - 1][2] for number in matching])
    assert bool(evaluation.failure) != has_result
    assert not has_result or evaluation.output == wanted
    assert [rule.index for rule in evaluation.decisions[-1].rules] == matching
