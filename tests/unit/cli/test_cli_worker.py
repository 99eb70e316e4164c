"""`worker`: a command for each job, and what its end means for the job."""

from __future__ import annotations

import _thread
import json
import os
import select
import threading
from pathlib import Path
from typing import Any

import pytest
from cli_engine import Answer, Asked, FakeEngine, Ran, Retold, problem

from engine.cli import working
from engine.cli.job_commands import COMPLETED, ERRORS_SIZE_MAX

DONE = Answer(status=204)


def job(key: str = "9", **more: Any) -> dict[str, Any]:
    return {
        "jobKey": key,
        "type": "ship",
        "retries": 3,
        "customHeaders": {"colour": "red"},
        "elementId": "task",
        "processInstanceKey": "7",
        "variables": {"n": 2, "text": "ä"},
        **more,
    }


@pytest.fixture
def worked(engine: FakeEngine) -> FakeEngine:
    """One job of the type `ship`."""
    engine.answers("POST", "/jobs/activation", Answer({"jobs": [job()]}), Answer({"jobs": []}))
    for path in ("completion", "failure", "error"):
        engine.answers("POST", f"/jobs/9/{path}", DONE)
    return engine


def work(retold: Retold, *command: str, options: tuple[str, ...] = ()) -> Ran:
    return retold("worker", "ship", "--count", "1", *options, "--", *command)


def told(engine: FakeEngine) -> tuple[str, Any]:
    """What became of the job."""
    (asked,) = [asked for asked in engine.asked if asked.path.startswith("/jobs/9/")]
    return asked.path.rpartition("/")[2], asked.body


def test_a_command_gets_the_job_and_its_output_becomes_variables(worked: FakeEngine, retold: Retold) -> None:
    program = (
        "import json, os, sys; given = json.load(sys.stdin); names = ('JOB_KEY', 'JOB_TYPE', 'JOB_RETRIES', "
        "'JOB_HEADERS', 'ELEMENT_ID', 'PROCESS_INSTANCE_KEY'); print(json.dumps({'given': given, "
        "'names': [os.environ[name] for name in names]}))"
    )
    ran = work(retold, "python3", "-c", program)
    assert (ran.exit_code, ran.output) == (0, "9 ship completed\n")
    names = ["9", "ship", "3", '{"colour":"red"}', "task", "7"]
    assert told(worked) == ("completion", {"variables": {"given": {"n": 2, "text": "ä"}, "names": names}})
    (activation,) = worked.bodies("/jobs/activation")
    assert activation["maxJobsToActivate"] == 1
    assert activation["timeout"] > 300_000


def test_a_single_word_is_run_by_the_shell_and_need_not_read_or_write(worked: FakeEngine, retold: Retold) -> None:
    assert work(retold, "exit 0").exit_code == 0
    assert told(worked) == ("completion", {"variables": {}})


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("echo oops >&2; exit 3", "oops"),
        ("exit 3", "the command ended with exit code 3"),
        ("kill -9 $$", "the command ended with signal SIGKILL"),
        ("echo '[1]'", "expected a JSON object on standard output, got '[1]'"),
        ("echo no json", "expected a JSON object on standard output, got 'no json'"),
    ],
)
def test_what_fails_has_a_retry_less(worked: FakeEngine, retold: Retold, command: str, message: str) -> None:
    ran = work(retold, command, options=("--back-off", "2"))
    assert ran.exit_code == 1
    assert "got 1 that were not" in ran.errors
    outcome, body = told(worked)
    assert outcome == "failure"
    assert body["errorMessage"].startswith(message)
    assert (body["retries"], body["retryBackOff"]) == (2, 2000)


def test_a_command_that_is_not_there(worked: FakeEngine, retold: Retold) -> None:
    assert work(retold, "/nowhere/command", "argument").exit_code == 1
    assert told(worked)[1]["errorMessage"].startswith("expected to run /nowhere/command, got: ")


def test_an_exit_code_throws_an_error(worked: FakeEngine, retold: Retold) -> None:
    ran = work(
        retold, """echo '{"a": 1}'; echo why >&2; exit 42""", options=("--error", "41=OTHER", "--error", "42=NO")
    )
    assert (ran.exit_code, ran.output) == (0, "9 ship error thrown NO: why\n")
    assert told(worked) == ("error", {"errorCode": "NO", "errorMessage": "why", "variables": {"a": 1}})


def test_a_command_that_takes_too_long_is_ended(worked: FakeEngine, retold: Retold) -> None:
    ran = work(retold, "sleep 600 & wait", options=("--timeout", "0.1"))
    assert ran.exit_code == 1
    assert told(worked)[1]["errorMessage"] == "expected an end within 0.1 s, got none"


