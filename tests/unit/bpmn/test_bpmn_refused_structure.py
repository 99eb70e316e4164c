"""Elements, events and flows that are refused: by name, with element id, type and line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.bpmn.model import ModelRefused, Problem
from engine.bpmn.names import EVENT_DEFINITIONS, EVENT_DEFINITIONS_EXECUTED, FLOW_NODES
from engine.bpmn.parse import parse
from engine.bpmn.report import PROBLEMS_MAX

ProblemsOf = Callable[[str], tuple[Problem, ...]]

START = '<bpmn:startEvent id="start" />'


def boundary_with(definition: str, attributes: str = "") -> str:
    return (
        f'{START}<bpmn:task id="task" /><bpmn:boundaryEvent id="it" attachedToRef="task" {attributes}>'
        f"{definition}</bpmn:boundaryEvent>"
    )


def gateway_with(flows: str, attributes: str = "", name: str = "exclusiveGateway") -> str:
    return f'{START}<bpmn:{name} id="gateway" {attributes} /><bpmn:endEvent id="end" />{flows}'


def flow(id_: str, source: str, target: str, condition: str | None = None) -> str:
    inside = "" if condition is None else f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>"
    return f'<bpmn:sequenceFlow id="{id_}" sourceRef="{source}" targetRef="{target}">{inside}</bpmn:sequenceFlow>'


UNSUPPORTED_ELEMENTS = [
    ("complexGateway", "COMPLEX_GATEWAY", "complex gateway"),
    ("transaction", "TRANSACTION", "transaction sub-process"),
]
UNSUPPORTED_EVENTS = [
    (tag, definition)
    for tag, place in FLOW_NODES.items()
    for definition in EVENT_DEFINITIONS
    if place in EVENT_DEFINITIONS_EXECUTED and definition not in EVENT_DEFINITIONS_EXECUTED[place]
]


@pytest.mark.parametrize(("name", "type_", "words"), UNSUPPORTED_ELEMENTS)
def test_unsupported_element(name: str, type_: str, words: str, problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(f'{START}\n<bpmn:{name} id="it" />')
    assert (problem.element_id, problem.element_type, problem.line) == ("it", type_, 3)
    assert words in problem.message


@pytest.mark.parametrize(("tag", "definition"), UNSUPPORTED_EVENTS)
def test_unsupported_event(tag: str, definition: str, problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(
        f'{START}<bpmn:task id="task" /><bpmn:{tag} id="it" attachedToRef="task"><bpmn:{definition} /></bpmn:{tag}>'
    )
    assert problem.element_id == "it"
    assert EVENT_DEFINITIONS[definition] in problem.message
    assert FLOW_NODES[tag].lower().replace("_", " ") in problem.message


def test_what_is_inside_an_event_sub_process_is_checked_too(problems_of: ProblemsOf) -> None:
    problems = problems_of(
        f'{START}<bpmn:subProcess id="sub" triggeredByEvent="true"><bpmn:startEvent id="inside">'
        '<bpmn:compensateEventDefinition /></bpmn:startEvent><bpmn:complexGateway id="gate" /></bpmn:subProcess>'
    )
    assert [problem.element_id for problem in problems] == ["inside", "gate"]
    assert "a compensation start event of an event sub-process" in problems[0].message


#: content of the process, element id, element type, a part of the message
REFUSALS = {
    "multi-instance": (
        f'{START}<bpmn:task id="it"><bpmn:multiInstanceLoopCharacteristics /></bpmn:task>',
        ("it", "TASK", "multi-instance"),
    ),
    "multi-instance sub-process": (
        f'{START}<bpmn:subProcess id="it"><bpmn:startEvent id="s" />'
        "<bpmn:multiInstanceLoopCharacteristics /></bpmn:subProcess>",
        ("it", "SUB_PROCESS", "multi-instance"),
    ),
    "loop": (
        f'{START}<bpmn:task id="it"><bpmn:standardLoopCharacteristics /></bpmn:task>',
        ("it", "TASK", "loop marker"),
    ),
    "unknown element": (f'{START}<bpmn:magicTask id="it" />', ("it", "MAGIC_TASK", "bpmn:magicTask")),
    "unknown element inside": (
        f'{START}<bpmn:task id="it"><bpmn:magic /></bpmn:task>',
        ("it", "TASK", "bpmn:magic"),
    ),
    "event definition in a task": (
        f'{START}<bpmn:task id="it"><bpmn:timerEventDefinition /></bpmn:task>',
        ("it", "TASK", "timerEventDefinition"),
    ),
    "no start event": ('<bpmn:task id="task" />', ("process", "PROCESS", "a start event, got none")),
    "two start events": (
        f'{START}<bpmn:startEvent id="another" />',
        ("process", "PROCESS", "got 2 ('start', 'another')"),
    ),
    "no start event in a sub-process": (
        f'{START}<bpmn:subProcess id="it" />',
        ("it", "SUB_PROCESS", "one none start event, got none"),
    ),
    "flow into the start event": (
        f"{START}<bpmn:task id='task' />{flow('f', 'task', 'start')}",
        ("start", "START_EVENT", "no incoming flow"),
    ),
    "flow out of an end event": (
        f"{START}<bpmn:endEvent id='it' /><bpmn:task id='task' />{flow('f', 'it', 'task')}",
        ("it", "END_EVENT", "no outgoing flow"),
    ),
    "flow into a boundary event": (
        boundary_with("<bpmn:errorEventDefinition />") + flow("f", "start", "it"),
        ("it", "BOUNDARY_EVENT", "no incoming flow"),
    ),
    "boundary event without definition": (
        boundary_with(""),
        ("it", "BOUNDARY_EVENT", "an event definition of a boundary event, got none"),
    ),
    "boundary event that does not interrupt": (
        boundary_with("<bpmn:errorEventDefinition />", 'cancelActivity="false"'),
        ("it", "BOUNDARY_EVENT", "interrupting"),
    ),
    "boundary event on nothing": (
        boundary_with("<bpmn:errorEventDefinition />").replace('attachedToRef="task"', ""),
        ("it", "BOUNDARY_EVENT", "attachedToRef"),
    ),
    "boundary event on an event": (
        boundary_with("<bpmn:errorEventDefinition />").replace('attachedToRef="task"', 'attachedToRef="start"'),
        ("it", "BOUNDARY_EVENT", "attachedToRef"),
    ),
    "boundary event on a task elsewhere": (
        f'{START}<bpmn:subProcess id="sub"><bpmn:startEvent id="s" /><bpmn:task id="task" /></bpmn:subProcess>'
        '<bpmn:boundaryEvent id="it" attachedToRef="task"><bpmn:errorEventDefinition /></bpmn:boundaryEvent>',
        ("it", "BOUNDARY_EVENT", "in the same sub-process"),
    ),
    "two event definitions": (
        f'{START}<bpmn:endEvent id="it"><bpmn:terminateEventDefinition />'
        '<bpmn:errorEventDefinition errorRef="error-a" /></bpmn:endEvent>',
        ("it", "END_EVENT", "at most one event definition"),
    ),
    "same error caught twice": (
        boundary_with('<bpmn:errorEventDefinition errorRef="error-a" />')
        + boundary_with('<bpmn:errorEventDefinition errorRef="error-a" />')
        .replace(START, "")
        .replace('<bpmn:task id="task" />', "")
        .replace('"it"', '"again"'),
        ("again", "BOUNDARY_EVENT", "the code 'A'"),
    ),
    "every error caught twice": (
        boundary_with("<bpmn:errorEventDefinition />")
        + boundary_with('<bpmn:errorEventDefinition errorRef="error-without-code" />')
        .replace(START, "")
        .replace('<bpmn:task id="task" />', "")
        .replace('"it"', '"again"'),
        ("again", "BOUNDARY_EVENT", "every code"),
    ),
    "unknown error caught": (
        boundary_with('<bpmn:errorEventDefinition errorRef="ghost" />'),
        ("it", "BOUNDARY_EVENT", "'ghost'"),
    ),
    "caught error with FEEL": (
        boundary_with('<bpmn:errorEventDefinition errorRef="error-feel" />'),
        ("it", "BOUNDARY_EVENT", "static"),
    ),
    "error end event without error": (
        f'{START}<bpmn:endEvent id="it"><bpmn:errorEventDefinition /></bpmn:endEvent>',
        ("it", "END_EVENT", "no error"),
    ),
    "error end event without code": (
        f'{START}<bpmn:endEvent id="it"><bpmn:errorEventDefinition errorRef="error-without-code" /></bpmn:endEvent>',
        ("it", "END_EVENT", "an error without code"),
    ),
    "default flow of another": (
        gateway_with(flow("f", "start", "end"), 'default="f"'),
        ("gateway", "EXCLUSIVE_GATEWAY", "outgoing flow of the gateway, got 'f'"),
    ),
    "default flow with condition": (
        gateway_with(flow("f", "gateway", "end", "=a"), 'default="f"'),
        ("f", "SEQUENCE_FLOW", "default flow without condition"),
    ),
    "flow without condition": (
        gateway_with(flow("f", "gateway", "end", "=a") + flow("it", "gateway", "end")),
        ("it", "SEQUENCE_FLOW", "expected a condition"),
    ),
    "static condition": (
        gateway_with(flow("it", "gateway", "end", "a > 1")),
        ("it", "SEQUENCE_FLOW", "got the static text 'a > 1'; begin it with '='"),
    ),
    "empty condition": (
        gateway_with(flow("it", "gateway", "end", " ")),
        ("it", "SEQUENCE_FLOW", "to be FEEL, got nothing"),
    ),
    "condition that is no FEEL": (
        gateway_with(flow("it", "gateway", "end", "=a +")),
        ("it", "SEQUENCE_FLOW", "line 1, column"),
    ),
    "condition of a task": (
        f"{START}<bpmn:endEvent id='end' />{flow('it', 'start', 'end', '=a')}",
        ("it", "SEQUENCE_FLOW", "'start'; put a gateway in between"),
    ),
    "condition of a parallel gateway": (
        gateway_with(flow("it", "gateway", "end", "=a"), name="parallelGateway"),
        ("it", "SEQUENCE_FLOW", "exclusive and inclusive gateways only"),
    ),
    "flow from nowhere": (START + flow("it", "ghost", "start"), ("it", "SEQUENCE_FLOW", "sourceRef")),
    "flow to nowhere": (START + flow("it", "start", "ghost"), ("it", "SEQUENCE_FLOW", "targetRef")),
    "flow to what is no flow node": (
        START + '<bpmn:dataObject id="data" />' + flow("it", "start", "data"),
        ("it", "SEQUENCE_FLOW", "targetRef"),
    ),
    "flow across a border": (
        f'{START}<bpmn:subProcess id="sub"><bpmn:startEvent id="s" /><bpmn:task id="task" /></bpmn:subProcess>'
        + flow("it", "start", "task"),
        ("it", "SEQUENCE_FLOW", "targetRef 'task' in another"),
    ),
    "id used twice": (
        f'{START}<bpmn:task id="it" /><bpmn:textAnnotation id="it" />',
        ("it", "TEXT_ANNOTATION", "unique"),
    ),
    "no id": (f"{START}<bpmn:task />", ("", "TASK", "expected an id")),
    "flow without id": (
        START + '<bpmn:task id="t" /><bpmn:sequenceFlow sourceRef="start" targetRef="t" />',
        ("", "SEQUENCE_FLOW", "expected an id"),
    ),
    "long id": (START + f'<bpmn:task id="{"ü" * 129}" />', ("ü" * 100 + "…", "TASK", "at most 256 bytes, got 258")),
}


@pytest.mark.parametrize(("content", "expected"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusal(content: str, expected: tuple[str, str, str], problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(content)
    assert (problem.element_id, problem.element_type) == expected[:2]
    assert expected[2] in problem.message
    assert problem.message.startswith("expected ")
    assert problem.line == (1 if problem.element_type == "PROCESS" else 2)


def test_flow_at_a_refused_element_is_no_second_problem(problems_of: ProblemsOf) -> None:
    problems = problems_of(
        f'{START}<bpmn:receiveTask id="it" />{flow("f", "start", "it")}'
        '<bpmn:boundaryEvent id="b" attachedToRef="it"><bpmn:errorEventDefinition /></bpmn:boundaryEvent>'
    )
    assert [problem.element_id for problem in problems] == ["it"]


def test_sub_processes_too_deep_in_each_other(problems_of: ProblemsOf) -> None:
    opened = "".join(f'<bpmn:subProcess id="s{depth}"><bpmn:startEvent id="t{depth}" />' for depth in range(66))
    problems = problems_of(START + opened + "</bpmn:subProcess>" * 66)
    assert [problem.element_id for problem in problems if "at most 64 sub-processes" in problem.message] == ["s64"]


def test_every_problem_is_listed_at_once() -> None:
    resource = (
        '<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL">\n'
        '<b:process id="one" isExecutable="true">\n'
        '<b:startEvent id="start"><b:timerEventDefinition /></b:startEvent>\n'
        '<b:serviceTask id="service" />\n'
        '<b:complexGateway id="complex" />\n'
        '<b:exclusiveGateway id="exclusive" />\n'
        '<b:sequenceFlow id="f1" sourceRef="exclusive" targetRef="service">'
        "<b:conditionExpression>=(</b:conditionExpression></b:sequenceFlow>\n"
        '<b:sequenceFlow id="f2" sourceRef="exclusive" targetRef="ghost" />\n'
        '</b:process>\n<b:process id="two" isExecutable="true">\n<b:callActivity id="call" />\n</b:process>\n'
        "</b:definitions>"
    )
    with pytest.raises(ModelRefused) as refusal:
        parse(resource.encode(), "orders.bpmn")
    assert [(problem.element_type, problem.element_id, problem.line) for problem in refusal.value.problems] == [
        ("START_EVENT", "start", 3),
        ("SERVICE_TASK", "service", 4),
        ("COMPLEX_GATEWAY", "complex", 5),
        ("SEQUENCE_FLOW", "f1", 7),
        ("SEQUENCE_FLOW", "f2", 8),
        ("PROCESS", "two", 10),
        ("CALL_ACTIVITY", "call", 11),
    ]
    text = str(refusal.value)
    assert text.startswith("expected 'orders.bpmn' to be executable, got 7 problem(s):\n")
    assert "- CALL_ACTIVITY 'call' (line 11): expected zeebe:calledElement, got none" in text


def test_list_of_problems_is_bounded(problems_of: ProblemsOf) -> None:
    problems = problems_of(START + "<bpmn:task />" * (PROBLEMS_MAX + 7))
    assert len(problems) == PROBLEMS_MAX + 1
    assert "7 more" in problems[-1].message


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ('<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" />', "at least one executable process"),
        ("<definitions />", "whose root is bpmn:definitions"),
        ('<html xmlns="http://www.w3.org/1999/xhtml" />', "got 'html'"),
        (
            '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process isExecutable="true">'
            '<startEvent id="s" /></process></definitions>',
            "expected an id",
        ),
        (
            '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><magic /><process id="p" '
            'isExecutable="true"><startEvent id="s" /></process></definitions>',
            "bpmn:magic",
        ),
    ],
)
def test_file_that_is_no_executable_model(resource: str, message: str) -> None:
    with pytest.raises(ModelRefused) as refusal:
        parse(resource.encode(), "x.bpmn")
    (problem,) = refusal.value.problems
    assert message in problem.message


def test_two_processes_with_one_id() -> None:
    process = '<process id="p" isExecutable="true"><startEvent id="{}" /></process>'
    resource = (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">'
        f"{process.format('a')}{process.format('b')}</definitions>"
    )
    with pytest.raises(ModelRefused, match="unique"):
        parse(resource.encode(), "x.bpmn")
