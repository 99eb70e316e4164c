"""The format of the state follows from the tables: whatever would be read otherwise has another name."""

from __future__ import annotations

import pytest
from msgspec import Struct

from engine.core.state import Table
from engine.core.state_format import LENGTH, state_format
from tests.support.scenario import ASSEMBLY


class Inner(Struct, frozen=True):
    number: int = 0


class WiderInner(Struct, frozen=True):
    number: int = 0
    text: str = ""


class Row(Struct, frozen=True, array_like=True):
    inners: tuple[Inner, ...] = ()


class RowOfWider(Struct, frozen=True, array_like=True):
    inners: tuple[WiderInner, ...] = ()


class RowAsMap(Struct, frozen=True):
    inners: tuple[Inner, ...] = ()


def format_of(*tables: object) -> str:
    return state_format(tables)  # type: ignore[arg-type]


ROWS = Table(1, "ROWS", Row)


def test_it_is_the_same_for_the_same_tables_in_any_order() -> None:
    other = Table(2, "OTHER", bool)
    assert format_of(ROWS, other) == format_of(other, ROWS)
    assert len(format_of(ROWS)) == LENGTH


@pytest.mark.parametrize(
    "table",
    [
        Table(2, "ROWS", Row),
        Table(1, "OTHERS", Row),
        Table(1, "ROWS", RowOfWider),
        Table(1, "ROWS", RowAsMap),
        Table(1, "ROWS", int),
    ],
)
def test_a_changed_table_is_another_format(table: object) -> None:
    assert format_of(table) != format_of(ROWS)


def test_an_added_table_is_another_format() -> None:
    assert format_of(ROWS, Table(2, "OTHER", bool)) != format_of(ROWS)


def test_the_engine_has_one() -> None:
    assert ASSEMBLY.state_format == state_format(ASSEMBLY.registry.tables)
