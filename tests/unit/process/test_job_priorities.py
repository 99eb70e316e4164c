"""Jobs: priorities from the model and from updates, and the order of activation."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, fail, resolve, resume, suspend, update
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario


def priority(text: str) -> str:
    return f'<zeebe:jobPriorityDefinition priority="{text}" />'


def one(*extensions: str, of_process: str = "") -> bytes:
    """A process with a job; `of_process`: the priority of all its jobs."""
    held = f"<bpmn:extensionElements>{of_process}</bpmn:extensionElements>" if of_process else ""
    steps = m.start() + m.job("task", "work", *extensions) + m.end() + m.chain("start", "task", "end")
    return m.model(m.process("one", held, steps))


def jobs_with(s: Scenario, *priorities: int) -> list[int]:
    """Keys of new jobs with these priorities."""
    s.deploy(one(priority("=p")))
    for each in priorities:
        s.create("one", f'{{"p": {each}}}')
    return [job.key for job in s.everything().all("JOB", "CREATED")]


@pytest.mark.parametrize(
    ("task", "of_process", "expected"),
    [
        ("", "", 0),
        (priority("42"), "", 42),
        (priority("-2147483648"), "", -(1 << 31)),
        (priority(" 2147483647 "), "", (1 << 31) - 1),
        (priority("=if vip then 80 else 20"), "", 80),
        ("", priority("7"), 7),
        ("", priority("=count([1, 2])"), 2),
        (priority("0"), priority("7"), 0),
    ],
)
def test_the_model_gives_priorities(scenario: MakeScenario, task: str, of_process: str, expected: int) -> None:
    s = scenario()
    s.deploy(one(task, of_process=of_process))
    s.create("one", '{"vip": true}')
    assert s.everything().one("JOB", "CREATED").value.priority == expected


@pytest.mark.parametrize("value", ["5", "5.0", "0.5e1"])
def test_a_whole_number_is_one_however_a_client_writes_it(scenario: MakeScenario, value: str) -> None:
    s = scenario()
    s.deploy(one(priority("=p")))
    s.create("one", f'{{"p": {value}}}')
    assert s.everything().one("JOB", "CREATED").value.priority == 5


@pytest.mark.parametrize("value", ["null", '"7"', "1.5", "true", "2147483648", "-2147483649", "[1]"])
def test_what_is_no_priority_is_an_incident(scenario: MakeScenario, value: str) -> None:
    s = scenario()
    s.deploy(one(priority("=p")))
    s.create("one", f'{{"p": {value}}}')
    incident = s.everything().one("INCIDENT", "CREATED")
    assert incident.value.error_type == "EXTRACT_VALUE_ERROR"
    assert "expected the priority of the job 'p' to be a whole number" in incident.value.error_message
    s.everything().none("JOB", "CREATED")


def test_the_process_gives_none_to_user_tasks_of_the_old_kind(scenario: MakeScenario) -> None:
    s = scenario()
    held = f"<bpmn:extensionElements>{priority('7')}</bpmn:extensionElements>"
    s.deploy(m.model(m.process("one", held, m.start(), m.element("userTask", "task"), m.flow("start", "task"))))
    s.create("one")
    assert s.everything().one("JOB", "CREATED").value.priority == 0


def test_higher_priorities_are_activated_first_and_of_equal_ones_the_oldest(scenario: MakeScenario) -> None:
    s = scenario()
    low, first, second, negative, high = jobs_with(s, 0, 5, 5, -3, 2147483647)
    assert activate(s, limit=2) == [high, first]
    assert activate(s) == [second, low, negative]


def test_an_update_moves_a_job_that_waits(scenario: MakeScenario) -> None:
    s = scenario()
    first, second, third = jobs_with(s, 1, 1, 1)
    update(s, third, priority=9).accepted()
    changed = update(s, first, priority=-9, retries=5).one("JOB", "UPDATED").value
    assert (changed.priority, changed.retries, changed.changed_attributes) == (-9, 5, ("priority", "retries"))
    assert activate(s) == [third, second, first]


def test_an_update_counts_when_the_job_comes_back(scenario: MakeScenario) -> None:
    """From a worker, a back-off, an incident, a suspension."""
    s = scenario()
    taken, backing_off, failed, held, plain = jobs_with(s, 0, 0, 0, 0, 0)
    assert activate(s, limit=3, timeout=1_000) == [taken, backing_off, failed]
    fail(s, backing_off, retries=1, backoff=500)
    incident = fail(s, failed).one("INCIDENT", "CREATED").key
    instance = next(job.value.process_instance_key for job in s.everything().all("JOB", "CREATED") if job.key == held)
    suspend(s, instance)
    assert activate(s, limit=1) == [plain]
    for key, value in ((taken, 1), (backing_off, 2), (failed, 3), (held, 4)):
        update(s, key, priority=value).accepted()
    update(s, failed, retries=1)
    resolve(s, incident)
    resume(s, instance)
    s.advance(1_000)
    assert activate(s) == [held, failed, backing_off, taken]


def test_an_activation_tells_the_priority(scenario: MakeScenario) -> None:
    s = scenario()
    (job,) = jobs_with(s, 8)
    assert activate(s) == [job]
    assert s.everything().one("JOB", "ACTIVATED").value.priority == 8
