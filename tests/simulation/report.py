"""What a person needs to understand why a seed failed, and to repeat it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence

from engine.core.record import Record
from tests.support.moment import describe

#: Lines of the diary and records of each partition that are shown, the last ones.
DIARY_LENGTH, RECORDS_LENGTH = 150, 25


def fail(by: str, failures: Sequence[str]) -> None:
    """Raises AssertionError if there are any; its first line tells what has noticed them."""
    if failures:
        raise AssertionError("\n".join([by, *failures]))


def describe_failure(
    title: str,
    drawn: Sequence[str],
    diary: Sequence[str],
    records: Mapping[int, Sequence[Record]],
    error: BaseException,
    repeat: Sequence[str],
) -> str:
    """`drawn`: what the seed chose. An AssertionError that says something needs no traceback."""
    text = str(error) if isinstance(error, AssertionError) else ""
    return "\n".join(
        [
            f"=== {title} ===",
            *drawn,
            "--- what was done to it",
            *diary[-DIARY_LENGTH:],
            "--- the last records of each partition",
            *(describe(record) for found in records.values() for record in found[-RECORDS_LENGTH:]),
            "--- what is wrong",
            text or "".join(traceback.format_exception(error)),
            *repeat,
        ]
    )
