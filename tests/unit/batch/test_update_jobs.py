"""UPDATE_JOB: retries, time-outs and priorities of jobs that a filter selects."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from engine.operations.update_job import Body, Changeset, Parameters, check, read
from tests.support.actions import UPDATE_JOBS, activate, activation, batch, complete, fail
from tests.support.batches import ITEM, counts, final, populate
from tests.support.fixture import MakeScenario


def update_jobs(**changes: int) -> Record:
    return batch(UPDATE_JOBS, parameters=read(Body(changeset=Changeset(**changes))))


def test_jobs_get_retries_wherever_they_are(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 6)
    s.when(update_jobs(retries=7)).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    assert [job.value.retries for job in s.everything().all("JOB", "UPDATED")] == [7] * 6
    items = s.everything().all(ITEM, "COMPLETED")
    assert {item.key for item in items} == {job.key for job in s.everything().all("JOB", "CREATED")}


def test_incidents_stay_open_and_what_they_stop_gets_retries(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    (job,) = activate(s)
    fail(s, job)
    s.when(update_jobs(retries=2)).accepted()
    assert counts(final(s)) == (1, 1, 0, 0, 0)
    s.everything().none("INCIDENT", "RESOLVED")


def test_a_time_out_is_only_of_jobs_that_a_worker_has(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 3)
    (taken,) = activate(s, limit=1)
    s.when(update_jobs(timeout=90_000)).accepted()
    assert counts(final(s)) == (3, 1, 2, 0, 0)
    assert s.everything().one("JOB", "UPDATED").key == taken
    failed = s.everything().all(ITEM, "FAILED")
    assert {item.value.error_code for item in failed} == {"INVALID_STATE"}
    assert all("expected job" in item.value.error_message for item in failed)


def test_jobs_with_a_higher_priority_are_activated_first(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 3)
    (taken,) = activate(s, limit=1)
    s.when(update_jobs(priority=-1)).accepted()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    populate(s, 1)
    jobs = [(record.value.priority, record.key) for record in s.when(activation("work")).all("JOB", "ACTIVATED")]
    assert jobs == sorted(jobs, key=lambda job: (-job[0], job[1]))
    assert [priority for priority, _ in jobs] == [0, -1, -1]
    assert taken not in [key for _, key in jobs]


def test_a_job_that_is_done_by_then_is_not_found(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    (job,) = activate(s)
    s.send(update_jobs(retries=3))
    while not s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"):
        s.one()
    complete(s, job)
    assert s.everything().one(ITEM, "FAILED").value.error_code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (Parameters(), "changeset: expected at least one of retries, timeout, priority, got none; give one"),
        (
            Parameters(changed_attributes=("speed",)),
            "changeset: expected some of retries, timeout, priority, got speed",
        ),
        (
            Parameters(changed_attributes=("priority",), priority=1 << 31),
            "changeset.priority: expected -2147483648 to 2147483647, got 2147483648; correct it",
        ),
        (Parameters(changed_attributes=("retries",)), "changeset.retries: expected 1 to 2147483647, got 0; correct it"),
        (Parameters(changed_attributes=("timeout",)), "changeset.timeout: expected 0 to 9007199254740992 ms, got -1"),
    ],
)
def test_changes_that_make_no_sense_are_refused(parameters: Parameters, expected: str) -> None:
    (problem,) = check(parameters)
    assert problem.startswith(expected)


def test_what_clients_give_becomes_parameters() -> None:
    assert read(Body(changeset=Changeset(timeout=5))) == Parameters(changed_attributes=("timeout",), timeout=5)
    both = Parameters(changed_attributes=("retries", "timeout"), retries=2, timeout=0)
    assert read(Body(changeset=Changeset(retries=2, timeout=0))) == both
    assert check(both) == []
