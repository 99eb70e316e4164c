"""Forms: deployed with versions on every partition, and found by user tasks."""

from __future__ import annotations

import msgspec
import pytest

from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import resolve
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make


def form(id_: str = "f", **others: object) -> bytes:
    return msgspec.json.encode({"id": id_, "type": "default", "components": [], **others})


def deployment(s: Scenario, **files: bytes) -> Moment:
    """Deploy files named `name_extension`."""
    named = [Resource(resource_name=".".join(name.rsplit("_", 1)), resource=data) for name, data in files.items()]
    return s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=tuple(named))), 1)


def deploy(s: Scenario, **files: bytes) -> Deployment:
    value = deployment(s, **files).accepted().one("DEPLOYMENT", "FULLY_DISTRIBUTED").value
    assert isinstance(value, Deployment)
    return value


def asking(attributes: str, *extensions: str, native: bool = True) -> bytes:
    """A process with a user task that has a form."""
    kinds = ("<zeebe:userTask />",) if native else ()
    task = m.element("userTask", "t", extensions=(*kinds, f"<zeebe:formDefinition {attributes} />", *extensions))
    return m.straight("p", task, names=["t"])


def begin(s: Scenario, variables: str = "{}", partition: int = 1) -> Moment:
    wish = ProcessInstanceCreation(bpmn_process_id="p", variables=variables)
    return s.when(make("PROCESS_INSTANCE_CREATION", "CREATE", wish), partition).accepted()


def test_versions_are_counted_by_the_id_of_the_form(scenario: MakeScenario) -> None:
    s = scenario()
    first = deploy(s, a_form=form(), b_form=form("g", versionTag="v1"))
    again = deploy(s, a_form=form(), b_form=form("g", versionTag="v1"))
    other = deploy(s, c_form=form(title="another"))
    assert [(f.form_id, f.version, f.version_tag, f.duplicate) for f in first.forms] == [
        ("f", 1, "", False),
        ("g", 1, "v1", False),
    ]
    assert [(f.version, f.duplicate) for f in again.forms] == [(1, True), (1, True)]
    assert [f.form_key for f in again.forms] == [f.form_key for f in first.forms]
    assert [(f.form_id, f.version, f.resource_name) for f in other.forms] == [("f", 2, "c.form")]


def test_what_is_deployed_together_is_versioned_together(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, a_form=form(), b_form=form("g"))
    changed = deploy(s, a_form=form(), b_form=form("g", title="another"))
    assert [(f.form_id, f.version, f.duplicate) for f in changed.forms] == [("f", 2, False), ("g", 2, False)]


