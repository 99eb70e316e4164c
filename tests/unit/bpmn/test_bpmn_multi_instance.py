"""What the multi-instance marker of a model says, and why one is refused (BPMN 2.0.2, 10.3.8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.bpmn.model import Element, Problem
from tests.support import models as m

ElementOf = Callable[[str], Element]
ProblemsOf = Callable[[str], tuple[Problem, ...]]

START = '<bpmn:startEvent id="start" />'
ITEMS = '<zeebe:loopCharacteristics inputCollection="=items" />'


def marked(extension: str, *inner: str, name: str = "task", attributes: str = "") -> str:
    """An activity `it` with a marker in which the extension and the inner elements are."""
    return (
        f'<bpmn:{name} id="it"><bpmn:multiInstanceLoopCharacteristics {attributes}><bpmn:extensionElements>{extension}'
        f"</bpmn:extensionElements>{''.join(inner)}</bpmn:multiInstanceLoopCharacteristics></bpmn:{name}>"
    )


def test_what_a_marker_says(element_of: ElementOf) -> None:
    loop = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=result.x"}
    condition = m.completion_condition("=numberOfCompletedInstances > 1")
    found = element_of(m.multi(m.job("it"), "=items", condition, sequential=True, **loop)).multi_instance
    assert found is not None
    assert found.output_element is not None
    assert found.completion_condition is not None
    assert (found.input_collection.text, found.input_element, found.is_sequential) == ("items", "item", True)
    assert (found.output_collection, found.output_element.variable) == ("outs", "result")
    assert found.completion_condition.names == {"numberOfCompletedInstances"}


def test_all_at_once_and_nothing_collected_unless_the_model_says_so(element_of: ElementOf) -> None:
    found = element_of(marked(ITEMS)).multi_instance
    assert found is not None
    assert (found.input_element, found.output_collection, found.output_element) == ("", "", None)
    assert (found.completion_condition, found.is_sequential) == (None, False)


def test_an_activity_without_marker_has_no_parts(element_of: ElementOf) -> None:
    element = element_of(m.job("it"))
    assert (element.multi_instance, element.body, element.inner) == (None, None, None)


def test_events_at_the_border_and_flows_belong_to_the_body_and_the_rest_to_what_is_inside(
    element_of: ElementOf,
) -> None:
    mapped = m.mapping([("=item", "x")], [("=y", "z")])
    late = m.boundary_event("late", "it", m.timer("PT1H")) + m.end("e") + m.chain("late", "e")
    element = element_of(m.multi(m.job("it", "work", mapped)) + late + m.flow("start", "it") + m.flow("it", "e"))
    body, inner = element.body, element.inner
    assert body is not None
    assert inner is not None
    assert (body.type, inner.type, element.type) == ("MULTI_INSTANCE_BODY", "SERVICE_TASK", "SERVICE_TASK")
    assert (body.boundaries, body.waits, body.incoming, body.outgoing) == (
        ("late",),
        ("late",),
        ("start_it",),
        ("it_e",),
    )
    assert (body.inputs, body.outputs, body.job) == ((), (), None)
    assert (inner.boundaries, inner.waits, inner.incoming, inner.outgoing) == ((), (), (), ())
    assert (len(inner.inputs), len(inner.outputs), inner.job is None) == (1, 1, False)


@pytest.mark.parametrize(
    ("text", "variable"),
    [("=a", "a"), ("=a.b.c", "a"), ("= a ", "a"), ("=a + 1", ""), ("={a: a}", ""), ("=a[1]", ""), ("=count(a)", "")],
)
def test_the_variable_that_an_output_element_is_made_of(element_of: ElementOf, text: str, variable: str) -> None:
    found = element_of(m.multi(m.task("it"), outputCollection="outs", outputElement=text)).multi_instance
    assert found is not None
    assert found.output_element is not None
    assert found.output_element.variable == variable


#: content of the process, and a part of the message
REFUSALS = {
    "no extension": (f"{marked('')}", "expected zeebe:loopCharacteristics"),
    "no input collection": (marked("<zeebe:loopCharacteristics />"), "the input collection to be FEEL, got nothing"),
    "static input collection": (
        marked('<zeebe:loopCharacteristics inputCollection="items" />'),
        "the input collection to be FEEL",
    ),
    "input element that is no name": (
        marked('<zeebe:loopCharacteristics inputCollection="=items" inputElement="=item" />'),
        "expected inputElement to be a name",
    ),
    "input element that is a path": (
        marked('<zeebe:loopCharacteristics inputCollection="=items" inputElement="a.b" />'),
        "expected inputElement to be one name, got 'a.b'",
    ),
    "output collection alone": (
        marked('<zeebe:loopCharacteristics inputCollection="=items" outputCollection="outs" />'),
        "expected outputElement beside outputCollection, got none",
    ),
    "output element alone": (
        marked('<zeebe:loopCharacteristics inputCollection="=items" outputElement="=out" />'),
        "expected outputCollection beside outputElement, got none",
    ),
    "static output element": (
        marked('<zeebe:loopCharacteristics inputCollection="=items" outputCollection="a" outputElement="b" />'),
        "the output element to be FEEL",
    ),
    "static completion condition": (marked(ITEMS, m.completion_condition("true")), "completion condition to be FEEL"),
    "two extensions": (marked(ITEMS * 2), "expected one zeebe:loopCharacteristics"),
    "another extension": (marked(f"{ITEMS}<zeebe:adHoc />"), "expected only zeebe:loopCharacteristics"),
    "an unknown child": (marked(ITEMS, "<bpmn:magic />"), "bpmn:magic"),
    "an event for each that completes": (marked(ITEMS, attributes='behavior="One"'), "to be All, got 'One'"),
    "on a gateway": (marked(ITEMS, name="exclusiveGateway"), "on an activity, got it on this exclusive gateway"),
    "on an event": (marked(ITEMS, name="intermediateThrowEvent"), "got it on this intermediate throw event"),
    "two markers": (
        marked(ITEMS, "</bpmn:multiInstanceLoopCharacteristics>", "<bpmn:multiInstanceLoopCharacteristics>"),
        "expected one multi-instance marker",
    ),
    **{
        f"a {name}": (marked(ITEMS, f"<bpmn:{name} />"), f"(bpmn:{name}), which cannot be executed")
        for name in (
            "loopCardinality",
            "loopDataInputRef",
            "loopDataOutputRef",
            "inputDataItem",
            "outputDataItem",
            "complexBehaviorDefinition",
        )
    },
}


@pytest.mark.parametrize(("content", "text"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusal(problems_of: ProblemsOf, content: str, text: str) -> None:
    (problem,) = problems_of(START + content)
    assert problem.element_id == "it"
    assert text in problem.message


def test_the_extension_has_no_effect_on_the_activity_itself(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(f"{START}{m.element('task', 'it', extensions=(ITEMS,))}")
    assert "expected no zeebe:loopCharacteristics here" in problem.message


def test_an_event_sub_process_is_not_repeated(problems_of: ProblemsOf) -> None:
    handler = m.handler("it", m.start_event("begun", m.timer("PT1H")), m.end("e"), m.chain("begun", "e"))
    (problem,) = problems_of(START + m.multi(handler))
    assert (problem.element_id, "on this event sub process" in problem.message) == ("it", True)


def test_all_problems_of_a_marker_are_listed(problems_of: ProblemsOf) -> None:
    broken = '<zeebe:loopCharacteristics inputCollection="items" outputElement="out" />'
    found = problems_of(START + marked(broken, m.completion_condition("no")))
    assert len(found) == 4
