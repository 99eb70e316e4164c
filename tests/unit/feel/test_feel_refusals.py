"""What is refused at compile time, and that the place is right."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import FeelError, compile_expression, compile_property
from engine.bpmn.feel.errors import EXCERPT_LENGTH_MAX


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("", 1, 1, "end of the expression"),
        ("  ", 1, 3, "end of the expression"),
        ("1 +", 1, 4, "end of the expression"),
        ("1 1", 1, 3, "'1'"),
        ("a\n  b", 2, 3, "'b'"),
        ("a = b = c", 1, 7, "do not chain"),
        ("(1", 1, 3, "')'"),
        ("[1, 2", 1, 6, "']'"),
        ("{a 1}", 1, 5, "':'"),
        ("if a then b", 1, 12, "'else'"),
        ("for x y return x", 1, 9, "'in'"),
        ("for in in xs return 1", 1, 5, "a name"),
        ('"open', 1, 1, "close the string"),
        ("1 /* open", 1, 3, "close the comment"),
        ("`open", 1, 1, "close the name"),
        ("a # b", 1, 3, "'#'"),
        ("a.", 1, 3, "a name after"),
        ("1 instance of nonsense", 1, 15, "a type"),
        ("? > 1", 1, 1, "'?'"),
        ("> 1", 1, 1, "'>'"),
        ("and", 1, 1, "'and'"),
        ("1e99999", 1, 1, "a number"),
        ("1 +\n unknown(1)", 2, 2, "'unknown'"),
        ("foo bar(1)", 1, 1, "'foo bar'"),
        ("abs()", 1, 1, "expected abs(n)"),
        ("abs(1, 2)", 1, 1, "got 2 arguments"),
        ('substring("a", beginning: 1)', 1, 25, "')'"),
        ('substring(string: "a", beginning: 1)', 1, 1, "'beginning'"),
        ('substring(string: "a")', 1, 1, "got the arguments 'string'"),
        ('substring(string: "a", string: "b")', 1, 1, "got the arguments 'string', 'string'"),
        ("date(1, 2)", 1, 1, "expected date(from) or date(year, month, day), got 2 arguments"),
        ("date(year: 1, month: 2)", 1, 1, "got the arguments 'year', 'month'"),
        ("now(1)", 1, 1, "expected now(), got 1 arguments"),
        ("first name + 1", 1, 7, "'name'"),
        ("@1", 1, 2, "a string after '@'"),
        ("1(2)", 1, 2, "'('"),
        ("x instance of list<", 1, 20, "a type"),
        ("x instance of list<number", 1, 26, "'>'"),
        ("x instance of function<number>", 1, 31, "'-'"),
        ("function(x: nonsense) x", 1, 13, "a type"),
        ("{a#b: 1}", 1, 3, "'#'"),
        ("random number(1)", 1, 1, "expected random number(), got 1 arguments"),
        ("uuid(1)", 1, 1, "expected uuid(), got 1 arguments"),
        ("function(x) external {java: 1}", 1, 13, "external"),
        ('matches(a, "(?=b)")', 1, 12, "plain group"),
        ('matches(a, "(")', 1, 12, "close it"),
    ],
)
def test_refused_with_its_place(text: str, line: int, column: int, word: str) -> None:
    with pytest.raises(FeelError) as caught:
        compile_expression(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert word in caught.value.message
    assert caught.value.text == text


@pytest.mark.parametrize(("text", "line", "column"), [("=", 1, 2), ("=1 +", 1, 5), ("=1 +\n+", 2, 1)])
def test_the_place_in_a_property_counts_the_equals_sign(text: str, line: int, column: int) -> None:
    with pytest.raises(FeelError) as caught:
        compile_property(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.text == text


def test_the_text_of_an_error_points_at_the_character() -> None:
    with pytest.raises(FeelError) as caught:
        compile_expression("[1,\n\t2 +* 3]")
    assert str(caught.value) == (
        "expected an expression, got '*'; correct the expression there (line 2, column 5)\n 2 +* 3]\n    ^"
    )


@pytest.mark.parametrize("before", [0, 30, 200, 5_000])
def test_of_a_long_line_only_the_part_around_the_character_is_shown(before: int) -> None:
    with pytest.raises(FeelError) as caught:
        compile_expression("1 + " * (before // 4) + "#" + " + 1" * 200)
    _, shown, caret = str(caught.value).split("\n")
    assert len(shown) <= EXCERPT_LENGTH_MAX
    assert shown[caret.index("^")] == "#"
