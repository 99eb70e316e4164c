"""Variables: scopes, propagation, mappings, documents."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, activation, complete, fail, resolve, set_variables
from tests.support.fixture import MakeScenario

IN_SUB = m.model(
    m.process(
        "p",
        m.start() + m.end() + m.chain("start", "sub", "end"),
        m.sub_process(
            "sub",
            m.start("s") + m.job("t", "work", m.mapping([("=a", "local")])) + m.end("e") + m.chain("s", "t", "e"),
            extensions=[m.mapping([("=a + 1", "inner")], [("=made", "out")])],
        ),
    )
)


def test_scopes_and_propagation(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(IN_SUB)
    key = s.create("p", '{"a": 1, "b": [1, {"c": null}]}')
    created = s.everything()
    sub = created.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="sub").key
    task = created.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="t").key
    scopes = {r.value.name: r.value.scope_key for r in created.all("VARIABLE", "CREATED")}
    assert scopes == {"a": key, "b": key, "inner": sub, "local": task}
    (job,) = activate(s)
    moment = complete(s, job, '{"a": 2, "inner": 3, "local": 4, "made": 5}')
    changed = {r.value.name: (r.intent, r.value.scope_key) for r in moment.all("VARIABLE")}
    assert changed == {
        "a": ("UPDATED", key),
        "inner": ("UPDATED", sub),
        "local": ("UPDATED", task),
        "made": ("CREATED", key),
        "out": ("CREATED", key),
    }
    assert s.is_empty()


def test_an_activation_shows_what_is_visible_and_the_inner_scope_hides_the_outer(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("t", "work", m.mapping([('="inner"', "a"), ("=b", "c.d.e")])), names=["t"]))
    s.create("p", '{"a": "outer", "b": 2, "ü": "ä"}')
    s.create("p", '{"a": "outer", "b": 2, "ü": "ä"}')
    moment = s.when(activation("work", 1, 1000))
    assert moment.one("JOB", "ACTIVATED").value.variables == '{"a":"inner","b":2,"ü":"ä","c":{"d":{"e":2}}}'
    moment = s.when(activation("work", 1, 1000, "a", "nowhere"))
    assert moment.one("JOB", "ACTIVATED").value.variables == '{"a":"inner"}'


def test_nested_targets_keep_what_is_there(scenario: MakeScenario) -> None:
    s = scenario()
    mapping = m.mapping([], [("=x", "box.x"), ("=x + 1", "box.deep.y"), ("=box.x + 10", "sum")])
    s.deploy(m.straight("p", m.job("t", "work", mapping), names=["t"]))
    s.create("p", '{"box": {"kept": 1, "deep": {"kept": 2}}}')
    moment = complete(s, activate(s)[0], '{"x": 5, "ignored": 1}')
    assert moment.variables()["box"] == '{"kept":1,"deep":{"kept":2,"y":6},"x":5}'
    assert moment.variables()["sum"] == "15"
    assert s.is_empty()


@pytest.mark.parametrize(
    "mapping",
    [m.mapping([("=count(for i in 1..n return i)", "b")]), m.mapping([], [("=count(for i in 1..n return i)", "b")])],
)
def test_a_mapping_that_fails_is_an_incident_until_it_is_resolved(scenario: MakeScenario, mapping: str) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("t", "work", mapping), names=["t"]))
    key = s.create("p", '{"n": 1000000}')
    if "zeebe:output" in mapping:
        complete(s, activate(s)[0]).has("t COMPLETING")
    incident = s.everything().one("INCIDENT", "CREATED", error_type="IO_MAPPING_ERROR", element_id="t")
    second = resolve(s, incident.key).one("INCIDENT", "CREATED", error_type="IO_MAPPING_ERROR")
    set_variables(s, key, '{"n": 1}')
    resolve(s, second.key).accepted().none("INCIDENT", "CREATED")
    if "zeebe:input" in mapping:
        complete(s, activate(s)[0])
    assert s.everything().variables()["b"] == "1"
    assert s.everything().flow()[-1] == "p COMPLETED"
    assert s.is_empty()


def test_setting_variables(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(IN_SUB)
    key = s.create("p", '{"a": 1}')
    sub = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="sub").key
    moment = set_variables(s, sub, '{"a": 2, "inner": 9, "new": 3}')
    assert {r.value.name: r.value.scope_key for r in moment.all("VARIABLE")} == {"a": key, "inner": sub, "new": key}
    moment = set_variables(s, sub, '{"a": 4}', local=True)
    assert moment.one("VARIABLE", "CREATED", name="a").value.scope_key == sub
    set_variables(s, sub, '{"a": 4}').none("VARIABLE")
    set_variables(s, 12345, "{}").rejected("NOT_FOUND")
    set_variables(s, key, "[1]").rejected("INVALID_ARGUMENT", "JSON object")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "{",
        "1",
        '"x"',
        "[]",
        '{"a": }',
        '{"a": 1} x',
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": nul}',
        '{"a": "\\ud800"}',
    ],
)
def test_what_is_no_json_object_is_refused(scenario: MakeScenario, text: str) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.create("one")
    set_variables(s, key, text).rejected("INVALID_ARGUMENT")
    complete(s, activate(s)[0], text).rejected("INVALID_ARGUMENT")
    fail(s, activate_again(s), variables=text).rejected("INVALID_ARGUMENT")


def activate_again(s) -> int:  # type: ignore[no-untyped-def]
    return int(s.everything().all("JOB", "ACTIVATED")[-1].key)


@pytest.mark.parametrize("value", ["1e999", "123456789012345678901234567890", "[" * 500 + "]" * 500, '""'])
def test_odd_values_are_kept_and_never_make_an_expression_fail(scenario: MakeScenario, value: str) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.script("t", "=a", "b"), m.job("w"), names=["t", "w"]))
    s.create("p", f'{{"a": {value}}}')
    assert "PROCESSING_ERROR" not in str(s.everything())


def test_a_fail_with_variables_sets_them_locally(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    (job,) = activate(s)
    moment = fail(s, job, 1, variables='{"why": 1}')
    element = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="task").key
    assert moment.one("VARIABLE", "CREATED").value.scope_key == element
    assert s.rows()["VARIABLES"] == 1
    complete(s, job)
    assert s.is_empty()


def test_names_that_are_long_or_odd_stay_apart(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    names = ["x" * 300, "x" * 301, "a\\u0000b", "a", "", "\\u0001", "ü" * 200]
    key = s.create("one", "{" + ", ".join(f'"{name}": {index}' for index, name in enumerate(names)) + "}")
    assert s.rows()["VARIABLES"] == len(names)
    (record,) = s.when(activation()).all("JOB", "ACTIVATED")
    assert len(record.value.variables.split(",")) == len(names)
    s.cancel(key)
    assert s.is_empty()


def test_an_input_without_source_is_null(scenario: MakeScenario) -> None:
    s = scenario()
    nothing = '<zeebe:ioMapping><zeebe:input target="a" /></zeebe:ioMapping>'
    s.deploy(m.straight("p", m.job("t", "work", nothing), names=["t"]))
    s.create("p", '{"a": 1}')
    activated = s.when(activation("work", 1, 1000)).one("JOB", "ACTIVATED")
    assert activated.value.variables == '{"a":null}'


def test_a_catch_event_waits_for_what_its_inputs_say(scenario: MakeScenario) -> None:
    s = scenario()
    caught = m.catch("wait", m.timer("=pause"), m.mapping([('="PT" + string(seconds) + "S"', "pause")]))
    s.deploy(m.straight("p", caught, names=["wait"]))
    s.create("p", '{"seconds": 5}')
    assert not s.advance(4_999).records
    s.advance(1).has("TIMER TRIGGERED", "wait COMPLETED", "p COMPLETED")
