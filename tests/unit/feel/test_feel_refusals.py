"""What is refused at compile time, and that the place is right."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import FeelError, compile_expression, compile_property


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
        ("{a 1}", 1, 4, "':'"),
        ("if a then b", 1, 12, "'else'"),
        ("for x y return x", 1, 7, "'in'"),
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
        ('substring(string: "a")', 1, 1, "no 'start position'"),
        ("now()", 1, 1, "no clock"),
        ("today()", 1, 1, "no clock"),
        ("random number()", 1, 1, "replayed"),
        ("uuid()", 1, 1, "replayed"),
        ('date("2020-01-01")', 1, 1, "ISO 8601"),
        ('date and time("2020-01-01T00:00:00")', 1, 1, "ISO 8601"),
        ('@"2020-01-01"', 1, 1, "not supported"),
        ("function(x) external {java: 1}", 1, 13, "external"),
        ('matches(a, "(?=b)")', 1, 12, "plain group"),
        ('matches(a, "(")', 1, 12, "close it"),
        ("{f: function(x) x, r: f(x: 1)}", 1, 23, "positional"),
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
