"""Patterns mean the same everywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.patterns import is_like, literal
from tests.conformance.search_model import like

TEXT = st.text("ab*?\\ä😀", max_size=12)


@given(text=TEXT, pattern=TEXT)
def test_patterns_mean_the_same_everywhere(text: str, pattern: str) -> None:
    assert is_like(text, pattern) == like(pattern, text)
    only = literal(pattern)
    assert only is None or is_like(text, pattern) == (text == only)


def test_a_pattern_of_many_runs_takes_no_long_time() -> None:
    assert not is_like("a" * 5_000, "*a" * 50 + "b")
