"""Decisions: deployed with versions, evaluated for a client and for business rule tasks."""

from __future__ import annotations

import msgspec
import pytest

from engine.records import DecisionEvaluation, Deployment
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import complete_all, resolve, set_variables
from tests.support.decisions import decision, literal, model, table
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make

DISH = table(["season"], ["dish"], [('"winter"', '"roast"'), ('"summer"', '"salad"')])


def file_of(*elements: str, id_: str = "drg") -> bytes:
    return model(*elements).replace(b'id="drg"', f'id="{id_}"'.encode())


def deploy(s: Scenario, **files: bytes) -> Deployment:
    """Deploy files named `name_extension`."""
    return deployment(s, **files).accepted().one("DEPLOYMENT", "FULLY_DISTRIBUTED").value


def deployment(s: Scenario, **files: bytes) -> Moment:
    named = [Resource(resource_name=".".join(name.rsplit("_", 1)), resource=data) for name, data in files.items()]
    return s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=tuple(named))), 1)


def evaluate(s: Scenario, partition: int = 1, **fields: object) -> Moment:
    return s.when(make("DECISION_EVALUATION", "EVALUATE", DecisionEvaluation(**fields), request="g/1"), partition)  # type: ignore[arg-type]


def rule_task(attributes: str, name: str = "rule", *extensions: str) -> str:
    called = f"<zeebe:calledDecision {attributes} />"
    return m.element("businessRuleTask", name, extensions=(called, *extensions))


def calling(attributes: str, *extensions: str) -> bytes:
    """A process that evaluates a decision, then waits."""
    return m.straight("p", rule_task(attributes, "rule", *extensions), m.job("w"), names=["rule", "w"])


# deployment


def test_versions_of_files_and_of_their_decisions(scenario: MakeScenario) -> None:
    s = scenario()
    first = deploy(s, a_dmn=file_of(decision("d", literal("1")), decision("e", literal("1"))))
    again = deploy(s, a_dmn=file_of(decision("d", literal("1")), decision("e", literal("1"))))
    other = deploy(s, a_dmn=file_of(decision("d", literal("2"))))
    assert [(r.version, r.duplicate) for d in (first, again, other) for r in d.decision_requirements] == [
        (1, False),
        (1, True),
        (2, False),
    ]
    assert [(one.decision_id, one.version) for one in first.decisions] == [("d", 1), ("e", 1)]
    assert [one.decision_key for one in again.decisions] == [one.decision_key for one in first.decisions]
    assert [(one.decision_id, one.version) for one in other.decisions] == [("d", 2)]
    assert len(s.everything().all("DECISION_REQUIREMENTS", "CREATED")) == 2
    assert len(s.everything().all("DECISION", "CREATED")) == 3


def test_a_decision_that_moves_to_another_file_goes_on_counting(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, a_dmn=file_of(decision("d", literal("1"))))
    moved = deploy(s, b_dmn=file_of(decision("d", literal("1")), id_="other"))
    assert [(r.decision_requirements_id, r.version) for r in moved.decision_requirements] == [("other", 1)]
    assert [(one.decision_id, one.version) for one in moved.decisions] == [("d", 2)]


def test_what_is_deployed_together_is_versioned_together(scenario: MakeScenario) -> None:
    s = scenario()
    files = {"p_bpmn": m.one_task("one"), "a_dmn": file_of(decision("d", literal("1")))}
    deploy(s, **files)
    changed = deploy(s, **{**files, "p_bpmn": m.one_task("one", "other")})
    assert [(one.version, one.duplicate) for one in (*changed.processes, *changed.decisions)] == [
        (2, False),
        (2, False),
    ]
    unchanged = deploy(s, **{**files, "p_bpmn": m.one_task("one", "other")})
    assert all(one.duplicate for one in (*unchanged.processes, *unchanged.decisions, *unchanged.decision_requirements))


def test_problems_of_decisions_and_processes_are_told_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    moment = deployment(
        s,
        a_dmn=file_of(decision("d", literal("1 +"))),
        b_dmn=file_of(decision("x", literal("1"))),
        c_dmn=file_of(decision("x", literal("1"))),
        p_bpmn=m.model(m.process("p")),
    )
    for text in ("'a.dmn'", "DECISION 'd'", "'drg' twice", "decision ids to be unique, got 'x' twice", "'p.bpmn'"):
        moment.rejected("INVALID_ARGUMENT", text)
    assert not s.rows().get("DECISIONS")


def test_every_partition_evaluates_what_was_deployed(scenario: MakeScenario) -> None:
    s = scenario(3)
    deployed = deploy(s, a_dmn=file_of(decision("d", DISH)))
    for partition in (1, 2, 3):
        value = evaluate(s, partition, decision_id="d", variables='{"season": "winter"}').accepted().records[0].value
        assert (value.decision_output, value.decision_key) == ('"roast"', deployed.decisions[0].decision_key)


