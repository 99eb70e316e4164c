"""Two ordered streams side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.rows import differences

ROWS = st.dictionaries(st.integers(0, 20), st.integers(0, 2))


@given(ROWS, ROWS)
def test_exactly_the_rows_that_differ_are_told(expected: dict[int, int], got: dict[int, int]) -> None:
    found = list(differences(sorted(expected.items()), sorted(got.items())))
    keys = sorted(key for key in expected.keys() | got.keys() if expected.get(key) != got.get(key))
    assert found == [(key, expected.get(key), got.get(key)) for key in keys]