def test_what_a_command_left_behind_is_ended_too(worked: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    assert work(retold, f"sleep 600 3>{held} &", options=("--timeout", "0.5")).exit_code == 1
    assert select.select([reader], [], [], 20)[0], "expected nobody to hold the pipe any more"
    os.close(reader)


def test_the_end_of_a_long_message_is_kept(worked: FakeEngine, retold: Retold) -> None:
    work(retold, "yes | head -c 3000000 >&2; echo END >&2; exit 1")
    message = told(worked)[1]["errorMessage"]
    assert message.endswith("END")
    assert len(message) <= ERRORS_SIZE_MAX


def test_several_types_and_jobs_as_json_lines(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/jobs/activation", *(Answer({"jobs": [job(str(key))]}) for key in range(4)))
    for key in range(4):
        engine.answers("POST", f"/jobs/{key}/completion", DONE)
    ran = retold("worker", "ship", "--also", "pay", "--concurrency", "2", "--count", "4", "--json", "--", "exit 0")
    documents = [json.loads(line) for line in ran.output.splitlines()]
    assert sorted(document["jobKey"] for document in documents) == ["0", "1", "2", "3"]
    assert {document["outcome"] for document in documents} == {COMPLETED}
    assert {body["type"] for body in engine.bodies("/jobs/activation")} == {"ship", "pay"}


def test_an_outcome_is_told_again_when_the_engine_is_busy(worked: FakeEngine, retold: Retold) -> None:
    worked.answers("POST", "/jobs/9/completion", problem(503, "RESOURCE_EXHAUSTED", "busy"), DONE)
    assert work(retold, "exit 0").exit_code == 0
    assert len(worked.bodies("/jobs/9/completion")) == 2


def test_a_refused_outcome_is_said(worked: FakeEngine, retold: Retold) -> None:
    worked.answers("POST", "/jobs/9/completion", problem(404, "NOT_FOUND", "no such job"))
    ran = work(retold, "exit 0")
    assert ran.exit_code == 1
    assert "9: NOT_FOUND (404) no such job" in ran.errors


def test_variables_that_the_engine_does_not_take_fail_the_job(worked: FakeEngine, retold: Retold) -> None:
    worked.answers("POST", "/jobs/9/completion", problem(400, "EXCEEDED_LIMIT", "too many"))
    ran = work(retold, "exit 0")
    assert (ran.exit_code, ran.output) == (1, "9 ship failed EXCEEDED_LIMIT (400) too many\n")
    (failure,) = worked.bodies("/jobs/9/failure")
    assert (failure["retries"], failure["errorMessage"]) == (2, "EXCEEDED_LIMIT (400) too many")


def test_an_engine_that_goes_away_is_awaited_one_that_never_was_is_not(engine: FakeEngine, retold: Retold) -> None:
    unavailable = problem(503, "UNAVAILABLE", "not now")
    engine.answers("POST", "/jobs/activation", Answer({"jobs": []}), unavailable, Answer({"jobs": [job()]}))
    engine.answers("POST", "/jobs/9/completion", DONE)
    ran = work(retold, "exit 0")
    assert ran.exit_code == 0
    assert ran.errors.count("trying again") == 1
    assert work(retold, "exit 0", options=("--url", "http://127.0.0.1:1")).exit_code == 3


def test_ctrl_c_waits_for_the_jobs_under_way(worked: FakeEngine, retold: Retold) -> None:
    def interrupt(asked: Asked) -> None:
        if asked.path == "/jobs/activation" and len(worked.bodies("/jobs/activation")) == 2:
            _thread.interrupt_main()

    worked.before_answer = interrupt
    ran = retold("worker", "ship", "--concurrency", "2", "--", """while [ -z "$done" ]; do done=1; done""")
    assert ran.exit_code == 0
    assert told(worked)[0] == "completion"


def test_a_second_ctrl_c_gives_them_back(worked: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come with the second poll; two signals at once would be one."""
    noticed = threading.Event()
    notice = working._Working._interrupt

    def tell(self: working._Working) -> None:
        notice(self)
        noticed.set()

    monkeypatch.setattr(working._Working, "_interrupt", tell)

    def interrupt(asked: Asked) -> None:
        if asked.path == "/jobs/activation" and len(worked.bodies("/jobs/activation")) == 2:
            _thread.interrupt_main()
            noticed.wait()
            _thread.interrupt_main()

    worked.before_answer = interrupt
    ran = retold("worker", "ship", "--concurrency", "2", "--", "sleep 600")
    assert ran.exit_code == 1
    assert ran.output == "9 ship given back\n"
    outcome, body = told(worked)
    assert (outcome, body["retries"], body["retryBackOff"]) == ("failure", 3, 0)


@pytest.mark.parametrize("error", ["42", "x=A", "0=A", "256=A", "42="])
def test_an_error_that_makes_no_sense(retold: Retold, error: str) -> None:
    assert retold("worker", "ship", "--error", error, "--", "exit 0").exit_code == 2
