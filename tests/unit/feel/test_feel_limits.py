"""Every bound of `limits.py`: what lies within works, what lies beyond ends in an error of ours."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import EvaluationFailure, FeelError, Value, compile_expression
from engine.bpmn.feel.limits import (
    NESTING_DEPTH_MAX,
    PATTERN_LENGTH_MAX,
    RANGE_LENGTH_MAX,
    STRING_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    VALUE_DEPTH_MAX,
)


def evaluate(text: str, **variables: Value) -> Value:
    return compile_expression(text).evaluate(variables)


def nested_list(depth: int) -> Value:
    value: Value = 1
    for _ in range(depth):
        value = [value]
    return value


def test_text_length() -> None:
    assert evaluate("1" + " " * (TEXT_LENGTH_MAX - 1)) == 1
    with pytest.raises(FeelError, match="at most 32768 characters"):
        compile_expression("1" + " " * TEXT_LENGTH_MAX)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(", ")"),
        ("[", "]"),
        ("{a: ", "}"),
        ("-", ""),
        ("not(", ")"),
        ("if ", " then 1 else 2"),
        ("for x in ", " return 1"),
        ("function(x) ", ""),
        ("x in (", ")"),
        ("[x][", "]"),
        ("1 + (2 * ", ")"),
    ],
)
def test_nesting_depth(opening: str, closing: str) -> None:
    within = NESTING_DEPTH_MAX // 4
    compile_expression(opening * within + "1" + closing * within).evaluate({})
    for count in (NESTING_DEPTH_MAX + 1, 2_000):
        with pytest.raises(FeelError, match=r"levels of nesting|at most 32768"):
            compile_expression(opening * count + "1" + closing * count)


def test_nesting_depth_of_postfix_operators() -> None:
    assert evaluate("x" + "[1]" * 40, x=nested_list(40)) == 1
    with pytest.raises(FeelError, match="levels of nesting"):
        compile_expression("x" + "[1]" * (NESTING_DEPTH_MAX + 1))


@pytest.mark.parametrize("operator", [" + ", " - ", " * ", " and ", " or "])
def test_chains_are_not_nesting(operator: str) -> None:
    text = operator.join(["x"] * 3_000)
    assert compile_expression(text).names == {"x"}
    compile_expression(text).evaluate({"x": 1})


def test_long_paths_are_not_nesting() -> None:
    assert evaluate("x" + ".a" * 3_000) is None


def test_the_deepest_expression_evaluates_far_from_the_recursion_limit() -> None:
    depth = NESTING_DEPTH_MAX // 2 - 2
    text = "(for x in " * depth + "[1]" + " return x + 1)" * depth
    assert compile_expression(text).evaluate({}) == [1 + depth]


def test_recursion_through_functions() -> None:
    with pytest.raises(EvaluationFailure, match="levels deep"):
        evaluate("{f: function(g) g(g), r: f(f)}.r")


def test_steps() -> None:
    assert evaluate("count(for x in 1..100000 return x + 1)") == 100_000
    with pytest.raises(EvaluationFailure, match="steps"):
        evaluate("for x in 1..1000, y in 1..1000 return x * y")
    with pytest.raises(EvaluationFailure, match="steps"):
        evaluate("for x in xs return sum(xs)", xs=list(range(5_000)))
    with pytest.raises(EvaluationFailure, match="steps"):
        evaluate("xs[list contains(xs, item + 5000)]", xs=list(range(5_000)))


def test_range_length() -> None:
    assert evaluate(f"count(for x in 1..{RANGE_LENGTH_MAX} return x)") == RANGE_LENGTH_MAX
    for text in ('@"0001-01-01"..@"9999-12-31"', '[@"0001-01-01"..@"9999-12-31"]', "[1..1e6000]"):
        with pytest.raises(EvaluationFailure, match="range of at most 100000 items"):
            evaluate(f"for x in {text} return x")
    for text in (f"0..{RANGE_LENGTH_MAX}", "1..1e6000", "-1e30..1e30", "1..99999999999999999999", "5.5..1e5 * -1"):
        with pytest.raises(EvaluationFailure, match="range of at most 100000 items"):
            evaluate(f"for x in {text} return x")


def test_string_length() -> None:
    assert evaluate("string length(s + s)", s="x" * (STRING_LENGTH_MAX // 2)) == STRING_LENGTH_MAX
    with pytest.raises(EvaluationFailure, match="strings of at most"):
        evaluate("s + s", s="x" * (STRING_LENGTH_MAX // 2 + 1))
    with pytest.raises(EvaluationFailure, match="strings of at most"):
        evaluate('for i in 1..40 return if i = 1 then "ab" else partial[-1] + partial[-1]')
    with pytest.raises(EvaluationFailure, match="strings of at most"):
        evaluate('replace(s, "x", s)', s="x" * 5_000)
    with pytest.raises(EvaluationFailure, match=r"strings of at most|steps"):
        evaluate("string(for i in 1..1000 return 10 ** 6000)")


@pytest.mark.parametrize(
    "text", ["x = x", "string(x)", "flatten(x)", "append([], x)", "distinct values([x])", "{y: x, z: 1 + 1}", "x.a"]
)
def test_value_depth(text: str) -> None:
    evaluate(text, x=nested_list(VALUE_DEPTH_MAX - 2))
    with pytest.raises(EvaluationFailure, match="nested at most 100"):
        evaluate(text, x=nested_list(VALUE_DEPTH_MAX + 2))


def test_values_shared_many_times() -> None:
    with pytest.raises(EvaluationFailure, match="steps"):
        evaluate("for i in 1..60 return if i = 1 then [] else [partial[-1], partial[-1]]")


def test_a_variable_that_is_only_passed_on_may_be_deep_and_large() -> None:
    deep = nested_list(500)
    assert evaluate("{a: x}.a", x=deep) is deep


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1 +\n count(for x in 1..1000, y in 1..1000 return x)", r"\(line 2, column 8\)"),
        ("[1, s + s]", r"\(line 1, column 7\)"),
        ('upper case(s + "a" + s)', r"\(line 1, column 20\)"),
        ("{f: function(g) g(g), r: f(f)}.r", r"\(line 1, column 17\)"),
        ("[1][for x in 1..1000, y in 1..1000 return x]", r"\(line 1, column 5\)"),
        ("some x in 1..1000, y in 1..1000, z in 1..9 satisfies z > 9", r"\(line 1, column 1\)"),
    ],
)
def test_a_failure_names_the_innermost_place(text: str, place: str) -> None:
    with pytest.raises(EvaluationFailure, match=place):
        evaluate(text, s="x" * (STRING_LENGTH_MAX // 2 + 1))


@pytest.mark.parametrize(
    "text",
    [
        'for x in 1..1000, y in 1..1000 return date and time("2026-01-31T10:00:00@Europe/Berlin")',
        "for x in 1..1000, y in 1..1000 return 1.0000001 ** 1e30",
        "for x in 1..1000, y in 1..1000 return from json(to json(xs))",
        "for x in 1..1000, y in 1..1000 return list replace(xs, function(a, b) a > b, 1)",
    ],
)
def test_what_takes_long_spends_steps(text: str) -> None:
    with pytest.raises(EvaluationFailure, match="steps"):
        evaluate(text, xs=[0.5] * 50_000, s="x" * 1_000_000)


def test_a_zone_is_looked_up_by_its_name_only() -> None:
    for name in ("../zones", "/etc/localtime", "Europe", "zones", "posixrules/", "europe/berlin", "", "\0"):
        assert evaluate("date and time(@" + '"2026-01-01T00:00:00", name)', name=name) is None


def test_numbers_stay_small() -> None:
    assert evaluate("9 ** 9 ** 9") == pytest.approx(9.0**81)
    assert evaluate("10 ** 400") is None
    assert evaluate("10 ** 400 > 10 ** 399") is True
    assert evaluate("10 ** 6144 * 10") is None
    assert evaluate("1.000001 ** 1e30") is None
    assert evaluate("string length(string(10 ** 6000))") == 6001
    assert evaluate("product(for i in 1..10000 return 9999999999)") is None


def test_pattern_length() -> None:
    assert evaluate("matches(s, p)", s="a", p="a?" * (PATTERN_LENGTH_MAX // 2)) is True
    with pytest.raises(EvaluationFailure, match="pattern of at most 1000 characters"):
        evaluate("matches(s, p)", s="a", p="a" * (PATTERN_LENGTH_MAX + 1))


@pytest.mark.parametrize(
    "pattern", ["((a{100}){100}){100}", "(a{5000}){2}", "a{99999}", "(?:){999999999}", "(" * 70 + ")" * 70]
)
def test_pattern_size(pattern: str) -> None:
    with pytest.raises(EvaluationFailure):
        evaluate("matches(s, p)", s="a", p=pattern)
    with pytest.raises(FeelError):
        compile_expression(f'matches(s, "{pattern}")')


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "(a|aa)+$", "a*a*a*a*a*c", "(.*a){12}$"])
def test_no_pattern_is_slow(pattern: str) -> None:
    assert evaluate("matches(s, p)", s="a" * 500 + "b", p=f"^{pattern}") in (True, False)


def test_a_pattern_spends_steps() -> None:
    with pytest.raises(EvaluationFailure, match="steps"):
        evaluate('matches(s, "(a|b)*c")', s="a" * 200_000)
