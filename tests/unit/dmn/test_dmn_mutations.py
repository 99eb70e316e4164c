"""Whatever is done to the bytes of a good model, the answer is decisions, which can be evaluated, or ModelRefused."""

from __future__ import annotations

import random
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn.model import ModelRefused, Problem
from engine.dmn.evaluate import evaluate
from engine.dmn.model import DecisionRequirements
from engine.dmn.parse import parse

RESOURCE = (Path(__file__).parents[2] / "models" / "menu.dmn").read_bytes()
LINES = RESOURCE.split(b"\n")
ATTRIBUTE = re.compile(rb'="([^"]*)"')
TEXT = re.compile(rb"<text>([^<]*)</text>")


def test_a_model_of_camunda_modeler() -> None:
    found = parse(RESOURCE, "menu.dmn")
    assert (found.id, found.name, list(found.decisions), list(found.knowledge)) == (
        *("menu", "Menu"),
        *(["bill", "dish"], ["discount_id"]),
    )
    assert found.decisions["bill"].version_tag == "spring"
    prices = {("winter", 2): 60, ("summer", 6): 75, ("summer", 12): 135, ("summer", 30): 135, (None, 2): 10}
    for (season, guests), price in prices.items():
        assert evaluate(found, "bill", {"season": season, "guests": guests}).output == price
    (dish, _) = evaluate(found, "bill", {"season": "summer", "guests": 6}).decisions
    assert [(one.name, one.value) for one in dish.inputs] == [("Season", "summer"), ("guests", 6)]
    assert [(rule.id, rule.index) for rule in dish.rules] == [("DecisionRule_2", 2)]


def survive(resource: bytes) -> None:
    """Anything but ModelRefused, or a failure of an evaluation that is told, fails the test."""
    problems: tuple[Problem, ...] = ()
    found: DecisionRequirements | None = None
    try:
        found = parse(resource, "mutant.dmn")
    except ModelRefused as refusal:
        problems = refusal.problems
    assert bool(problems) != bool(found)
    assert all(problem.message and problem.element_type and problem.line >= 0 for problem in problems)
    if found is not None:
        for id_ in found.decisions:
            evaluation = evaluate(found, id_, {"season": "summer", "guests": 6})
            assert evaluation.decisions
            assert not evaluation.failure or evaluation.output is None


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_flipped_bytes(flips: list[tuple[float, int]]) -> None:
    mutant = bytearray(RESOURCE)
    for place, byte in flips:
        mutant[int(place * (len(mutant) - 1))] = byte
    survive(bytes(mutant))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_deleted_and_repeated_lines(seed: int) -> None:
    """Lines of the model are whole tags or elements, so that much of this is well-formed."""
    chance = random.Random(seed)
    chosen = {chance.randrange(len(LINES)): chance.choice((0, 2)) for _ in range(chance.randint(1, 4))}
    survive(b"\n".join(line for number, line in enumerate(LINES) for _ in range(chosen.get(number, 1))))


@given(st.integers(0, 2**32 - 1), st.sampled_from((ATTRIBUTE, TEXT)))
@settings(max_examples=250, deadline=None)
def test_swapped_attributes_and_texts(seed: int, what: re.Pattern[bytes]) -> None:
    chance = random.Random(seed)
    values = what.findall(RESOURCE)

    def swap(found: re.Match[bytes]) -> bytes:
        if chance.random() > 0.05:
            return found.group()
        return found.group().replace(found.group(1), chance.choice(values)) if found.group(1) else found.group()

    survive(what.sub(swap, RESOURCE))
