"""The random models: they can be deployed, and together they hold everything that is executed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from xml.etree import ElementTree

import pytest

from engine.bpmn import model, names
from engine.bpmn.forms import parse_form
from engine.bpmn.parse import parse
from engine.dmn.parse import parse as parse_decisions
from tests.simulation.workload.models import generate, generate_decisions, generate_form

#: So many models hold everything.
SEEDS = 400
CALLED = ("q", "r")

#: What the engine executes and the generator does not draw yet.
NOT_YET_DRAWN: frozenset[str] = frozenset()

BPMN, ZEEBE = f"{{{names.BPMN}}}", f"{{{names.ZEEBE}}}"


@cache
def generated(seed: int) -> bytes:
    return generate(Random(seed), "p", CALLED if seed % 2 else ())


def executed() -> set[str]:
    """What the tables say by which models are read."""
    found = {*names.FLOW_NODES, *names.EXTENSIONS, names.MULTI_INSTANCE, "joining inclusiveGateway"}
    for kind, definitions in names.EVENT_DEFINITIONS_EXECUTED.items():
        found |= {f"{definition} of {kind}" for definition in definitions}
        if kind in (model.BOUNDARY_EVENT, model.EVENT_SUB_PROCESS):
            gentle = definitions - {"errorEventDefinition", "compensateEventDefinition"}
            found |= {f"{definition} of {kind}, not interrupting" for definition in gentle}
    return found | {"timeDate", "timeDuration", "timeCycle"}


def held(file: bytes) -> Iterator[str]:
    """What a model holds, in the same words."""
    root = ElementTree.fromstring(file)
    for process in root.iter(f"{BPMN}process"):
        for scope in process.iter():
            for node in scope:
                name = node.tag.removeprefix(BPMN).removeprefix(ZEEBE)
                yield name
                if name == "inclusiveGateway":
                    into = [flow for flow in scope if flow.get("targetRef") == node.get("id")]
                    yield "joining inclusiveGateway" if len(into) > 1 else name
                is_handler = scope.get("triggeredByEvent") == "true"
                kind = (
                    model.EVENT_SUB_PROCESS if is_handler and name == "startEvent" else names.FLOW_NODES.get(name, "")
                )
                for definition in node:
                    told = f"{definition.tag.removeprefix(BPMN)} of {kind}"
                    gentle = "false" in (node.get("cancelActivity"), node.get("isInterrupting"))
                    yield f"{told}, not interrupting" if gentle else told
    yield from ("subscription" for _ in root.iter(f"{ZEEBE}subscription"))


def test_everything_that_is_executed_is_drawn() -> None:
    """A new element needs a block of the generator, and a rule of the reference model."""
    drawn = {name for seed in range(SEEDS) for name in held(generated(seed))} & executed()
    assert sorted(executed() - drawn) == sorted(NOT_YET_DRAWN)


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_random_models_can_be_deployed(first: int) -> None:
    for seed in range(first, first + 50):
        (graph,) = parse(generated(seed), "p.bpmn")
        assert graph.id == "p"
        called = CALLED if seed % 2 else ()
        assert generate(Random(seed), "p", called) == generated(seed)


def test_small_models_stay_frequent() -> None:
    sizes = sorted(generated(seed).count(b"<bpmn:sequenceFlow ") for seed in range(SEEDS))
    assert sizes[SEEDS // 4] <= 6
    assert sizes[-1] >= 25


@pytest.mark.parametrize("seed", range(20))
def test_random_decisions_and_forms_can_be_deployed(seed: int) -> None:
    assert set(parse_decisions(generate_decisions(Random(seed)), "rate.dmn").decisions) == {"base", "rate"}
    assert parse_form(generate_form(Random(seed)), "sheet.form").id == "sheet"
