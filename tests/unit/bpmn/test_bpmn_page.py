"""docs/bpmn.md says of every name what names.py says: neither can change without the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from engine.bpmn import model, names

PAGE = Path(__file__).parents[3] / "docs" / "bpmn.md"
REFUSED = "—"

#: Columns of the table of events, and the place in a model that each is about.
PLACES = {
    "start": model.START_EVENT,
    "event sub-process": model.EVENT_SUB_PROCESS,
    "catch": model.INTERMEDIATE_CATCH_EVENT,
    "boundary": model.BOUNDARY_EVENT,
    "throw": model.INTERMEDIATE_THROW_EVENT,
    "end": model.END_EVENT,
}
EXECUTED = frozenset({*names.FLOW_NODES, names.MULTI_INSTANCE}) | {
    f"zeebe:{name}" for name in (*names.EXTENSIONS, *names.EXTENSIONS_IGNORED)
}
NOT_EXECUTED = (
    frozenset(names.FLOW_NODES_REFUSED)
    | frozenset(names.MARKERS_REFUSED)
    | {f"zeebe:{name}" for name in names.EXTENSIONS_REFUSED}
)


def _rows(path: Path = PAGE) -> Iterator[Mapping[str, str]]:
    """The rows of all tables, by the titles of their columns."""
    titles: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            titles = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not titles:
            titles = cells
        elif set(cells[0]) != {"-"}:
            assert len(cells) == len(titles), f"expected {len(titles)} columns, got {len(cells)}: {line}"
            yield dict(zip(titles, cells, strict=True))


def _row_of(name: str) -> Mapping[str, str]:
    found = [row for row in _rows() if name in re.findall(r"`([^`]+)`", row.get("name", ""))]
    assert len(found) == 1, f"expected one row with `{name}` in docs/bpmn.md, got {len(found)}; say what is covered"
    return found[0]


@pytest.mark.parametrize("name", sorted(EXECUTED))
def test_what_is_executed_or_read_says_what_is_covered(name: str) -> None:
    assert _row_of(name)["covered"] not in ("", REFUSED)


@pytest.mark.parametrize("name", sorted(NOT_EXECUTED - EXECUTED))
def test_what_is_refused_is_said_to_be(name: str) -> None:
    assert _row_of(name)["covered"] == REFUSED


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", sorted(names.EVENT_DEFINITIONS))
def test_events_are_said_to_be_executed_exactly_where_they_are(name: str, place: str) -> None:
    executed = name in names.EVENT_DEFINITIONS_EXECUTED.get(PLACES[place], ())
    cell = _row_of(name)[place]
    assert (cell == "yes") == executed, f"expected {'yes' if executed else REFUSED} for `{name}`, {place}, got {cell!r}"


def test_elements_name_their_source() -> None:
    assert not [row["element"] for row in _rows() if "source" in row and "element" in row and not row["source"]]