# evaluation


def test_the_answer_tells_everything(scenario: MakeScenario) -> None:
    s = scenario()
    deployed = deploy(
        s,
        a_dmn=file_of(decision("d", literal("dish + guests"), requires=["dish"]), decision("dish", DISH)),
    )
    keys = {one.decision_id: one.decision_key for one in deployed.decisions}
    record = (
        evaluate(s, decision_key=keys["d"], variables='{"season": "summer", "guests": " for 2"}').accepted().records[0]
    )
    assert (record.intent, record.step.request) == ("EVALUATED", "g/1")
    value = record.value
    assert (value.decision_output, value.decision_version, value.decision_requirements_id) == (
        '"salad for 2"',
        1,
        "drg",
    )
    dish, root = value.evaluated_decisions
    assert (dish.decision_key, dish.decision_type, dish.decision_output) == (keys["dish"], "DECISION_TABLE", '"salad"')
    assert [(i.input_id, i.input_name, i.input_value) for i in dish.evaluated_inputs] == [("in1", "season", '"summer"')]
    (rule,) = dish.matched_rules
    assert (rule.rule_id, rule.rule_index) == ("rule2", 2)
    assert [(o.output_id, o.output_name, o.output_value) for o in rule.evaluated_outputs] == [
        ("out1", "dish", '"salad"')
    ]
    assert (root.decision_id, root.decision_type) == ("d", "LITERAL_EXPRESSION")


def test_by_id_the_latest_version_is_meant_by_key_any(scenario: MakeScenario) -> None:
    s = scenario()
    old = deploy(s, a_dmn=file_of(decision("d", literal("1")))).decisions[0].decision_key
    deploy(s, a_dmn=file_of(decision("d", literal("2"))))
    assert evaluate(s, decision_id="d").one("DECISION_EVALUATION").value.decision_output == "2"
    assert evaluate(s, decision_key=old).one("DECISION_EVALUATION").value.decision_output == "1"


def test_a_failure_is_an_answer(scenario: MakeScenario) -> None:
    s = scenario()
    rules = [("-", "1"), ("-", "2")]
    deploy(s, a_dmn=file_of(decision("d", literal("e"), requires=["e"]), decision("e", table(["x"], ["y"], rules))))
    record = evaluate(s, decision_id="d", variables='{"x": 1}').one("DECISION_EVALUATION", "FAILED")
    assert (record.value.failed_decision_id, record.value.decision_output) == ("e", "null")
    assert record.value.evaluation_failure_message.startswith("decision 'e': expected at most one rule to match")
    assert [one.decision_output for one in record.value.evaluated_decisions] == ["null"]


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"decision_id": "nobody"}, "NOT_FOUND", "expected a decision 'nobody', got none deployed"),
        ({"decision_key": 7}, "NOT_FOUND", "expected the key of a decision, got 7"),
        ({}, "INVALID_ARGUMENT", "expected the key or the id of a decision, got neither"),
        ({"decision_id": "d", "variables": "[]"}, "INVALID_ARGUMENT", "expected the variables to be a JSON object"),
    ],
)
def test_refusals(scenario: MakeScenario, fields: dict[str, object], code: str, text: str) -> None:
    s = scenario()
    deploy(s, a_dmn=file_of(decision("d", literal("1"))))
    evaluate(s, **fields).rejected(code, text)


def test_what_fits_no_record_is_a_failure(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, a_dmn=file_of(decision("d", literal("[a, a, a, a]"))))
    wish = msgspec.json.encode({"a": "x" * 1_000_000}).decode()
    record = evaluate(s, decision_id="d", variables=wish).one("DECISION_EVALUATION", "FAILED")
    assert "expected inputs and outputs of at most" in record.value.evaluation_failure_message


def test_now_is_the_time_of_the_step(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, a_dmn=file_of(decision("d", literal("string(today())"))))
    assert evaluate(s, decision_id="d").one("DECISION_EVALUATION").value.decision_output == '"2023-11-14"'


# business rule tasks


def test_the_result_is_a_variable_of_the_instance(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, p_bpmn=calling('decisionId="d" resultVariable="dish"'), a_dmn=file_of(decision("d", DISH)))
    key = s.create("p", '{"season": "winter"}', business_id="b")
    assert s.everything().variables() == {"season": '"winter"', "dish": '"roast"'}
    value = s.everything().one("DECISION_EVALUATION", "EVALUATED").value
    assert (value.process_instance_key, value.element_id, value.bpmn_process_id) == (key, "rule", "p")
    assert (value.business_id, value.root_process_instance_key) == ("b", key)
    assert (
        value.element_instance_key == s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="rule").key
    )
    complete_all(s)
    assert s.is_empty()


