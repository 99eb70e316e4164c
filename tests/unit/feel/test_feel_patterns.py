"""Regular expressions: they agree with Python's `re` wherever both have the construct."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn.feel.limits import Budget
from engine.bpmn.feel.pattern_syntax import PatternError, UnsupportedPattern
from engine.bpmn.feel.patterns import compile_pattern, find_all

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\w", "\\d", "^", "$", "(a)", "(?:b)", "-", "\\."])
SUFFIXES = st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,2}"])


def _larger_patterns(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    # What may match nothing is not repeated: there engines differ in how many empty rounds they try.
    repeatable = inner.filter(lambda part: re.fullmatch(part, "") is None)
    return st.one_of(
        st.builds(lambda part, suffix: f"(?:{part}){suffix}", repeatable, SUFFIXES),
        st.builds(lambda part: f"({part})", inner),
        st.builds(lambda left, right: f"{left}|{right}", inner, inner),
        st.builds(lambda left, right: left + right, inner, inner),
    )


PATTERNS = st.recursive(ATOMS, _larger_patterns, max_leaves=8)
MALFORMED = ["(", ")", "[", "*", "a**", "a{2,1}", "{", "a{x}", "\\", "\\u00", "[z-a]", "[a-\\d]"]
UNSUPPORTED = ["(?=a)", "(?i)a", "(?<n>a)", "(a)\\1", "a++", "\\p{L}", "[a&&b]", "[a[b]]", "\\Qa"]


@settings(max_examples=150, deadline=None)
@given(pattern=PATTERNS, text=st.text(alphabet="ab-.1\n", max_size=12))
def test_finds_the_same_matches_as_python(pattern: str, text: str) -> None:
    mine = [groups[:2] for groups in find_all(compile_pattern(pattern, ""), text, Budget())]
    theirs = re.compile(pattern, re.ASCII)
    first = theirs.search(text)
    assert (mine[0] if mine else None) == (first.span() if first else None)


@settings(max_examples=150, deadline=None)
@given(pattern=st.text(alphabet="ab()[]{}|*+?^$\\-.,01&:=<dwsbQ# \n", max_size=15), flags=st.sampled_from(["", "x"]))
def test_any_text_is_a_pattern_or_refused(pattern: str, flags: str) -> None:
    try:
        program = compile_pattern(pattern, flags)
    except PatternError:
        return
    list(find_all(program, "ab01 -", Budget()))


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "matches"),
    [
        ("a.c", "", "a\nc", []),
        ("a.c", "s", "a\nc", ["a\nc"]),
        ("^b$", "", "a\nb", []),
        ("^b$", "m", "a\nb", ["b"]),
        ("A", "i", "aA", ["a", "A"]),
        ("a b # comment", "x", "ab", ["ab"]),
        ("[a-c]+", "", "xabcx", ["abc"]),
        ("[]a]+", "", "]a", ["]a"]),
        ("[a\\-z]+", "", "a-zb", ["a-z"]),
        ("[-a]+", "", "-a", ["-a"]),
        ("[\\d.]+", "", "1.5", ["1.5"]),
        ("[a||b]+", "", "a|b", ["a|b"]),
        ("\\u0041\\x42", "", "AB", ["AB"]),
        ("\\Aa\\z", "", "a", ["a"]),
        ("a{2,}", "", "aaaa", ["aaaa"]),
        ("a{2}?", "", "aaaa", ["aa", "aa"]),
        ("(a|ab)(c|bcd)", "", "abcd", ["abcd"]),
        ("a*?b", "", "aab", ["aab"]),
        ("(a*)*", "", "aa", ["aa", ""]),
        ("\\d", "", "٣", []),
        ("ä", "", "ä", ["ä"]),
    ],
)
def test_construct(pattern: str, flags: str, text: str, matches: list[str]) -> None:
    program = compile_pattern(pattern, flags)
    assert [text[groups[0] : groups[1]] for groups in find_all(program, text, Budget())] == matches


@pytest.mark.parametrize("pattern", MALFORMED)
def test_malformed(pattern: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern, "")
    assert not isinstance(caught.value, UnsupportedPattern)


@pytest.mark.parametrize("pattern", UNSUPPORTED)
def test_unsupported(pattern: str) -> None:
    with pytest.raises(UnsupportedPattern):
        compile_pattern(pattern, "")
