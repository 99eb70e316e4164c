"""Extension elements that are refused: unknown, not executable, contradictory, or with wrong texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.bpmn.expressions import FEEL_LENGTH_MAX
from engine.bpmn.model import Problem

ProblemsOf = Callable[[str], tuple[Problem, ...]]

START = '<bpmn:startEvent id="start" />'


def task_with(extension: str, name: str = "serviceTask") -> str:
    return f'{START}<bpmn:{name} id="it"><bpmn:extensionElements>{extension}</bpmn:extensionElements></bpmn:{name}>'


def job_with(extension: str) -> str:
    return task_with(f'<zeebe:taskDefinition type="work" />{extension}')


def user_task_with(extension: str) -> str:
    return task_with(f"<zeebe:userTask />{extension}", "userTask")


#: content of the process, element id, element type, a part of the message
REFUSALS = {
    "service task without job": (
        f'{START}<bpmn:serviceTask id="it" />',
        ("it", "SERVICE_TASK", "expected zeebe:taskDefinition"),
    ),
    "script task without anything": (
        f'{START}<bpmn:scriptTask id="it" />',
        ("it", "SCRIPT_TASK", "expected zeebe:script or zeebe:taskDefinition"),
    ),
    "script task with both": (
        task_with(
            '<zeebe:script expression="=1" resultVariable="a" /><zeebe:taskDefinition type="work" />', "scriptTask"
        ),
        ("it", "SCRIPT_TASK", "got both"),
    ),
    "script without FEEL": (
        task_with('<zeebe:script expression="1" resultVariable="a" />', "scriptTask"),
        ("it", "SCRIPT_TASK", "the script to be FEEL"),
    ),
    "script without result": (
        task_with('<zeebe:script expression="=1" />', "scriptTask"),
        ("it", "SCRIPT_TASK", "the result variable"),
    ),
    "script with a path as result": (
        task_with('<zeebe:script expression="=1" resultVariable="a.b" />', "scriptTask"),
        ("it", "SCRIPT_TASK", "one name, got 'a.b'"),
    ),
    "job without type": (task_with('<zeebe:taskDefinition type=" " />'), ("it", "SERVICE_TASK", "a job type")),
    "job type that is no FEEL": (task_with('<zeebe:taskDefinition type="=(" />'), ("it", "SERVICE_TASK", "column")),
    "long job type": (
        task_with(f'<zeebe:taskDefinition type="{"t" * 257}" />'),
        ("it", "SERVICE_TASK", "at most 256 bytes"),
    ),
    "retries that are no number": (
        task_with('<zeebe:taskDefinition type="work" retries="many" />'),
        ("it", "SERVICE_TASK", "'many'"),
    ),
    "negative retries": (
        task_with('<zeebe:taskDefinition type="work" retries="-1" />'),
        ("it", "SERVICE_TASK", "'-1'"),
    ),
    "too many retries": (
        task_with('<zeebe:taskDefinition type="work" retries="2147483648" />'),
        ("it", "SERVICE_TASK", "'2147483648'"),
    ),
    "reserved header": (
        job_with('<zeebe:taskHeaders><zeebe:header key="io.camunda.zeebe:x" value="1" /></zeebe:taskHeaders>'),
        ("it", "SERVICE_TASK", "reserved"),
    ),
    "header twice": (
        job_with(
            '<zeebe:taskHeaders><zeebe:header key="a" value="1" />'
            '<zeebe:header key="a" value="2" /></zeebe:taskHeaders>'
        ),
        ("it", "SERVICE_TASK", "one header 'a'"),
    ),
    "extension twice": (job_with('<zeebe:taskDefinition type="again" />'), ("it", "SERVICE_TASK", "got another")),
    "unknown extension": (job_with("<zeebe:magic />"), ("it", "SERVICE_TASK", "zeebe:magic")),
    "extension outside": (
        f'{START}<bpmn:task id="it"><zeebe:taskDefinition type="work" /></bpmn:task>',
        ("it", "TASK", "inside bpmn:extensionElements"),
    ),
    "extension without effect": (
        task_with('<zeebe:taskDefinition type="work" />', "task"),
        ("it", "TASK", "no zeebe:taskDefinition here"),
    ),
    "execution listeners": (
        job_with("<zeebe:executionListeners><zeebe:executionListener /></zeebe:executionListeners>"),
        ("it", "SERVICE_TASK", "execution listeners"),
    ),
    "task listeners": (
        user_task_with("<zeebe:taskListeners><zeebe:taskListener /></zeebe:taskListeners>"),
        ("it", "USER_TASK", "task listeners"),
    ),
    "called decision without id": (
        task_with('<zeebe:calledDecision decisionId="" resultVariable="r" />', "businessRuleTask"),
        ("it", "BUSINESS_RULE_TASK", "expected the id of a decision, got none"),
    ),
    "called decision without result": (
        task_with('<zeebe:calledDecision decisionId="d" />', "businessRuleTask"),
        ("it", "BUSINESS_RULE_TASK", "the result variable"),
    ),
    "called decision with a path as result": (
        task_with('<zeebe:calledDecision decisionId="d" resultVariable="a.b" />', "businessRuleTask"),
        ("it", "BUSINESS_RULE_TASK", "the result variable to be one name"),
    ),
    "called decision with an unknown binding": (
        task_with('<zeebe:calledDecision decisionId="d" resultVariable="r" bindingType="x" />', "businessRuleTask"),
        ("it", "BUSINESS_RULE_TASK", "a binding type (latest, deployment, versionTag), got 'x'"),
    ),
    "called decision without its version tag": (
        task_with(
            '<zeebe:calledDecision decisionId="d" resultVariable="r" bindingType="versionTag" />', "businessRuleTask"
        ),
        ("it", "BUSINESS_RULE_TASK", "a version tag for the binding type versionTag, got none"),
    ),
    "called decision and job": (
        task_with(
            '<zeebe:calledDecision decisionId="d" resultVariable="r" /><zeebe:taskDefinition type="t" />',
            "businessRuleTask",
        ),
        ("it", "BUSINESS_RULE_TASK", "zeebe:calledDecision or zeebe:taskDefinition, got both"),
    ),
    "called decision of another task": (
        task_with('<zeebe:calledDecision decisionId="d" resultVariable="r" />', "serviceTask"),
        ("it", "SERVICE_TASK", "no zeebe:calledDecision here"),
    ),
    "call activity without called element": (
        task_with("", "callActivity"),
        ("it", "CALL_ACTIVITY", "expected zeebe:calledElement, got none"),
    ),
    "call activity without process id": (
        task_with('<zeebe:calledElement processId=" " />', "callActivity"),
        ("it", "CALL_ACTIVITY", "expected the id of the called process, got none"),
    ),
    "call activity with an error in FEEL": (
        task_with('<zeebe:calledElement processId="=(" />', "callActivity"),
        ("it", "CALL_ACTIVITY", "expected the id of the called process to be FEEL"),
    ),
    "call activity with an unknown binding": (
        task_with('<zeebe:calledElement processId="p" bindingType="x" />', "callActivity"),
        ("it", "CALL_ACTIVITY", "a binding type (latest, deployment, versionTag), got 'x'"),
    ),
    "call activity without its version tag": (
        task_with('<zeebe:calledElement processId="p" bindingType="versionTag" />', "callActivity"),
        ("it", "CALL_ACTIVITY", "a version tag for the binding type versionTag, got none"),
    ),
    "call activity with a bad switch": (
        task_with('<zeebe:calledElement processId="p" propagateAllChildVariables="yes" />', "callActivity"),
        ("it", "CALL_ACTIVITY", "propagateAllChildVariables to be true or false, got 'yes'"),
    ),
    "called element of a task": (
        task_with('<zeebe:calledElement processId="p" />', "task"),
        ("it", "TASK", "no zeebe:calledElement here"),
    ),
    "priority of jobs that is no number": (
        job_with('<zeebe:jobPriorityDefinition priority="high" />'),
        ("it", "SERVICE_TASK", "expected the priority of jobs to be a whole number"),
    ),
    "priority of jobs beyond 32 bits": (
        job_with('<zeebe:jobPriorityDefinition priority="-2147483649" />'),
        ("it", "SERVICE_TASK", "got '-2147483649'"),
    ),
    "no priority of jobs": (job_with("<zeebe:jobPriorityDefinition />"), ("it", "SERVICE_TASK", "or FEEL, got ''")),
    "priority of jobs that is no FEEL": (
        job_with('<zeebe:jobPriorityDefinition priority="=(" />'),
        ("it", "SERVICE_TASK", "the priority of jobs to be FEEL"),
    ),
    "priority of jobs on a user task": (
        user_task_with('<zeebe:jobPriorityDefinition priority="1" />'),
        ("it", "USER_TASK", "no zeebe:jobPriorityDefinition here"),
    ),
    "linked resources": (job_with("<zeebe:linkedResources />"), ("it", "SERVICE_TASK", "linked resources")),
    "mapping of a gateway": (
        task_with("<zeebe:ioMapping />", "exclusiveGateway"),
        ("it", "EXCLUSIVE_GATEWAY", "no zeebe:ioMapping here"),
    ),
    "input mapping of an event": (
        '<bpmn:startEvent id="it"><bpmn:extensionElements><zeebe:ioMapping><zeebe:input source="=a" target="b" />'
        "</zeebe:ioMapping></bpmn:extensionElements></bpmn:startEvent>",
        ("it", "START_EVENT", "no input mapping"),
    ),
    "mapping without source": (
        job_with('<zeebe:ioMapping><zeebe:output target="b" /></zeebe:ioMapping>'),
        ("it", "SERVICE_TASK", "the source of the output mapping to 'b', got none"),
    ),
    "static output": (
        job_with('<zeebe:ioMapping><zeebe:output source="a" target="b" /></zeebe:ioMapping>'),
        ("it", "SERVICE_TASK", "static text 'a'"),
    ),
    "mapping that is no FEEL": (
        job_with('<zeebe:ioMapping><zeebe:input source="=a +" target="b" /></zeebe:ioMapping>'),
        ("it", "SERVICE_TASK", "the source of the input mapping to 'b' to be FEEL"),
    ),
    "mapping to no path": (
        job_with('<zeebe:ioMapping><zeebe:input source="=a" target="b." /></zeebe:ioMapping>'),
        ("it", "SERVICE_TASK", "'b.'"),
    ),
    "mapping to a word of FEEL": (
        job_with('<zeebe:ioMapping><zeebe:input source="=a" target="null" /></zeebe:ioMapping>'),
        ("it", "SERVICE_TASK", "'null'"),
    ),
    "unknown mapping": (job_with("<zeebe:ioMapping><zeebe:x /></zeebe:ioMapping>"), ("it", "SERVICE_TASK", "zeebe:x")),
    "long expression": (
        job_with(f'<zeebe:ioMapping><zeebe:input source="=a{" " * 65_536}+ 1" target="b" /></zeebe:ioMapping>'),
        ("it", "SERVICE_TASK", "at most 32768 characters"),
    ),
    "candidates without names": (
        user_task_with('<zeebe:assignmentDefinition candidateGroups="a,,b" />'),
        ("it", "USER_TASK", "candidateGroups"),
    ),
    "due date without zone": (
        user_task_with('<zeebe:taskSchedule dueDate="2030-01-02T03:04:05" />'),
        ("it", "USER_TASK", "dueDate"),
    ),
    "follow-up date that is none": (
        user_task_with('<zeebe:taskSchedule followUpDate="soon" />'),
        ("it", "USER_TASK", "followUpDate"),
    ),
    "priority above 100": (
        user_task_with('<zeebe:priorityDefinition priority="101" />'),
        ("it", "USER_TASK", "0 to 100"),
    ),
    "form with two references": (
        user_task_with('<zeebe:formDefinition formId="a" externalReference="b" />'),
        ("it", "USER_TASK", "formId or externalReference"),
    ),
    "form without reference": (
        task_with("<zeebe:formDefinition />", "userTask"),
        ("it", "USER_TASK", "formId or formKey"),
    ),
}


@pytest.mark.parametrize(("content", "expected"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusal(content: str, expected: tuple[str, str, str], problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(content)
    assert (problem.element_id, problem.element_type) == expected[:2]
    assert expected[2] in problem.message
    assert problem.message.startswith("expected ")
    assert problem.line == 2


def test_line_is_that_of_the_extension_element(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(
        f'{START}\n<bpmn:serviceTask id="it">\n<bpmn:extensionElements>\n'
        '<zeebe:taskDefinition type="work" retries="x" /></bpmn:extensionElements></bpmn:serviceTask>'
    )
    assert (problem.element_id, problem.line) == ("it", 5)


def test_total_of_feel_is_bounded(problems_of: ProblemsOf) -> None:
    expressions = [f"={number:02} + {' ' * 30_000}1" for number in range(40)]
    mappings = "".join(f'<zeebe:input source="{expression}" target="b" />' for expression in expressions)
    problems = problems_of(job_with(f"<zeebe:ioMapping>{mappings * 2}</zeebe:ioMapping>"))
    assert len(problems) == 2 * (40 - FEEL_LENGTH_MAX // 30_006)
    assert "characters of FEEL in a file" in problems[0].message
