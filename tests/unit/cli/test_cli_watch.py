"""`batch watch`: a line per change, JSON lines, the end, and Ctrl-C."""

from __future__ import annotations

import _thread
import json

from cli_engine import Answer, Asked, FakeEngine, Retold, batch

PATH = "/batch-operations/42"
WATCH = ("batch", "watch", "42", "--interval", "0")


def test_every_change_is_a_line(engine: FakeEngine, retold: Retold) -> None:
    active = batch("42", "ACTIVE", total=10, completed=4)
    engine.answers(
        "GET",
        PATH,
        Answer(batch("42", "CREATED")),
        Answer(active),
        Answer(active),
        Answer(batch("42", "COMPLETED", total=10, completed=8, failed=2, operationsSkippedCount=1)),
    )
    ran = retold(*WATCH)
    assert ran.exit_code == 0
    assert ran.output.splitlines() == [
        "Cancel 42: 0 CREATED",
        "Cancel 42: 4/10 ACTIVE: completed 4, pending 6",
        "Cancel 42: 10/10 COMPLETED: completed 7, failed 2, skipped 1",
    ]


def test_it_says_why_it_does_not_go_on(engine: FakeEngine, retold: Retold) -> None:
    active = batch("42", "ACTIVE", total=10, completed=4, incidentsCount=1200)
    suspended = batch("42", "SUSPENDED", total=2)
    held = batch("42", "ACTIVE", total=2, heldPhases=["EXECUTION", "COMPLETION"], incidentsCount=1)
    paused = batch("42", "ACTIVE", total=2, pausedUntil="2026-01-01T18:00:00.000Z")
    ended = batch("42", "COMPLETED", warning="nothing matched: check the filter", suspensionReason="over", dryRun=True)
    documents = [active, {**suspended, "suspensionReason": "too many failed"}, suspended, held, paused, ended]
    engine.answers("GET", PATH, *map(Answer, documents))
    assert retold(*WATCH).output.splitlines() == [
        "Cancel 42: 4/10 ACTIVE: 1,200 incidents to look at with `retold batch incidents 42`, completed 4, pending 6",
        "Cancel 42: 0/2 SUSPENDED: too many failed; go on with `retold batch resume 42`, pending 2",
        "Cancel 42: 0/2 SUSPENDED: go on with `retold batch resume 42`, pending 2",
        "Cancel 42: 0/2 ACTIVE: EXECUTION and COMPLETION held; go on with `retold batch resume 42`,"
        " 1 incident to look at with `retold batch incidents 42`, pending 2",
        "Cancel 42: 0/2 ACTIVE: pauses until 2026-01-01T18:00:00.000Z, pending 2",
        "Cancel 42 (dry run): 0/0 COMPLETED: nothing matched: check the filter",
    ]


def test_as_json_lines(engine: FakeEngine, retold: Retold) -> None:
    documents = [batch("42", "ACTIVE", total=1), batch("42", "COMPLETED", total=1, completed=1)]
    engine.answers("GET", PATH, *map(Answer, documents))
    ran = retold(*WATCH, "--json")
    assert [json.loads(line) for line in ran.output.splitlines()] == documents


def test_several_at_once_and_one_that_fails(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("GET", PATH, Answer(batch("42", "FAILED", total=1, failed=1)))
    engine.answers("GET", "/batch-operations/43", Answer(batch("43", "ACTIVE")), Answer(batch("43", "COMPLETED")))
    ran = retold("batch", "watch", "42", "43", "--interval", "0")
    assert ran.exit_code == 1
    assert "42 ended FAILED" in ran.errors
    assert "43" not in ran.errors
    assert ran.output.splitlines()[-1] == "Cancel 43: 0/0 COMPLETED"


def test_one_that_is_not_searchable_yet_is_awaited(engine: FakeEngine, retold: Retold) -> None:
    unknown = Answer({"title": "NOT_FOUND", "detail": "unknown"}, 404)
    engine.answers("GET", PATH, unknown, unknown, Answer(batch("42", "COMPLETED")))
    assert retold(*WATCH).exit_code == 0


def test_one_that_stays_unknown(engine: FakeEngine, retold: Retold) -> None:
    ran = retold(*WATCH)
    assert ran.exit_code == 1
    assert "NOT_FOUND" in ran.errors


def test_the_end_of_the_engine(retold: Retold) -> None:
    assert retold(*WATCH, "--url", "http://127.0.0.1:1").exit_code == 3


def test_ctrl_c_ends_the_watching_only(engine: FakeEngine, retold: Retold) -> None:
    def interrupt(_asked: Asked) -> None:
        if len(engine.asked) == 2:
            _thread.interrupt_main()

    engine.before_answer = interrupt
    engine.answers("GET", PATH, Answer(batch("42", "ACTIVE", total=10)))
    ran = retold(*WATCH)
    assert ran.exit_code == 130
    assert "the batch operation goes on" in ran.errors
    assert "retold batch watch 42" in ran.errors
    assert all(asked.method == "GET" for asked in engine.asked)


def test_creation_can_watch(engine: FakeEngine, retold: Retold) -> None:
    engine.answers(
        "POST",
        "/process-instances/cancellation",
        Answer({"batchOperationKey": "42", "batchOperationType": "CANCEL_PROCESS_INSTANCE"}),
    )
    engine.answers("GET", PATH, Answer(batch("42", "COMPLETED", total=3, completed=3)))
    ran = retold("batch", "cancel", "--key", "1", "--yes", "--watch")
    assert ran.output.splitlines()[-1] == "Cancel 42: 3/3 COMPLETED: completed 3"