def test_every_partition_has_the_form_and_its_file(scenario: MakeScenario) -> None:
    s = scenario(partitions=2)
    done = deployment(s, a_form=form()).accepted()
    created = done.all("FORM", "CREATED")
    assert len(created) == 2
    assert len({record.key for record in created}) == 1
    assert {record.value.resource for record in created} == {form()}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a_form": b"{"}, "FORM '' (line 1): expected a form as a JSON object, got no JSON"),
        ({"a_form": b"[]"}, "expected a form as a JSON object, got another JSON value"),
        ({"a_form": b"{}"}, "expected a form with an id, got none"),
        ({"a_form": form(" ")}, "expected a form with an id, got none"),
        ({"a_form": form("x" * 257)}, "expected an id of at most 256 bytes, got 257"),
        ({"a_form": form(versionTag="x" * 257)}, "expected a version tag of at most 256 bytes, got 257"),
        ({"a_form": form(versionTag=7)}, "expected the version tag to be a text"),
        ({"a_form": form(), "b_form": form()}, "expected form ids to be unique, got 'f' twice"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(scenario: MakeScenario, files: dict[str, bytes], reason: str) -> None:
    assert reason in deployment(scenario(), **files).rejection().rejection_reason


def test_syntax_errors_name_their_line(scenario: MakeScenario) -> None:
    refused = deployment(scenario(), a_form=b'{\n  "id": "f",\n  oops\n}').rejection()
    assert "FORM '' (line 3)" in refused.rejection_reason


def test_a_task_gets_the_latest_version_and_keeps_it(scenario: MakeScenario) -> None:
    s = scenario()
    old = deploy(s, a_form=form(), p_bpmn=asking('formId="f"')).forms[0]
    first = begin(s).one("USER_TASK", "CREATED")
    new = deploy(s, a_form=form(title="another")).forms[0]
    second = begin(s).one("USER_TASK", "CREATED")
    assert (first.value.form_key, second.value.form_key) == (old.form_key, new.form_key)
    assert first.value.external_form_reference == ""


def test_a_task_gets_the_version_of_its_deployment(scenario: MakeScenario) -> None:
    s = scenario()
    old = deploy(s, a_form=form(), p_bpmn=asking('formId="f" bindingType="deployment"')).forms[0]
    deploy(s, a_form=form(title="another"))
    assert begin(s).one("USER_TASK", "CREATED").value.form_key == old.form_key


def test_a_task_gets_the_version_with_a_tag(scenario: MakeScenario) -> None:
    s = scenario()
    tagged = deploy(s, a_form=form(versionTag="v1")).forms[0]
    deploy(s, a_form=form(versionTag="v2"), p_bpmn=asking('formId="f" bindingType="versionTag" versionTag="v1"'))
    assert begin(s).one("USER_TASK", "CREATED").value.form_key == tagged.form_key


def test_the_id_of_the_form_may_be_an_expression(scenario: MakeScenario) -> None:
    s = scenario()
    deployed = deploy(s, a_form=form("f"), b_form=form("g"), p_bpmn=asking('formId="=which"'))
    assert begin(s, '{"which": "g"}').one("USER_TASK", "CREATED").value.form_key == deployed.forms[1].form_key


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ('formId="f"', "expected a form 'f', got none deployed"),
        ('formId="f" bindingType="deployment"', "expected form 'f' in the deployment of the process"),
        ('formId="f" bindingType="versionTag" versionTag="v1"', "expected a version of form 'f' with the version tag"),
    ],
)
@pytest.mark.parametrize("native", [True, False])
def test_a_form_that_is_not_there_is_an_incident_until_it_is(
    scenario: MakeScenario, attributes: str, reason: str, native: bool
) -> None:
    s = scenario()
    deploy(s, p_bpmn=asking(attributes, native=native))
    incident = begin(s).one("INCIDENT", "CREATED")
    assert incident.value.error_type == "FORM_NOT_FOUND"
    assert reason in incident.value.error_message
    if "deployment" in attributes:
        return
    deploy(s, a_form=form(versionTag="v1"))
    assert resolve(s, incident.key).accepted().has("USER_TASK CREATED" if native else "JOB CREATED")


def test_an_id_that_is_no_text_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, p_bpmn=asking('formId="=which"'))
    incident = begin(s, '{"which": 1}').one("INCIDENT", "CREATED")
    assert incident.value.error_type == "EXTRACT_VALUE_ERROR"


def test_the_job_of_a_task_of_the_old_kind_says_where_the_form_is(scenario: MakeScenario) -> None:
    s = scenario()
    deployed = deploy(s, a_form=form(), p_bpmn=asking('formId="f"', native=False)).forms[0]
    headers = msgspec.json.decode(begin(s).one("JOB", "CREATED").value.custom_headers)
    assert headers == {"io.camunda.zeebe:formKey": str(deployed.form_key)}


def test_a_definition_knows_the_form_at_its_start(scenario: MakeScenario) -> None:
    s = scenario()
    formed = m.element("startEvent", "start", extensions=('<zeebe:formDefinition formId="f" />',))
    parts = (formed, m.end(), m.chain("start", "end"))
    done = deployment(s, p_bpmn=m.model(m.process("p", *parts)), q_bpmn=m.one_task("q")).accepted()
    ids = {record.value.bpmn_process_id: record.value.start_form_id for record in done.all("PROCESS", "CREATED")}
    assert ids == {"p": "f", "q": ""}
