"""Who is woken when jobs appear."""

from __future__ import annotations

from gateway.notices import Notices


def test_one_notice_wakes_one_listener_and_the_next_the_next() -> None:
    notices = Notices()
    first, second = notices.listen("pay"), notices.listen("pay")
    notices.tell("pay", 1)
    assert (first.told, second.told) == (True, False)
    notices.tell("pay", 2)
    assert (first.take(), second.take()) == ({1}, {2})


def test_when_all_are_told_the_first_learns_of_another_partition() -> None:
    notices = Notices()
    only = notices.listen("pay")
    notices.tell("pay", 1)
    notices.tell("pay", 2)
    assert only.take() == {1, 2}
    assert not only.told


def test_what_was_not_taken_goes_to_the_next() -> None:
    notices = Notices()
    first, second = notices.listen("pay"), notices.listen("pay")
    notices.tell("pay", 3)
    first.close(())
    assert second.take() == {3}


def test_more_jobs_of_a_partition_are_told_to_the_next() -> None:
    notices = Notices()
    first, second = notices.listen("pay"), notices.listen("pay")
    first.close([2])
    assert second.take() == {2}


def test_nobody_is_told_of_another_type_or_after_closing() -> None:
    notices = Notices()
    listener = notices.listen("pay")
    notices.tell("ship", 1)
    assert not listener.told
    listener.close(())
    notices.tell("pay", 1)
    assert not listener.told
    assert notices.count == 0
