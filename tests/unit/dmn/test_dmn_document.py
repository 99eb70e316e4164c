"""docs/dmn.md names what is executed and what is refused, and its limits are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bpmn.feel.limits import STEPS_MAX
from engine.dmn.expressions import TEXTS_MAX
from engine.dmn.logic import LOGIC_DEPTH_MAX
from engine.dmn.names import AGGREGATIONS, DMN, HIT_POLICIES
from engine.dmn.types import TYPES
from engine.process.decisions import EVALUATION_SIZE_MAX

DOCUMENT = (Path(__file__).parents[3] / "docs" / "dmn.md").read_text()


@pytest.mark.parametrize("name", sorted({*HIT_POLICIES, *AGGREGATIONS, *DMN.values()}))
def test_what_is_executed_is_named(name: str) -> None:
    assert name in DOCUMENT


def test_limits() -> None:
    (steps,) = [line for line in DOCUMENT.splitlines() if line.startswith("| work of one evaluation")]
    assert f"{STEPS_MAX:,}" in steps
    assert f"{TEXTS_MAX:,} different expressions" in DOCUMENT
    assert f"| boxed expressions inside each other | {LOGIC_DEPTH_MAX} |" in DOCUMENT
    assert f"{EVALUATION_SIZE_MAX // (1024 * 1024)} MiB of JSON" in DOCUMENT


def test_types_that_are_not_checked_are_not() -> None:
    assert not {"integer", "long"} & set(TYPES)
