"""Names, functions of the expression, types, conversion, and Camunda's additions."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import EvaluationFailure, Value, compile_expression

VARIABLES: dict[str, Value] = {
    "my name": 7,
    "order": {"first name": "Ada", "a-b": 2, "items": [{"unit price": 3}]},
    "amount": 5,
    "größe": 1,
    "_private1": 2,
}

CASES: dict[str, list[tuple[str, Value]]] = {
    "10.3.1.2 names": [
        ("`my name` + 1", 8),
        ("order.`first name`", "Ada"),
        ("order.`a-b`", 2),
        ("order.items[`unit price` > 2].`unit price`", [3]),
        ("größe + _private1", 3),
        ("{first name: 1, b: first name + 1}.b", 2),
        ("{first name: 1, first: 5, b: first name + first}.b", 6),
        ("{a: {first name: 1}, b: a.first name}.b", 1),
        ("{first name: 1}.first name", 1),
        ("{a+b: 1}.`a+b`", 1),
        ("{a - b: 1, c 2: 2}", {"a - b": 1, "c 2": 2}),
        ('{"a:b": 1}.`a:b`', 1),
        ("{`x y`: 1, z: x y * 2}.z", 2),
        ("for one item in [1, 2] return one item * 2", [2, 4]),
        ("some one item in [1, 2] satisfies one item = 2", True),
        ("{f: function(first value) first value + 1, r: f(1)}.r", 2),
        ("{add one: function(x) x + 1, r: add one(1)}.r", 2),
        ("{if not: 1}", {"if not": 1}),
        ("{a: 1, a: 2}.a", 2),
        ("amount // five\n + 1", 6),
    ],
    "10.3.2.6 contexts that refer to themselves": [
        ("{a: 1, b: a + 1, c: b + a}", {"a": 1, "b": 2, "c": 3}),
        ("{a: {b: 2, c: b * 2}, d: a.c}.d", 4),
        ("{amount: amount + 1}.amount", 6),
        ("{a: 1, f: function(x) x + a, a2: 10, r: f(a2)}.r", 11),
        ("[{a: 1, b: a + 1}, {a: 2, b: a + 1}].b", [2, 3]),
    ],
    "10.3.2.13 functions": [
        ("{f: function(a, b) a - b, r: f(b: 1, a: 3)}.r", 2),
        ("{f: function(a, b) b, r: f(a: 3)}.r", None),
        ("{f: function(a) a, r: f(c: 3)}.r", None),
        ("(function(x) x * 2)(4)", 8),
        ("{c: {f: function(x) x * 2}, r: c.f(4)}.r", 8),
        ("{c: {f: function(x) x * 2}, r: c.f(x: 4)}.r", 8),
        ("[function(x) x + 1][1](2)", 3),
        ("{f: function(x) function(y) x + y, r: f(1)(2)}.r", 3),
        ("{c: 1, r: c.f(4)}.r", None),
        ("{f: function(x: number) x, r: f(1)}.r", 1),
        ('{f: function(x: number) x, r: f("a")}.r', None),
        ("{f: function(x: number) x, r: f(null)}.r", None),
        ("{f: function(xs: list<number>, s: string) count(xs), r: f([1, 2], string(1))}.r", 2),
        ("{f: function() 5, r: f()}.r", 5),
        ("{abs: function(x) 42, r: abs(-1)}.r", 42),
        ("string(function(a, b) a)", "function(a, b)"),
    ],
    "table 61 instance of structured types": [
        ("[1, 2] instance of list<number>", True),
        ('[1, "a"] instance of list<number>', False),
        ("[] instance of list<string>", True),
        ("[[1]] instance of list<list<number>>", True),
        ("{a: 1} instance of context<a: number>", True),
        ('{a: "x"} instance of context<a: number>', False),
        ("{b: 1} instance of context<a: number>", False),
        ("{a: 1, b: 2} instance of context<a: number, b: number>", True),
        ("{a b: [1]} instance of context<a b: list<number>>", True),
        ("(function(x) x) instance of function<number>->number", True),
        ("(function(x, y) x) instance of function<number>->number", False),
        ("null instance of Null", True),
        ("null instance of number", False),
        ("[null] instance of list<Any>", False),
        ("1 instance of list<number>", False),
        ("1 instance of number and true", True),
    ],
    "10.3.2.14 several iterators": [
        ("for x in [1, 2], y in [x, 10] return y", [1, 10, 2, 10]),
        ("for x in 1..2, y in x..2 return [x, y]", [[1, 1], [1, 2], [2, 2]]),
        ("for i in 1..3 return count(partial)", [0, 1, 2]),
        ("for i in 0..4 return if i = 0 then 1 else i * partial[-1]", [1, 1, 2, 6, 24]),
        ("every x in [1, 2], y in [3] satisfies x < y", True),
        ("some x in [1, 2], y in [x] satisfies x != y", False),
    ],
    "Camunda's functions": [
        ("assert(amount, amount > 1)", 5),
        ('assert(amount, amount != null, "no amount")', 5),
        ("fromAi(amount)", 5),
        ('fromAi(amount, "how much", "number", {minimum: 0}, {required: true})', 5),
        ('fromAi(value: amount, description: "how much")', 5),
        ("fromAi(toolCall.nothing)", None),
        ('to base64("hello")', "aGVsbG8="),
        ('to base64("größe")', "Z3LDtsOfZQ=="),
        ('from base64("aGVsbG8=")', "hello"),
        ('from base64("%%%")', None),
        ('from base64("/w==")', None),
        ("to base64(1)", None),
        ('from json("{\\"a\\": [1, 2.5, null, true]}")', {"a": [1, 2.5, None, True]}),
        ('from json("1")', 1),
        ('from json("null")', None),
        ('from json("{")', None),
        ('from json("")', None),
        ("from json(1)", None),
        ('from json("{\\"a\\": 0.1}").a + 0.2 = 0.3', True),
        ('to json({a: 1, b: [true, null, "x"], c: 1.50})', '{"a":1,"b":[true,null,"x"],"c":1.5}'),
        ('to json("a\\"b")', '"a\\"b"'),
        ("to json(null)", "null"),
        ("to json([1..2])", "null"),
        ('put({x: 1}, "y", 2)', {"x": 1, "y": 2}),
        ("put all({x: 1}, {y: 2})", {"x": 1, "y": 2}),
        ("and([true, false])", False),
        ("or(false, true)", True),
        ("true and and([true])", True),
        ('string join(split("a-b", "-"), "+")', "a+b"),
    ],
    "10.3.4.4 list replace": [
        ("list replace([2, 4, 7, 8], 3, 6)", [2, 4, 6, 8]),
        ("list replace([2, 4, 7, 8], -1, 6)", [2, 4, 7, 6]),
        ("list replace([2, 4, 7, 8], function(item, newItem) item < newItem, 5)", [5, 5, 7, 8]),
        ("list replace(list: [1, 2], position: 1, newItem: 9)", [9, 2]),
        ("list replace(list: [1, 2], match: function(a, b) a = 2, newItem: 9)", [1, 9]),
        ("list replace([1], 2, 9)", None),
        ("list replace([1], 0, 9)", None),
        ("list replace([1], function(a) true, 9)", None),
        ("list replace([1], function(a, b) 1, 9)", None),
        ("list replace(1, 1, 9)", None),
    ],
    "null goes through, as in Camunda": [
        ("nobody.name.first", None),
        ("nobody[1]", None),
        ("nobody + 1 > 2", None),
        ("not(nobody)", None),
        ("nobody = null and nobody.a = null", True),
        ("if nobody then 1 else 2", 2),
        ("count(nobody)", None),
        ("upper case(nobody)", None),
        ("[1, nobody]", [1, None]),
        ("{a: nobody}", {"a": None}),
        ("get or else(nobody.a, 3)", 3),
        ("for x in nobody return x", None),
        ("[1, null, 3][item > 2]", [3]),
        ("sort([3, 1], nobody)", None),
        ("nobody in [1, 2]", False),
        ("nobody between 1 and 2", None),
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(text, value, id=f"{part}: {text}") for part, cases in CASES.items() for text, value in cases],
)
def test_evaluates(text: str, expected: Value) -> None:
    result = compile_expression(text).evaluate(VARIABLES)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('assert(amount, amount > 9, "too little")', r"too little \(line 1, column 1\)"),
        ("[1,\n assert(nobody, nobody != null)]", r"expected the condition of assert to be true \(line 2, column 2\)"),
    ],
)
def test_an_assertion_that_does_not_hold_ends_the_evaluation(text: str, message: str) -> None:
    with pytest.raises(EvaluationFailure, match=message):
        compile_expression(text).evaluate(VARIABLES)
