"""Unary tests: input entries of decision tables. DMN 1.5, 7.3.3, 8.2.11 and 10.3.1.2 (grammar rules 7 to 17)."""

from __future__ import annotations

import pytest

from tests.support.decisions import decision, evaluated, matched, model, table

# The input entry, the input as FEEL, whether the rule matches.
CASES: list[tuple[str, object, bool]] = [
    # nothing to test: "-" is irrelevant (grammar rule 15)
    ("-", 1, True),
    ("", 1, True),
    ("-", None, True),
    # comparison operators (rule 7)
    ("< 5", 4, True),
    ("< 5", 5, False),
    ("<= 5", 5, True),
    ("> 5", 6, True),
    ("> 5", 5, False),
    (">= 5", 5, True),
    ("< 5", None, False),
    ("< 5", "4", False),
    ('> "a"', "b", True),
    ("< 0.3", 0.2, True),
    ("> -5", -4, True),
    # values are compared for equality (10.3.2.7)
    ("5", 5, True),
    ("5", 5.0, True),
    ("5", 6, False),
    ("-5", -5, True),
    ('"gold"', "gold", True),
    ('"gold"', "silver", False),
    ("true", True, True),
    ("true", False, False),
    ("false", False, True),
    ("false", True, False),
    ("null", None, True),
    ("null", 1, False),
    ("5", "5", False),
    # intervals (rule 8), all four kinds of brackets
    ("[1..5]", 1, True),
    ("[1..5]", 5, True),
    ("(1..5)", 1, False),
    ("(1..5)", 3, True),
    ("]1..5[", 5, False),
    ("]1..5[", 2, True),
    ("[1..5[", 1, True),
    ("[1..5[", 5, False),
    ("(1..5]", 5, True),
    ("[1..5]", None, False),
    ('["a".."f"]', "c", True),
    # several tests: any of them (rule 13)
    ("1, 3, 5", 3, True),
    ("1, 3, 5", 4, False),
    ("< 1, [5..7], > 10", 6, True),
    ("< 1, [5..7], > 10", 8, False),
    ('"a", "b"', "b", True),
    # a list contains the input (table 55)
    ("[1, 3]", 3, True),
    ("[1, 3]", 2, False),
    ('list contains(["a"], ?)', "a", True),
    # negation (rule 15)
    ("not(5)", 4, True),
    ("not(5)", 5, False),
    ("not(1, 2)", 3, True),
    ("not(1, 2)", 2, False),
    ("not(< 5)", 5, True),
    ("not([1..5])", 3, False),
    ('not("a", "b")', "c", True),
    ("not(null)", None, False),
    ("not(? > 3)", 2, True),
    ("not(true) or ? = 2", 2, True),
    # expressions about the input `?` (rule 7, 10.3.2.7)
    ("? > 3 and ? < 9", 5, True),
    ("? > 3 and ? < 9", 9, False),
    ("odd(?)", 3, True),
    ("odd(?)", 4, False),
    ('contains(?, "oo")', "foo", True),
    ('matches(?, "[a-z]+[0-9]")', "a1", True),
    ("? * 2 = limit", 5, True),
    ("if ? > 3 then true else false", 5, True),
    # other variables may be named
    ("< limit", 9, True),
    ("limit", 10, True),
    ("limit", 9, False),
    ("[1..limit]", 10, True),
    # what is neither true nor false does not match
    ("? + 1", 1, False),
    ("missing", 1, False),
]


@pytest.mark.parametrize(("entry", "value", "expected"), CASES)
def test_unary_test(entry: str, value: object, expected: bool) -> None:
    resource = model(decision("d", table(["x"], ["y"], [(entry, "1")])))
    assert bool(matched(resource, {"x": value, "limit": 10})) is expected


@pytest.mark.parametrize(
    ("entry", "input_expression", "expected"),
    [
        ('< date("2026-01-01")', 'date("2025-12-31")', True),
        ('[date("2026-01-01")..date("2026-12-31")]', 'date("2026-06-01")', True),
        ('@"P1D"', 'duration("PT24H")', True),
        ('> @"PT1H"', '@"PT30M"', False),
        ('before(?, @"2026-01-01")', '@"2025-01-01"', True),
    ],
)
def test_dates_and_durations(entry: str, input_expression: str, expected: bool) -> None:
    resource = model(decision("d", table([input_expression], ["y"], [(entry, "1")])))
    assert bool(matched(resource, {})) is expected


def test_all_entries_of_a_rule_must_match() -> None:
    rules = [("> 1", '"a"', "1"), ("> 1", "-", "2"), ("-", '"b"', "3")]
    resource = model(decision("d", table(["x", "y"], ["z"], rules, policy="COLLECT")))
    assert matched(resource, {"x": 2, "y": "a"}) == [1, 2]
    assert matched(resource, {"x": 1, "y": "b"}) == [3]


def test_a_table_without_inputs_matches() -> None:
    assert matched(model(decision("d", table([], ["y"], [("1",)]))), {}) == [1]


def test_a_limit_that_is_exceeded_names_the_cell() -> None:
    entry = "some i in 1..100000 satisfies some j in 1..100000 satisfies i + j = ?"
    evaluation = evaluated(
        model(decision("d", table(["x"], ["y"], [("-", "1"), (entry, "2")], policy="COLLECT"))), {"x": -1}
    )
    assert evaluation.failure.startswith("decision 'd': rule 2, input 1: expected an evaluation of at most")
    assert evaluation.output is None
