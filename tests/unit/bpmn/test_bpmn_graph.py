"""What an accepted model becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from engine.bpmn import model
from engine.bpmn.model import Element, Error, Process, Terminate
from engine.bpmn.parse import parse

JOB = '<bpmn:extensionElements><zeebe:taskDefinition type="work" /></bpmn:extensionElements>'


def extended(*extensions: str) -> str:
    return f"<bpmn:extensionElements>{''.join(extensions)}</bpmn:extensionElements>"


def test_process_and_its_elements_are_in_document_order(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        '<bpmn:endEvent id="end" name="The end" /><bpmn:startEvent id="start" />'
        '<bpmn:sequenceFlow id="flow" name="go" sourceRef="start" targetRef="end" />'
    )
    assert (process.id, list(process.elements)) == ("process", ["process", "end", "start"])
    assert process.root.type == model.PROCESS
    assert (process.root.scope, process.root.start) == ("", "start")
    end = process.elements["end"]
    assert (end.name, end.type, end.scope, end.line) == ("The end", model.END_EVENT, "process", 2)
    flow = process.flows["flow"]
    assert (flow.name, flow.source, flow.target, flow.condition) == ("go", "start", "end", None)
    assert (process.elements["start"].outgoing, end.incoming) == (("flow",), ("flow",))


def test_flows_count_and_not_incoming_or_outgoing_children(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        '<bpmn:startEvent id="start"><bpmn:outgoing>ghost</bpmn:outgoing></bpmn:startEvent>'
        '<bpmn:task id="task" /><bpmn:sequenceFlow id="flow" sourceRef="start" targetRef="task" />'
    )
    assert process.elements["start"].outgoing == ("flow",)
    assert process.elements["task"].outgoing == ()


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("serviceTask", model.SERVICE_TASK),
        ("sendTask", model.SEND_TASK),
        ("businessRuleTask", model.BUSINESS_RULE_TASK),
        ("scriptTask", model.SCRIPT_TASK),
    ],
)
def test_task_with_job_type_is_a_job(
    name: str, type_: str, element_of: Callable[[str], Element], value_of: Callable[..., Any]
) -> None:
    element = element_of(
        f'<bpmn:{name} id="it">'
        + extended(
            '<zeebe:taskDefinition type="=kind" retries="=tries" />',
            '<zeebe:taskHeaders><zeebe:header key="a" value="1" /><zeebe:header key="empty" value="" />'
            '<zeebe:header key="b" value="2" /></zeebe:taskHeaders>',
        )
        + f"</bpmn:{name}>"
    )
    assert element.type == type_
    assert element.job is not None
    assert value_of(element.job.type, {"kind": "mail"}) == "mail"
    assert value_of(element.job.retries, {"tries": 7}) == 7
    assert element.job.headers == {"a": "1", "b": "2"}


def test_job_has_three_retries_unless_it_says_so(
    element_of: Callable[[str], Element], value_of: Callable[..., Any]
) -> None:
    element = element_of(f'<bpmn:serviceTask id="it">{JOB}</bpmn:serviceTask>')
    assert element.job is not None
    assert (value_of(element.job.type), value_of(element.job.retries)) == ("work", "3")
    assert element.job.type.static
    assert element.job.retries.static


def test_script_task_with_feel(element_of: Callable[[str], Element], value_of: Callable[..., Any]) -> None:
    script = '<zeebe:script expression="=a + 1" resultVariable="b" />'
    element = element_of(f'<bpmn:scriptTask id="it">{extended(script)}</bpmn:scriptTask>')
    assert element.job is None
    assert element.script is not None
    assert element.script.result == "b"
    assert value_of(element.script.expression, {"a": 1}) == 2


@pytest.mark.parametrize(("name", "type_"), [("task", model.TASK), ("manualTask", model.MANUAL_TASK)])
def test_task_without_work(name: str, type_: str, element_of: Callable[[str], Element]) -> None:
    element = element_of(f'<bpmn:{name} id="it" />')
    assert (element.type, element.job, element.script, element.user_task) == (type_, None, None, None)


def test_native_user_task(element_of: Callable[[str], Element], value_of: Callable[..., Any]) -> None:
    extensions = extended(
        "<zeebe:userTask />",
        '<zeebe:assignmentDefinition assignee="=boss" candidateGroups="a, b&quot;c" candidateUsers="=users" />',
        '<zeebe:taskSchedule dueDate="2030-01-02T03:04:05+01:00[Europe/Berlin]" followUpDate="=later" />',
        '<zeebe:priorityDefinition priority="70" />',
        '<zeebe:formDefinition externalReference="=form" />',
        '<zeebe:taskHeaders><zeebe:header key="a" value="1" /></zeebe:taskHeaders>',
    )
    element = element_of(f'<bpmn:userTask id="it">{extensions}</bpmn:userTask>')
    task = element.user_task
    assert task is not None
    assert (task.native, element.job, task.headers) == (True, None, {"a": "1"})
    assert value_of(task.assignee, {"boss": "x"}) == "x"
    assert value_of(task.candidate_groups) == ["a", 'b"c']
    assert value_of(task.candidate_users, {"users": ["y"]}) == ["y"]
    assert value_of(task.due_date) == "2030-01-02T03:04:05+01:00[Europe/Berlin]"
    assert value_of(task.follow_up_date, {"later": "z"}) == "z"
    assert value_of(task.priority) == "70"
    assert value_of(task.external_form_reference, {"form": "f"}) == "f"
    assert task.form is None


def test_user_task_of_the_old_kind_is_a_job(element_of: Callable[[str], Element], value_of: Callable[..., Any]) -> None:
    extensions = extended(
        '<zeebe:formDefinition formKey="embedded:x" />',
        '<zeebe:taskHeaders><zeebe:header key="a" value="1" /></zeebe:taskHeaders>',
    )
    element = element_of(f'<bpmn:userTask id="it">{extensions}</bpmn:userTask>')
    assert element.user_task is not None
    assert not element.user_task.native
    assert element.job is not None
    assert value_of(element.job.type) == "io.camunda.zeebe:userTask"
    assert value_of(element.job.retries) == "1"
    assert element.job.headers == {"a": "1", "io.camunda.zeebe:formKey": "embedded:x"}
    assert element.user_task.headers == {"a": "1"}


def test_exclusive_gateway(process_of: Callable[[str], Process], value_of: Callable[..., Any]) -> None:
    process = process_of(
        '<bpmn:startEvent id="start" /><bpmn:exclusiveGateway id="which" default="no" /><bpmn:endEvent id="end" />'
        '<bpmn:sequenceFlow id="in" sourceRef="start" targetRef="which" />'
        '<bpmn:sequenceFlow id="yes" sourceRef="which" targetRef="end">'
        "<bpmn:conditionExpression>\n  = a &gt; 1\n</bpmn:conditionExpression></bpmn:sequenceFlow>"
        '<bpmn:sequenceFlow id="no" sourceRef="which" targetRef="end" />'
    )
    which = process.elements["which"]
    assert (which.type, which.outgoing, which.default_flow) == (model.EXCLUSIVE_GATEWAY, ("yes", "no"), "no")
    assert value_of(process.flows["yes"].condition, {"a": 2}) is True
    assert process.flows["no"].condition is None
    assert process.elements["end"].incoming == ("yes", "no")


def test_implicit_fork_merge_and_end_are_allowed(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        '<bpmn:startEvent id="start" /><bpmn:task id="a" /><bpmn:task id="b" />'
        '<bpmn:sequenceFlow id="f1" sourceRef="start" targetRef="a" />'
        '<bpmn:sequenceFlow id="f2" sourceRef="a" targetRef="b" />'
        '<bpmn:sequenceFlow id="f3" sourceRef="a" targetRef="b" />'
    )
    assert process.elements["a"].outgoing == ("f2", "f3")
    assert process.elements["b"].incoming == ("f2", "f3")
    assert process.elements["b"].outgoing == ()


def test_loops_are_allowed(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        '<bpmn:startEvent id="start" /><bpmn:task id="a" />'
        '<bpmn:sequenceFlow id="f1" sourceRef="start" targetRef="a" />'
        '<bpmn:sequenceFlow id="f2" sourceRef="a" targetRef="a" />'
    )
    assert process.elements["a"].incoming == ("f1", "f2")


def test_sub_processes_in_each_other(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        '<bpmn:startEvent id="start" />'
        '<bpmn:subProcess id="outer"><bpmn:startEvent id="outer-start" />'
        '<bpmn:subProcess id="inner"><bpmn:startEvent id="inner-start" /></bpmn:subProcess></bpmn:subProcess>'
    )
    assert {element.id: (element.scope, element.start) for element in process.elements.values()} == {
        "process": ("", "start"),
        "start": ("process", ""),
        "outer": ("process", "outer-start"),
        "outer-start": ("outer", ""),
        "inner": ("outer", "inner-start"),
        "inner-start": ("inner", ""),
    }


def test_error_events(process_of: Callable[[str], Process], value_of: Callable[..., Any]) -> None:
    process = process_of(
        f'<bpmn:startEvent id="start" /><bpmn:serviceTask id="task">{JOB}</bpmn:serviceTask>'
        '<bpmn:boundaryEvent id="first" attachedToRef="task"><bpmn:errorEventDefinition errorRef="error-a" />'
        '</bpmn:boundaryEvent><bpmn:boundaryEvent id="second" attachedToRef="task"><bpmn:errorEventDefinition />'
        '</bpmn:boundaryEvent><bpmn:endEvent id="throws"><bpmn:errorEventDefinition errorRef="error-feel" />'
        "</bpmn:endEvent>"
    )
    first, second, throws = (process.elements[id_] for id_ in ("first", "second", "throws"))
    assert process.elements["task"].boundaries == ("first", "second")
    assert first.attached_to == "task"
    assert value_of(cast(Error, first.event).code) == "A"
    assert second.event == Error(code=None)
    assert value_of(cast(Error, throws.event).code, {"code": "C"}) == "C"


def test_error_without_code_is_caught_as_every_error(element_of: Callable[[str], Element]) -> None:
    element = element_of(
        '<bpmn:task id="task" /><bpmn:boundaryEvent id="it" attachedToRef="task">'
        '<bpmn:errorEventDefinition errorRef="error-without-code" /></bpmn:boundaryEvent>'
    )
    assert element.event == Error(code=None)


def test_terminate_end_event(element_of: Callable[[str], Element]) -> None:
    assert element_of('<bpmn:endEvent id="it"><bpmn:terminateEventDefinition /></bpmn:endEvent>').event == Terminate()
    assert element_of('<bpmn:endEvent id="it" />').event is None


def test_a_boundary_event_is_what_its_activity_waits_for(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        f'<bpmn:startEvent id="start" /><bpmn:serviceTask id="task">{JOB}</bpmn:serviceTask>'
        '<bpmn:boundaryEvent id="late" attachedToRef="task" cancelActivity="false"><bpmn:timerEventDefinition>'
        "<bpmn:timeDuration>PT1S</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
        '<bpmn:boundaryEvent id="wrong" attachedToRef="task"><bpmn:errorEventDefinition /></bpmn:boundaryEvent>'
    )
    assert process.elements["task"].waits == ("late",)
    assert (process.elements["late"].interrupting, process.elements["wrong"].interrupting) == (False, True)


def test_mappings_in_document_order(element_of: Callable[[str], Element], value_of: Callable[..., Any]) -> None:
    mappings = (
        '<zeebe:ioMapping><zeebe:input source="=a" target="x.y" /><zeebe:output source="=b" target="z" />'
        '<zeebe:input source="fixed" target="w" /></zeebe:ioMapping>'
    )
    for name in ("task", "manualTask", "userTask"):
        element = element_of(f'<bpmn:{name} id="it">{extended(mappings)}</bpmn:{name}>')
        assert [mapping.target for mapping in element.inputs] == [("x", "y"), ("w",)]
        assert [value_of(mapping.source, {"a": 1}) for mapping in element.inputs] == [1, "fixed"]
        assert [mapping.target for mapping in element.outputs] == [("z",)]


@pytest.mark.parametrize("event", ["startEvent", "endEvent"])
def test_events_have_output_mappings(event: str, process_of: Callable[[str], Process]) -> None:
    start = "" if event == "startEvent" else '<bpmn:startEvent id="start" />'
    mapping = extended('<zeebe:ioMapping><zeebe:output source="=b" target="z" /></zeebe:ioMapping>')
    process = process_of(f'{start}<bpmn:{event} id="it">{mapping}</bpmn:{event}>')
    assert len(process.elements["it"].outputs) == 1


def test_version_tag(process_of: Callable[[str], Process]) -> None:
    tag = '<bpmn:extensionElements><zeebe:versionTag value="v1" /></bpmn:extensionElements>'
    assert process_of(f'{tag}<bpmn:startEvent id="start" />').version_tag == "v1"
    assert process_of('<bpmn:startEvent id="start" />').version_tag == ""


def test_what_has_no_effect_is_read_over(process_of: Callable[[str], Process]) -> None:
    process = process_of(
        extended(
            '<zeebe:userTaskForm id="form">{"components": []}</zeebe:userTaskForm>', "<other:thing><x /></other:thing>"
        )
        + '<bpmn:documentation>words</bpmn:documentation><bpmn:laneSet id="lanes"><bpmn:lane id="lane">'
        '<bpmn:flowNodeRef>start</bpmn:flowNodeRef></bpmn:lane></bpmn:laneSet><bpmn:startEvent id="start">'
        + extended('<zeebe:formDefinition formId="f" />', "<zeebe:executionListeners />")
        + '</bpmn:startEvent><bpmn:task id="task" zeebe:modelerTemplate="t" zeebe:modelerTemplateIcon="data:x"'
        ' other:a="1">'
        + extended('<zeebe:properties><zeebe:property name="a" value="b" /></zeebe:properties>')
        + '<bpmn:documentation>words</bpmn:documentation><bpmn:ioSpecification><bpmn:dataInput id="in" />'
        '</bpmn:ioSpecification><bpmn:property id="property" /></bpmn:task>'
        '<bpmn:dataObject id="data" /><bpmn:dataObjectReference id="reference" dataObjectRef="data" />'
        '<bpmn:dataStoreReference id="store" /><bpmn:textAnnotation id="note"><bpmn:text>=not FEEL (</bpmn:text>'
        '</bpmn:textAnnotation><bpmn:group id="group" /><bpmn:association id="to" sourceRef="task" targetRef="note" />'
    )
    assert list(process.elements) == ["process", "start", "task"]


def test_definitions_that_nobody_uses_and_other_processes_are_read_over() -> None:
    resource = (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="file">'
        '<collaboration id="c"><participant id="p" processRef="a" /><messageFlow id="m" sourceRef="x" targetRef="y" />'
        '</collaboration><message id="message" name="=broken (" /><signal id="signal" /><escalation id="escalation" />'
        '<category id="category" /><dataStore id="store" />'
        '<process id="a" isExecutable="true"><startEvent id="start-a" /></process>'
        '<process id="b"><complexGateway id="gateway" /></process>'
        '<process id="c1" isExecutable="false"><startEvent id="start-c"><timerEventDefinition /></startEvent></process>'
        '<process id="d" isExecutable="1"><startEvent id="start-d" /></process></definitions>'
    )
    assert [process.id for process in parse(resource.encode(), "x.bpmn")] == ["a", "d"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    resource = (
        f'<?xml version="1.0" encoding="{declared}"?><?other instruction?><!-- comment -->'
        '<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL"><b:process id="p" name="Prüfung"'
        ' isExecutable="true"><b:startEvent id="start" /></b:process></b:definitions>'
    )
    assert parse(resource.encode(encoding), "x.bpmn")[0].name == "Prüfung"


def test_a_flow_may_be_written_outside_the_sub_process_in_which_its_ends_are(
    process_of: Callable[[str], Process],
) -> None:
    process = process_of(
        '<bpmn:startEvent id="start" /><bpmn:subProcess id="sub"><bpmn:startEvent id="s" /><bpmn:task id="t" />'
        '</bpmn:subProcess><bpmn:sequenceFlow id="f" sourceRef="s" targetRef="t" />'
    )
    assert (process.elements["s"].outgoing, process.elements["t"].incoming) == (("f",), ("f",))
