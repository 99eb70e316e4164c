"""What can be undone, and what is being undone, when an instance migrates."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete_all, migrate
from tests.support.fixture import MakeScenario

FAMILY = "COMPENSATION_SUBSCRIPTION"


def model(activity: str, undo: str, throw: str = "undo_all", *, inside: str = "") -> bytes:
    """An activity that can be undone, perhaps in a sub-process, then a job, then what undoes it."""
    parts = (m.job(activity, "book"), m.undo_job(undo, activity, "cancel"))
    if inside:
        parts = (m.sub_process(inside, m.start("begin"), *parts, m.chain("begin", activity)),)
    names = (inside or activity, "wait", throw)
    return m.straight("p", *parts, m.job("wait", "wait"), m.throw(throw, m.compensation()), names=names)


def test_what_was_done_is_undone_as_the_target_says(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(model("a", "undo_a"))
    key = s.create("p")
    target = s.deploy(model("b", "undo_b")).one("PROCESS", "CREATED").key
    complete_all(s, "book")
    refused = migrate(s, key, target, "wait")
    refused.rejected("INVALID_STATE", "expected what undoes 'a', which has completed, to be mapped")
    moment = migrate(s, key, target, "wait", ("a_undone", "b_undone")).accepted()
    moved = moment.one(FAMILY, "MIGRATED").value
    assert (moved.compensable_activity_id, moved.compensation_handler_id) == ("b", "undo_b")
    complete_all(s, "wait")
    (job,) = activate(s, "cancel")
    assert s.everything().one("JOB", "ACTIVATED", element_id="undo_b").key == job
    s.advance(60_000)
    complete_all(s, "cancel")
    assert s.everything().all("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    assert s.is_empty()


def test_what_was_done_in_a_sub_process_is_undone_too(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(model("a", "undo_a", inside="s"))
    key = s.create("p")
    target = s.deploy(model("b", "undo_b", inside="t")).one("PROCESS", "CREATED").key
    complete_all(s, "book")
    mapping = (("s", "t"), ("a", "b"), ("a_undone", "b_undone"))
    moment = migrate(s, key, target, "wait", *mapping).accepted()
    assert {r.value.compensable_activity_id for r in moment.all(FAMILY, "MIGRATED")} == {"t", "b"}
    complete_all(s, "wait")
    complete_all(s, "cancel")
    assert s.everything().all("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="undo_b")
    assert s.is_empty()


def test_what_is_being_undone_goes_on(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(model("a", "undo_a"))
    key = s.create("p")
    target = s.deploy(model("b", "undo_b", "undo_more")).one("PROCESS", "CREATED").key
    complete_all(s, "book")
    complete_all(s, "wait")
    mapping = (("a", "b"), ("a_undone", "b_undone"), ("undo_a", "undo_b"))
    migrate(s, key, target, *mapping).rejected("INVALID_STATE", "expected 'undo_all', which is active, to be mapped")
    moved = migrate(s, key, target, *mapping, ("undo_all", "undo_more")).accepted().one(FAMILY, "MIGRATED").value
    assert (moved.compensation_handler_id, moved.throw_event_id) == ("undo_b", "undo_more")
    complete_all(s, "cancel")
    assert s.everything().all("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="undo_more")
    assert s.is_empty()
