"""What holds for any text and any variables: refusals are FeelErrors, evaluation is null-safe and deterministic."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn.feel import EvaluationFailure, FeelError, Value, compile_expression
from engine.bpmn.feel.functions import BUILTINS, FUNCTION_NAMES
from engine.bpmn.feel.parser import parse
from tests.unit.feel.feel_printer import show


class Variables(dict[str, Value]):
    now = 1_774_778_400_250


WORDS = [
    *("x", "y", "1", "0.1", "-2", '"a"', "null", "true", "item", "partial", "?", "`b c`"),
    *("+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", "and", "or", "not(", "between", "in", "instance of"),
    *("(", ")", "[", "]", "{", "}", ",", ":", ".", "..", "if", "then", "else", "for", "return", "some", "every"),
    *('@"P1D"', '@"2026-01-01"', "date(", "now()", "time offset", "{a b:", "a b", "list<", ">", "[1..3]", "before("),
    *("satisfies", "function(", "number", "list", "count(", "sort(", "matches(", "string(", "//", "/*", "*/", "\n"),
]
JSON: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abxy"), inner, max_size=3),
    max_leaves=6,
)
LEAVES = st.sampled_from(
    [
        *(
            "x",
            "y",
            "x.a",
            "null",
            "1",
            "0.5",
            '"a"',
            "true",
            "[1, x]",
            "{a: y}",
            "item",
            "nowhere",
            "[1..3]",
            "(0..x)",
        ),
        *('@"2026-02-28"', '@"10:00:00Z"', '@"2026-03-29T02:30:00@Europe/Berlin"', '@"P1DT0.5S"', '@"-P1Y2M"', "now()"),
        *('"2026-01-01T00:00:00Z"', '"Europe/Berlin"', "9999999999999999", '@"9999-12-31T23:59:59"', '@"0001-01-01"'),
    ]
)


def _expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions that always compile."""
    operators = st.sampled_from(["+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", "and", "or"])
    templates: list[Callable[[str, str], str]] = [
        lambda a, b: f"(if {a} then {b} else ({a}))",
        lambda a, b: f"({a})[{b}]",
        lambda a, b: f"(for i in ({a}) return ({b}))",
        lambda a, b: f"(some i in ({a}) satisfies i = ({b}))",
        lambda a, b: f"(({a}) in (({b}), < ({a})))",
        lambda a, b: f"(({a}) in [({a})..({b})])",
        lambda a, b: f"(({a}) between ({a}) and ({b}))",
        lambda a, b: f"sort({a}, function(x, y) x < ({b}))",
        lambda a, b: f"(-({a}) - ({b}))",
        lambda a, b: f"(({a}) instance of number or ({b}))",
        lambda a, b: f"(({a}) instance of list<range<date>> and ({b}).month)",
        lambda a, b: f"(some i in [({a})..({b})] satisfies i = ({b}))",
        lambda a, b: f"((function(x: time, y) x = y)(y: ({a}), x: ({b})))",
        lambda a, b: f"{{first name: {a}, r: first name + ({b})}}.r",
    ]
    calls = [lambda a, b, function=function: _call(function, a, b) for function in sorted(BUILTINS)]
    return st.one_of(
        st.builds(lambda a, operator, b: f"({a}) {operator} ({b})", inner, operators, inner),
        st.builds(lambda template, a, b: template(a, b), st.sampled_from([*templates, *calls]), inner, inner),
    )


def _call(name: str, first: str, second: str) -> str:
    builtin = BUILTINS[name]
    count = len(builtin.signatures[-1].parameters)
    arguments = [first if position % 2 else second for position in range(count)]
    if builtin.pattern is not None:
        arguments[builtin.pattern] = f"string({arguments[builtin.pattern]})"
    return f"{name}({', '.join(arguments)})"


EXPRESSIONS = st.recursive(LEAVES, _expressions, max_leaves=6)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    refused, lines = _refusal(text), text.split("\n")
    if refused is None:
        _evaluate(text, {})
    else:
        assert 1 <= refused.line <= len(lines)
        assert 1 <= refused.column <= len(lines[refused.line - 1]) + 1


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, st.dictionaries(st.sampled_from("xy"), JSON))
def test_evaluation_is_null_safe_and_deterministic(text: str, given: dict[str, Value]) -> None:
    variables = Variables(given)
    before = msgspec.json.encode(variables)
    assert _evaluate(text, variables) == _evaluate(text, variables)
    assert msgspec.json.encode(variables) == before


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, st.dictionaries(st.sampled_from("xy"), JSON))
def test_keeping_warnings_changes_nothing(text: str, given: dict[str, Value]) -> None:
    variables = Variables(given)
    try:
        explained = msgspec.json.encode(compile_expression(text).explain(variables).result)
    except EvaluationFailure as failure:
        explained = str(failure).encode()
    assert explained == _evaluate(text, variables)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_what_is_printed_parses_to_the_same_tree(text: str) -> None:
    tree = parse(text, FUNCTION_NAMES)
    assert _without_places(parse(show(tree), FUNCTION_NAMES)) == _without_places(tree)


def _without_places(node: object) -> object:
    if isinstance(node, msgspec.Struct):
        fields = {name: _without_places(getattr(node, name)) for name in node.__struct_fields__ if name != "at"}
        return type(node).__name__, fields
    return tuple(map(_without_places, node)) if isinstance(node, tuple) else node


def _refusal(text: str) -> FeelError | None:
    try:
        compile_expression(text)
    except FeelError as error:
        return error
    return None


def _evaluate(text: str, variables: dict[str, Value]) -> bytes:
    """The result as bytes: what is no JSON fails here."""
    try:
        return msgspec.json.encode(compile_expression(text).evaluate(variables))
    except EvaluationFailure as failure:
        return str(failure).encode()
