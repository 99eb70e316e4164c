"""BPMN errors: thrown by jobs and end events, caught by boundary events from the inside out."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, fail, resolve, throw
from tests.support.fixture import MakeScenario


def guarded(*boundaries: tuple[str, str]) -> bytes:
    """A job in a sub-process; boundary events (name, error) on the job and, named `outer…`, on the sub-process."""
    parts = m.start() + m.end() + m.chain("start", "sub", "end")
    inside = m.start("s") + m.job("t") + m.end("e") + m.chain("s", "t", "e")
    for name, error in boundaries:
        event = m.boundary(name, "sub" if name.startswith("outer") else "t", error)
        after = event + m.end(f"{name}_end") + m.flow(name, f"{name}_end")
        if name.startswith("outer"):
            parts += after
        else:
            inside += after
    return m.model(m.process("p", parts + m.sub_process("sub", inside)))


@pytest.mark.parametrize(
    ("boundaries", "caught"),
    [
        ([("a", "error-a")], "a"),
        ([("all", "")], "all"),
        ([("all", ""), ("a", "error-a")], "a"),
        ([("b", "error-b"), ("outer_a", "error-a")], "outer_a"),
        ([("b", "error-b"), ("outer_all", "")], "outer_all"),
        ([("all", ""), ("outer_a", "error-a")], "all"),
    ],
)
def test_the_nearest_boundary_event_catches(
    scenario: MakeScenario, boundaries: list[tuple[str, str]], caught: str
) -> None:
    s = scenario()
    s.deploy(guarded(*boundaries))
    s.create("p")
    (key,) = activate(s)
    moment = throw(s, key, "A", '{"why": "because"}')
    host = "sub" if caught.startswith("outer") else "t"
    moment.has(
        f"{host} TERMINATING", f"{host} TERMINATED", f"{caught} ACTIVATED", f"{caught}_end COMPLETED", "p COMPLETED"
    )
    assert moment.variables() == {"why": '"because"'}
    assert s.is_empty()


def test_an_error_that_nobody_catches_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(guarded(("b", "error-b")))
    key = s.create("p")
    (job,) = activate(s)
    incident = throw(s, job, "A").one("INCIDENT", "CREATED", error_type="UNHANDLED_ERROR_EVENT", element_id="t")
    complete(s, job).rejected("INVALID_STATE", "ERROR_THROWN")
    fail(s, job).rejected("INVALID_STATE", "ERROR_THROWN")
    resolve(s, incident.key).accepted()
    assert activate(s) == [job]
    complete(s, job).has("t COMPLETED", "p COMPLETED")
    s.cancel(key).rejected("NOT_FOUND")
    assert s.is_empty()


def test_cancel_with_an_unhandled_error(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(guarded())
    key = s.create("p")
    throw(s, activate(s)[0], "A")
    moment = s.cancel(key)
    moment.one("INCIDENT", "RESOLVED")
    moment.one("JOB", "CANCELED")
    assert s.is_empty()


def throwing(error: str, *boundaries: str) -> bytes:
    inside = m.start("s") + m.parallel("fork") + m.job("t") + m.end("e") + m.error_end("bad", error)
    inside += m.chain("s", "fork", "t", "e") + m.chain("fork", "bad")
    parts = m.start() + m.sub_process("sub", inside) + m.end() + m.chain("start", "sub", "end") + "".join(boundaries)
    return m.model(m.process("p", parts))


def test_an_error_end_event_ends_its_sub_process(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(
        throwing("error-a", m.boundary("c", "sub", "error-a") + m.job("after", "after") + m.chain("c", "after", "end"))
    )
    s.create("p")
    s.everything().has(
        "bad ACTIVATED",
        "sub TERMINATING",
        "t TERMINATED",
        "bad TERMINATED",
        "sub TERMINATED",
        "c ACTIVATED",
        "after ACTIVATED",
    )
    complete_all(s, "after")
    assert s.is_empty()


def test_an_error_end_event_that_nobody_catches(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(throwing("error-a", m.boundary("c", "sub", "error-b") + m.end("o") + m.chain("c", "o")))
    key = s.create("p")
    first = s.everything().one("INCIDENT", "CREATED", error_type="UNHANDLED_ERROR_EVENT", element_id="bad")
    second = resolve(s, first.key).one("INCIDENT", "CREATED", error_type="UNHANDLED_ERROR_EVENT")
    assert second.key != first.key
    complete_all(s)
    s.cancel(key).has("bad TERMINATED", "p TERMINATED")
    assert s.is_empty()


def test_the_code_of_an_error_end_event_is_an_expression(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(throwing("error-feel", m.boundary("c", "sub", "error-a") + m.end("o") + m.chain("c", "o")))
    s.create("p", '{"code": "A"}')
    s.everything().has("sub TERMINATED", "c COMPLETED", "o COMPLETED", "p COMPLETED")
    s.create("p", '{"code": 7}')
    s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="bad")


def test_an_error_code_is_needed(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(guarded())
    s.create("p")
    throw(s, activate(s)[0], "").rejected("INVALID_ARGUMENT", "error code")