def test_mappings_around_a_decision(scenario: MakeScenario) -> None:
    s = scenario()
    mapping = m.mapping([("=upper case(when)", "season")], [("=dish.name", "out")])
    rules = [('"WINTER"', '{name: "roast"}')]
    resource = file_of(decision("d", table(["season"], ["dish"], rules)))
    deploy(s, p_bpmn=calling('decisionId="d" resultVariable="dish"', mapping), a_dmn=resource)
    key = s.create("p", '{"when": "winter"}')
    assert s.everything().all("VARIABLE", scope_key=key)[-1].value.value == '"roast"'
    assert [r.value.name for r in s.everything().all("VARIABLE", scope_key=key)] == ["when", "out"]


def test_the_decision_may_be_an_expression(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(
        s,
        p_bpmn=calling('decisionId="=which" resultVariable="r"'),
        a_dmn=file_of(decision("a", literal('"is a"')), decision("b", literal('"is b"'))),
    )
    s.create("p", '{"which": "b"}')
    assert s.everything().variables()["r"] == '"is b"'


def test_bindings(scenario: MakeScenario) -> None:
    """Latest, the one of the process's deployment, the latest with a tag."""
    s = scenario()

    def version(number: int, tag: str) -> bytes:
        tagged = f'<extensionElements><zeebe:versionTag value="{tag}"/></extensionElements>{literal(str(number))}'
        return file_of(decision("d", tagged))

    tasks = {
        "latest": 'decisionId="d" resultVariable="latest"',
        "bound": 'decisionId="d" resultVariable="bound" bindingType="deployment"',
        "tagged": 'decisionId="d" resultVariable="tagged" bindingType="versionTag" versionTag="stable"',
        "chosen": 'decisionId="d" resultVariable="chosen" bindingType="versionTag" versionTag="=tag"',
    }
    parts = [rule_task(attributes, name) for name, attributes in tasks.items()]
    process = m.straight("p", *parts, m.job("w"), names=[*tasks, "w"])
    deploy(s, a_dmn=version(1, "stable"))
    deploy(s, a_dmn=version(2, "beta"), p_bpmn=process)
    deploy(s, a_dmn=version(3, ""))
    s.create("p", '{"tag": "beta"}')
    found = s.everything().variables()
    assert (found["latest"], found["bound"], found["tagged"], found["chosen"]) == ("3", "2", "1", "2")


@pytest.mark.parametrize(
    ("attributes", "error", "text"),
    [
        ('decisionId="d"', "CALLED_DECISION_ERROR", "expected a decision 'd', got none deployed"),
        ('decisionId="d" bindingType="deployment"', "CALLED_DECISION_ERROR", "in the deployment of the process"),
        ('decisionId="d" bindingType="versionTag" versionTag="v"', "CALLED_DECISION_ERROR", "the version tag 'v'"),
        ('decisionId="=missing"', "EXTRACT_VALUE_ERROR", "the id of the decision 'missing' to be a string, got null"),
    ],
)
def test_incidents_of_decisions_that_are_not_found(
    scenario: MakeScenario, attributes: str, error: str, text: str
) -> None:
    s = scenario()
    deploy(s, p_bpmn=calling(f'{attributes} resultVariable="r"'))
    s.create("p")
    incident = s.everything().one("INCIDENT", "CREATED").value
    assert (incident.error_type, incident.element_id) == (error, "rule")
    assert text in incident.error_message


def test_a_failed_evaluation_is_an_incident_and_is_evaluated_again(scenario: MakeScenario) -> None:
    s = scenario()
    resource = file_of(decision("d", table(["x"], ["y"], [("> 1", '"big"'), ("> 2", '"bigger"')])))
    deploy(s, p_bpmn=calling('decisionId="d" resultVariable="r"'), a_dmn=resource)
    key = s.create("p", '{"x": 3}')
    incident = s.everything().one("INCIDENT", "CREATED")
    assert incident.value.error_type == "DECISION_EVALUATION_ERROR"
    assert "expected at most one rule to match" in incident.value.error_message
    failed = s.everything().one("DECISION_EVALUATION", "FAILED").value
    assert (failed.process_instance_key, [rule.rule_index for rule in failed.evaluated_decisions[0].matched_rules]) == (
        key,
        [1, 2],
    )
    set_variables(s, key, '{"x": 2}')
    resolve(s, incident.key)
    assert s.everything().variables()["r"] == '"big"'
    complete_all(s)
    assert s.is_empty()


def test_a_business_rule_task_may_still_be_a_job(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(
        s, p_bpmn=m.straight("p", m.element("businessRuleTask", "t", extensions=(m.definition("work"),)), names=["t"])
    )
    s.create("p")
    complete_all(s)
    assert s.is_empty()
