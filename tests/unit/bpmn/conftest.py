"""What the tests of the BPMN parser share: the smallest file around what a test is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.bpmn.model import Element, ModelRefused, Problem, Process
from engine.bpmn.parse import parse

#: Everything before the process is on one line, so that a model's line 2 is the first line of its content.
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"'
    ' xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" xmlns:other="http://example.com/other" id="file">'
    '<bpmn:error id="error-a" errorCode="A" /><bpmn:error id="error-b" errorCode="B" />'
    '<bpmn:error id="error-without-code" /><bpmn:error id="error-feel" errorCode="=code" />'
    '<bpmn:process id="process" isExecutable="true">'
)
TAIL = "</bpmn:process></bpmn:definitions>"


def write_model(content: str) -> bytes:
    """A file with one executable process; `<x />` is `<bpmn:x />` unless it has a prefix."""
    return f"{HEAD}\n{content}\n{TAIL}".encode()


@pytest.fixture
def process_of() -> Callable[[str], Process]:
    """The process of a model that must be accepted."""

    def parse_content(content: str) -> Process:
        (process,) = parse(write_model(content), "test.bpmn")
        return process

    return parse_content


@pytest.fixture
def problems_of() -> Callable[[str], tuple[Problem, ...]]:
    """The problems of a model that must be refused."""

    def refuse_content(content: str) -> tuple[Problem, ...]:
        with pytest.raises(ModelRefused) as refusal:
            parse(write_model(content), "test.bpmn")
        return refusal.value.problems

    return refuse_content


@pytest.fixture
def element_of(process_of: Callable[[str], Process]) -> Callable[[str], Element]:
    """The element with the id `it` of a model that has, besides, one start event."""

    def parse_element(content: str) -> Element:
        return process_of(f'<bpmn:startEvent id="start" />{content}').elements["it"]

    return parse_element


@pytest.fixture
def value_of() -> Callable[..., Any]:
    """The value of an expression that a model must have."""

    def evaluate(expression: Any, variables: Mapping[str, Any] | None = None) -> Any:
        assert expression is not None
        return expression.evaluate(variables or {})

    return evaluate
