"""The registry refuses gaps, and this build has none."""

from __future__ import annotations

import pytest

from engine.assembly import Assembly, OperationCodecs
from engine.core.effects import Effects
from engine.core.head import apply_nothing
from engine.core.record import Record
from engine.core.registry import Part, Registry
from engine.core.state import Table, View
from engine.operations import OPERATIONS
from engine.records import FAMILIES
from engine.records.intents import INTENTS, Intents


def process(_command: Record, _view: View) -> Effects:
    yield from ()


def nobody(_command: Record, _reason: str, _view: View) -> Effects:
    yield from ()


def authorize_all(_command: Record, _view: View) -> None:
    pass


WANTED = {"THING": Intents(commands=("MAKE",), events=("MADE",))}
MAKES = {("THING", "MAKE"): process}
MADE = {("THING", "MADE"): apply_nothing}


def test_this_build_has_no_gaps() -> None:
    assert Assembly().registry.tables
    assert set(INTENTS) == set(FAMILIES)


@pytest.mark.parametrize(
    ("part", "gap"),
    [
        (Part(appliers=MADE), "command .* has no processor"),
        (Part(processors=MAKES), "event .* has no applier"),
        (Part(processors={**MAKES, ("THING", "BREAK"): process}, appliers=MADE), "processor .* has no command"),
        (Part(processors=MAKES, appliers={**MADE, ("THING", "BROKEN"): apply_nothing}), "applier .* has no event"),
        (
            Part(processors=MAKES, appliers=MADE, tables=(Table(1, "A", object), Table(1, "B", object))),
            "table number 1 is used twice",
        ),
    ],
)
def test_a_gap_is_refused(part: Part, gap: str) -> None:
    with pytest.raises(ValueError, match=gap):
        Registry([part], WANTED, nobody, authorize_all)


def test_two_of_a_kind_are_refused() -> None:
    part = Part(processors=MAKES, appliers=MADE)
    with pytest.raises(ValueError, match="expected one processor"):
        Registry([part, part], WANTED, nobody, authorize_all)


def test_an_operation_without_schema_is_refused() -> None:
    with pytest.raises(ValueError, match=r"schemas/operations/unheard_of\.avsc"):
        OperationCodecs({"UNHEARD_OF": OPERATIONS["CANCEL_PROCESS_INSTANCE"]})
