"""What a process makes of the duties that it is told."""

from __future__ import annotations

import asyncio

import pytest

from engine.roles.duty import Duty
from engine.roles.protocol import END, FOLLOW, OWN


def told(duty: Duty, word: str) -> bool:
    """Whether it is another duty for who works on the one before."""
    changed = duty.changed
    duty.take(word)
    return changed.is_set()


def test_another_word_changes_it_and_the_same_does_not() -> None:
    duty = Duty()
    assert [told(duty, word) for word in (OWN, OWN, FOLLOW, FOLLOW, OWN)] == [True, False, True, False, True]


@pytest.mark.parametrize("word", [OWN, FOLLOW, END])
def test_who_stepped_back_hears_whatever_it_is_told_next(word: str) -> None:
    duty = Duty()
    duty.take(OWN)
    duty.step_back()
    assert duty.word == FOLLOW
    assert told(duty, word)
    assert duty.word == word
    assert not told(duty, word)


def test_who_steps_back_is_not_disturbed() -> None:
    async def play() -> None:
        duty = Duty()
        duty.take(OWN)
        changed = duty.changed
        duty.step_back()
        assert duty.changed is changed
        assert not changed.is_set()

    asyncio.run(play())


def test_the_end_is_for_good() -> None:
    duty = Duty()
    duty.take(END)
    duty.step_back()
    assert not told(duty, OWN)
    assert duty.has_ended
