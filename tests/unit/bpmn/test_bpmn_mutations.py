"""Whatever is done to the bytes of a good model, the answer is a process or ModelRefused."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.bpmn.model import ModelRefused, Problem, Process
from engine.bpmn.parse import parse

ROOT = Path(__file__).parents[3]
MODELS = sorted([*(ROOT / "tests/models").glob("*.bpmn"), *(ROOT / "engine/cli/models").glob("*.bpmn")])
RESOURCES = {path.stem: path.read_bytes() for path in MODELS}
NAMES = st.sampled_from(sorted(RESOURCES))
ATTRIBUTE = re.compile(rb'="([^"]*)"')


def survive(resource: bytes) -> None:
    """Anything but ModelRefused fails the test."""
    problems: tuple[Problem, ...] = ()
    processes: tuple[Process, ...] = ()
    try:
        processes = parse(resource, "mutant.bpmn")
    except ModelRefused as refusal:
        problems = refusal.problems
    assert bool(processes) != bool(problems)
    assert all(problem.message and problem.element_type and problem.line >= 0 for problem in problems)


@given(NAMES, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_flipped_bytes(name: str, flips: list[tuple[float, int]]) -> None:
    mutant = bytearray(RESOURCES[name])
    for place, byte in flips:
        mutant[int(place * (len(mutant) - 1))] = byte
    survive(bytes(mutant))


@given(NAMES, st.floats(0, 1), st.integers(1, 400))
@settings(max_examples=100, deadline=None)
def test_deleted_bytes(name: str, place: float, length: int) -> None:
    resource = RESOURCES[name]
    start = int(place * len(resource))
    survive(resource[:start] + resource[start + length :])


@given(NAMES, st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_deleted_lines(name: str, seed: int) -> None:
    """Lines of these models are whole tags or elements, so that much of this is well-formed."""
    chance = random.Random(seed)
    lines = RESOURCES[name].split(b"\n")
    doomed = {chance.randrange(len(lines)) for _ in range(chance.randint(1, 4))}
    survive(b"\n".join(line for number, line in enumerate(lines) if number not in doomed))


@given(NAMES, st.integers(0, 2**32 - 1))
@settings(max_examples=250, deadline=None)
def test_swapped_attributes(name: str, seed: int) -> None:
    resource = RESOURCES[name]
    chance = random.Random(seed)
    values = ATTRIBUTE.findall(resource)

    def swap(found: re.Match[bytes]) -> bytes:
        return b'="' + chance.choice(values) + b'"' if chance.random() < 0.02 else found.group()

    head, separator, rest = resource.partition(b"process id=")
    survive(head + separator + ATTRIBUTE.sub(swap, rest))


@given(NAMES, st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_renamed_elements(name: str, seed: int) -> None:
    resource = RESOURCES[name]
    chance = random.Random(seed)
    tags = sorted(set(re.findall(rb"<([\w:]+)", resource)))
    old, new = chance.choice(tags), chance.choice(tags)
    survive(re.sub(rb"(?<=[</])" + old + rb"(?=[ >/])", new, resource))


@given(st.binary(max_size=400))
@example(b"\xfe\xff")
@settings(max_examples=100, deadline=None)
def test_arbitrary_bytes(resource: bytes) -> None:
    survive(resource)


@given(st.text(alphabet="=()[]{}\"'<>&;+-*/.,0123456789 abcdefifthenelsefor\n", max_size=80))
@settings(max_examples=150, deadline=None)
def test_arbitrary_expressions(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    survive(RESOURCES["script-task"].replace(b"=number * 2", f"={escaped}".encode()))


@pytest.mark.parametrize("opening", ["(", "[", "{a: ", "-", "if a then ", "not(", "for i in ", "function(x) "])
def test_expression_nested_without_end(opening: str) -> None:
    expression = b"=" + opening.encode() * (30_000 // len(opening))
    mutant = RESOURCES["script-task"].replace(b"=number * 2", expression)
    with pytest.raises(ModelRefused):
        parse(mutant, "mutant.bpmn")
