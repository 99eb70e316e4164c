"""Why an answer is null: one warning for each place, and none where null is expected."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import Value, compile_expression, compile_property
from engine.bpmn.feel.limits import WARNINGS_MAX

VARIABLES: dict[str, Value] = {"amount": 5, "name": "Ada", "xs": [1, 2, 3], "order": {"id": 1}}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("nobody", 1, 1, "expected the variable 'nobody' to have a value, got none"),
        ("order.total", 1, 6, "expected an entry or property of context, got none called 'total'"),
        ("name.first", 1, 5, "expected an entry or property of string \"Ada\", got none called 'first'"),
        ("amount +\n name", 1, 8, "expected operands of '+' that fit together, got number 5 and string \"Ada\""),
        ("1 - 2 - name", 1, 7, "expected operands of '-' that fit together, got number -1 and string \"Ada\""),
        ("amount / 0", 1, 8, "expected a divisor other than zero, got number 5 / number 0"),
        ("10 ** 9999", 1, 4, "expected a result of an exponent up to 6144, got none for number 10 ** number 9999"),
        ("-name", 1, 1, 'expected a number or a duration to negate, got string "Ada"'),
        ("amount < name", 1, 8, 'expected two values of one type that has an order, got number 5 and string "Ada"'),
        ("amount = name", 1, 8, 'expected two values of one type to compare, got number 5 and string "Ada"'),
        ("amount != name", 1, 8, 'expected two values of one type to compare, got number 5 and string "Ada"'),
        ("true and amount", 1, 6, "expected booleans around 'and', got number 5"),
        ("false or amount", 1, 7, "expected booleans around 'or', got number 5"),
        ("if amount then 1 else 2", 1, 1, "expected a boolean between 'if' and 'then', got number 5"),
        ("amount[1]", 1, 7, "expected a list to take an item of, got number 5"),
        ("amount[item > 1]", 1, 7, "expected a list to filter, got number 5"),
        ("for x in amount return x", 1, 5, "expected a list or a range of whole numbers or dates, got number 5"),
        (
            "for x in name..1 return x",
            1,
            5,
            "expected two numbers or two dates around '..', got string \"Ada\" and number 1",
        ),
        (
            "[1..name]",
            1,
            1,
            'expected a range between values of one type that has an order, got number 1 and string "Ada"',
        ),
        ("name in [1..2]", 1, 9, 'expected a value of the type of the range\'s ends, got string "Ada"'),
        ("amount in (name)", 1, 12, 'expected two values of one type to compare, got number 5 and string "Ada"'),
        ('@"2026-02-30"', 1, 1, "expected a date, time or duration in years 1 to 9999, got '2026-02-30'"),
        (
            '@"9999-12-31" + @"P1D"',
            1,
            15,
            "expected operands of '+' that fit together and a year from 1 to 9999, "
            "got date 9999-12-31 and days and time duration P1D",
        ),
        ("abs(name)", 1, 1, 'expected abs(n) to have an answer, got none for (string "Ada")'),
        (
            "substring(name, 9)",
            1,
            1,
            "expected substring(string, start position, [length]) to have an answer, "
            'got none for (string "Ada", number 9)',
        ),
        ("sum([])", 1, 1, "expected sum(list, …) to have an answer, got none for (list)"),
        ("{f: 1, r: f(2)}.r", 1, 11, "expected a function to call, got number 1"),
        ("{f: function(a, b) a, r: f(2)}.r", 1, 26, "expected the arguments (a, b), got others"),
        ("{f: function(a: date) a, r: f(2)}.r", 1, 5, "expected a date, got number 2 for 'a'"),
    ],
)
def test_a_warning_says_what_and_where(text: str, line: int, column: int, message: str) -> None:
    warnings = compile_expression(text).explain(VARIABLES).warnings
    assert warnings == (f"{message} (line {line}, column {column})",)


def test_every_item_that_does_not_fit_has_its_warning() -> None:
    warnings = compile_expression("every x in xs satisfies x").explain(VARIABLES).warnings
    assert [warning.split(", got ")[1] for warning in warnings] == [
        f"number {number} (line 1, column 1)" for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "nobody = null",
        "order.total != null",
        "is defined(nobody)",
        "is defined(order.total)",
        "get or else(nobody, 1)",
        'get value(order, "total")',
        "string(nobody)",
        "fromAi(toolCall.amount)",
        "nobody instance of number",
        "xs[amount]",
        "[{price: 1}][price]",
        "null",
        "[null, {a: null}]",
        "{a: null}.a",
        "xs[9]",
        "from json(to json(nobody))",
    ],
)
def test_nothing_is_said_where_null_is_expected(text: str) -> None:
    evaluation = compile_expression(text).explain(VARIABLES)
    assert [warning for warning in evaluation.warnings if "from json" not in warning] == []


def test_the_same_warning_is_given_once_and_the_first_ones_only() -> None:
    assert len(compile_expression("for x in 1..50 return nobody").explain({}).warnings) == 1
    assert len(compile_expression("for x in 1..1000 return x + null").explain({}).warnings) == WARNINGS_MAX


def test_the_place_in_a_property_counts_the_equals_sign() -> None:
    assert compile_property("=nobody").explain({}).warnings[0].endswith("(line 1, column 2)")


def test_a_name_with_braces_is_told_as_it_is() -> None:
    (warning,) = compile_expression("`a{}b{0}`").explain({}).warnings
    assert "'a{}b{0}'" in warning
    assert "'{}'" in compile_expression("{`{}`: 1}.a.`{}`").explain({}).warnings[-1]


def test_the_result_is_that_of_evaluate() -> None:
    for text in ("amount + 1.5", "today() = null", "xs[item > 1]", '@"P1D"', "[1..2]"):
        expression = compile_expression(text)
        assert expression.explain(VARIABLES).result == expression.evaluate(VARIABLES)
