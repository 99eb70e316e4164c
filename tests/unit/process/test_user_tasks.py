"""User tasks: their attributes, who has them, what changes them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from engine.core.record import Record
from engine.process.elements.task_attributes import ATTRIBUTES_SIZE_MAX
from engine.records import UserTask
from tests.support import models as m
from tests.support.actions import (
    assign,
    assign_business_id,
    claim,
    complete_user_task,
    resolve,
    set_variables,
    update_user_task,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

#: An extension element for each attribute; the text stands for its value.
ASSIGNMENT = '<zeebe:assignmentDefinition {}="{}" />'
SCHEDULE = '<zeebe:taskSchedule {}="{}" />'
PRIORITY = '<zeebe:priorityDefinition priority="{}" />'


def model(*extensions: str) -> bytes:
    task = m.element("userTask", "t", extensions=("<zeebe:userTask />", *extensions), name="Look at it")
    return m.straight("p", task, names=["t"])


def begin(s: Scenario, *extensions: str, variables: str = "", **fields: object) -> Record:
    """One task; its CREATED record."""
    s.deploy(model(*extensions))
    s.create("p", variables, **fields)
    return s.everything().one("USER_TASK", "CREATED")


def value(record: Record, **changes: object) -> UserTask:
    """The value of a record, with what another one has differently."""
    assert isinstance(record.value, UserTask)
    return msgspec.structs.replace(record.value, **changes)


def test_every_attribute_of_the_model_is_evaluated(scenario: MakeScenario) -> None:
    s = scenario()
    created = begin(
        s,
        '<zeebe:assignmentDefinition assignee="=who" candidateGroups="a, b" candidateUsers="=users" />',
        '<zeebe:taskSchedule dueDate="2030-01-02T03:04+01:00[Europe/Berlin]" followUpDate="=follow" />',
        '<zeebe:priorityDefinition priority="=10 * 8" />',
        '<zeebe:formDefinition externalReference="=form" />',
        '<zeebe:taskHeaders><zeebe:header key="colour" value="green" /></zeebe:taskHeaders>',
        variables='{"who": "ada", "users": ["bob", "eve"], "follow": "2030-07-02T03:04:05@Europe/Berlin", "form": "f"}',
        tags=("a:b",),
        business_id="order 7",
    )
    assert value(created) == UserTask(
        process_instance_key=created.value.process_instance_key,
        root_process_instance_key=created.value.process_instance_key,
        process_definition_key=created.value.process_definition_key,
        bpmn_process_id="p",
        bpmn_version=1,
        element_id="t",
        element_instance_key=created.value.element_instance_key,
        name="Look at it",
        assignee="ada",
        candidate_groups=("a", "b"),
        candidate_users=("bob", "eve"),
        due_date="2030-01-02T03:04:00+01:00",
        follow_up_date="2030-07-02T03:04:05+02:00",
        priority=80,
        external_form_reference="f",
        custom_headers='{"colour":"green"}',
        tags=("a:b",),
        business_id="order 7",
        tenant_id="<default>",
    )


def test_a_task_without_attributes_has_none(scenario: MakeScenario) -> None:
    created = begin(scenario())
    assert (created.value.assignee, created.value.candidate_groups, created.value.candidate_users) == ("", (), ())
    assert (created.value.due_date, created.value.follow_up_date, created.value.priority) == ("", "", 50)


@pytest.mark.parametrize("given", ["null", '""'])
def test_a_date_may_be_nothing(scenario: MakeScenario, given: str) -> None:
    created = begin(scenario(), SCHEDULE.format("dueDate", "=when"), variables=f'{{"when": {given}}}')
    assert created.value.due_date == ""


@pytest.mark.parametrize(
    ("extension", "wrong"),
    [
        (ASSIGNMENT.format("assignee", "=x"), "7"),
        (ASSIGNMENT.format("assignee", "=x"), "null"),
        (ASSIGNMENT.format("candidateGroups", "=x"), '"a,b"'),
        (ASSIGNMENT.format("candidateGroups", "=x"), "null"),
        (ASSIGNMENT.format("candidateUsers", "=x"), '["a", 7]'),
        (SCHEDULE.format("dueDate", "=x"), '"tomorrow"'),
        (SCHEDULE.format("dueDate", "=x"), '"2030-01-02T03:04:05"'),
        (SCHEDULE.format("dueDate", "=x"), '"2030-01-02T03:04:05@Europe/Nowhere"'),
        (SCHEDULE.format("followUpDate", "=x"), "7"),
        (SCHEDULE.format("followUpDate", "=x"), '"2030-02-30T03:04:05Z"'),
        (PRIORITY.format("=x"), "101"),
        (PRIORITY.format("=x"), "-1"),
        (PRIORITY.format("=x"), '"high"'),
        (PRIORITY.format("=x"), "null"),
        (PRIORITY.format("=x"), "true"),
        ('<zeebe:formDefinition externalReference="=x" />', "[]"),
        (ASSIGNMENT.format("assignee", "=x"), f'"{"a" * (ATTRIBUTES_SIZE_MAX + 1)}"'),
    ],
)
def test_a_wrong_value_is_an_incident(scenario: MakeScenario, extension: str, wrong: str) -> None:
    s = scenario()
    s.deploy(model(extension))
    key = s.create("p", f'{{"x": {wrong}}}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    s.everything().none("USER_TASK")
    right = {"candidate": '["a"]', "Date": '"2030-01-02T03:04:05Z"', "priority": "7"}
    set_variables(s, key, f'{{"x": {next((text for name, text in right.items() if name in extension), chr(34) * 2)}}}')
    task = resolve(s, incident.key).one("USER_TASK", "CREATED")
    complete_user_task(s, task.key).has("p COMPLETED")
    assert s.is_empty()


def test_a_task_is_assigned_and_taken_away(scenario: MakeScenario) -> None:
    s = scenario()
    created = begin(s)
    moment = assign(s, created.key, "ada")
    first = moment.one("USER_TASK", "ASSIGNED")
    assert value(first) == value(created, assignee="ada", action="assign", changed_attributes=("assignee",))
    assert assign(s, created.key, "bob", "hand over").one("USER_TASK", "ASSIGNED").value.action == "hand over"
    again = assign(s, created.key, "bob").one("USER_TASK", "ASSIGNED")
    assert (again.value.assignee, again.value.changed_attributes) == ("bob", ())
    nobody = assign(s, created.key, "", "unassign").one("USER_TASK", "ASSIGNED")
    assert value(nobody) == value(created, assignee="", action="unassign", changed_attributes=("assignee",))
    done = complete_user_task(s, created.key).one("USER_TASK", "COMPLETED")
    assert value(done) == value(created, assignee="", action="complete")
    assert s.is_empty()


def test_a_task_is_claimed_once(scenario: MakeScenario) -> None:
    s = scenario()
    key = begin(s).key
    claimed = claim(s, key, "ada").one("USER_TASK", "ASSIGNED")
    assert (claimed.value.assignee, claimed.value.action) == ("ada", "claim")
    assert claim(s, key, "ada").one("USER_TASK", "ASSIGNED").value.changed_attributes == ()
    claim(s, key, "bob").rejected("INVALID_STATE", "somebody else")
    claim(s, key, " ").rejected("INVALID_STATE", "assignee")
    assign(s, key, "").accepted()
    claim(s, key, "bob").accepted()


def test_an_update_changes_what_it_names(scenario: MakeScenario) -> None:
    s = scenario()
    created = begin(s, ASSIGNMENT.format("candidateGroups", "a, b"), PRIORITY.format("7"))
    fields = {"candidate_users": ("ada",), "due_date": "2030-01-02T03:04:05Z", "priority": 7}
    names = ("candidateUsersList", "dueDate", "priority")
    changed = update_user_task(s, created.key, *names, **fields).one("USER_TASK", "UPDATED")
    assert value(changed) == value(
        created,
        candidate_users=("ada",),
        due_date="2030-01-02T03:04:05+00:00",
        action="update",
        changed_attributes=("candidateUsersList", "dueDate"),
    )
    reset = update_user_task(
        s, created.key, "candidateGroupsList", "candidateUsersList", "dueDate", action="tidy up"
    ).one("USER_TASK", "UPDATED")
    assert value(reset) == value(
        created,
        candidate_groups=(),
        action="tidy up",
        changed_attributes=("candidateGroupsList", "candidateUsersList", "dueDate"),
    )
    nothing = update_user_task(s, created.key, priority=99).one("USER_TASK", "UPDATED")
    assert (nothing.value.priority, nothing.value.changed_attributes) == (7, ())


def test_all_that_is_wrong_with_an_update_is_told_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    key = begin(s).key
    wrong = {"due_date": "soon", "follow_up_date": "2030-01-02", "priority": 101}
    moment = update_user_task(s, key, "dueDate", "followUpDate", "priority", "assignee", **wrong)
    for text in ("'soon'", "'2030-01-02'", "101", "'assignee'"):
        moment.rejected("INVALID_ARGUMENT", text)


def test_attributes_fit_a_record(scenario: MakeScenario) -> None:
    s = scenario()
    key = begin(s).key
    update_user_task(s, key, "candidateGroupsList", candidate_groups=("g" * (ATTRIBUTES_SIZE_MAX - 10),)).accepted()
    assign(s, key, "a" * 11).rejected("INVALID_ARGUMENT", f"{ATTRIBUTES_SIZE_MAX}")
    update_user_task(s, key, "candidateUsersList", candidate_users=("a" * 11,)).rejected("INVALID_ARGUMENT")
    assign(s, key, "a").accepted()


@pytest.mark.parametrize("intent", ["ASSIGN", "CLAIM", "UPDATE", "COMPLETE"])
def test_what_is_done_is_gone(scenario: MakeScenario, intent: str) -> None:
    s = scenario()
    key = begin(s).key
    complete_user_task(s, key).accepted()
    act: Mapping[str, object] = {
        "ASSIGN": lambda: assign(s, key, "ada"),
        "CLAIM": lambda: claim(s, key, "ada"),
        "UPDATE": lambda: update_user_task(s, key, "priority", priority=1),
        "COMPLETE": lambda: complete_user_task(s, key),
    }
    act[intent]().rejected("NOT_FOUND", str(key))  # type: ignore[operator]


def test_a_canceled_task_tells_what_it_was(scenario: MakeScenario) -> None:
    s = scenario()
    created = begin(s)
    assign(s, created.key, "ada").accepted()
    canceled = s.cancel(created.value.process_instance_key).one("USER_TASK", "CANCELED")
    assert value(canceled) == value(created, assignee="ada")


def test_a_task_keeps_the_business_id_that_it_was_born_with(scenario: MakeScenario) -> None:
    s = scenario()
    created = begin(s)
    assign_business_id(s, created.value.process_instance_key, "order 7").accepted()
    assert assign(s, created.key, "ada").one("USER_TASK", "ASSIGNED").value.business_id == ""
