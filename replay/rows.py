"""Two ordered streams of rows side by side: which rows differ. Nothing but one row of each is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Any)
Row = TypeVar("Row")


def differences(
    expected: Iterable[tuple[Key, Row]], got: Iterable[tuple[Key, Row]]
) -> Iterator[tuple[Key, Row | None, Row | None]]:
    """Key, expected row and row got where they differ, None for a row that is not there. Both ascend by key."""
    left, right = iter(expected), iter(got)
    wanted, found = next(left, None), next(right, None)
    while wanted is not None or found is not None:
        if found is None or (wanted is not None and wanted[0] < found[0]):
            assert wanted is not None
            yield wanted[0], wanted[1], None
            wanted = next(left, None)
        elif wanted is None or found[0] < wanted[0]:
            yield found[0], None, found[1]
            found = next(right, None)
        else:
            if wanted[1] != found[1]:
                yield wanted[0], wanted[1], found[1]
            wanted, found = next(left, None), next(right, None)
