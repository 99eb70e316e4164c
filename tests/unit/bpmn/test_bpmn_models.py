"""The models that ship, and those that other tests use, are executable and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bpmn.model import PROCESS, Process
from engine.bpmn.parse import parse
from engine.bpmn.xml_tree import Node, read_tree

ROOT = Path(__file__).parents[3]
MODELS = sorted([*(ROOT / "tests/models").glob("*.bpmn"), *(ROOT / "engine/cli/models").glob("*.bpmn")])
DIAGRAM = "http://www.omg.org/spec/BPMN/20100524/DI"


def drawn_ids(node: Node) -> set[str]:
    drawn = {node.get("bpmnElement")} if node.namespace == DIAGRAM else set()
    return drawn.union(*(drawn_ids(child) for child in node.children))


def parse_file(path: Path) -> Process:
    (process,) = parse(path.read_bytes(), path.name)
    return process


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model_is_executable_and_every_element_is_drawn(path: Path) -> None:
    process = parse_file(path)
    drawn = drawn_ids(read_tree(path.read_bytes()))
    elements = {element.id for element in process.elements.values() if element.type != PROCESS}
    assert (elements | process.flows.keys()) - drawn == set()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_same_bytes_give_the_same_graph(path: Path) -> None:
    first, second = parse_file(path), parse_file(path)
    assert list(first.elements) == list(second.elements)
    assert [(flow.id, flow.source, flow.target) for flow in first.flows.values()] == [
        (flow.id, flow.source, flow.target) for flow in second.flows.values()
    ]


def test_order_process() -> None:
    process = parse_file(ROOT / "engine/cli/models/order-process.bpmn")
    assert process.root.start == "order-received"
    collect = process.elements["collect-money"]
    assert collect.job is not None
    assert collect.job.type.evaluate({}) == "collect-money"
    assert collect.boundaries == ("payment-declined",)
    assert process.elements["how-to-ship"].default_flow == "by-parcel"
    assert process.elements["review-payment"].type == "USER_TASK"
    express = process.flows["express"].condition
    assert express is not None
    assert [express.evaluate({"total": total}) for total in (100, 101)] == [False, True]
