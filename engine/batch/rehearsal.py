"""Dry runs: what an operation would do to an item. Its effects happen in the item's overlay, are counted, and go.

Rule: the same processor as in earnest, on the state as it is then; what it says of an item depends on nothing else, so
two rehearsals of what has not changed say the same.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from engine.core.effects import Attempt, Effects, Event, Send
from engine.core.faults import Reject
from engine.process.execution import Deciding

#: Characters of a prediction; of a longer one the rest is told by its hash.
PREDICTION_LENGTH_MAX = 1_000
#: Hexadecimal digits of that hash.
HASH_LENGTH = 16

#: What happened, and to which element, as often as it did.
Seen = Counter[tuple[str, str, str]]


class Rehearsed(Reject):
    """It would happen; it does not."""

    def __init__(self, prediction: str) -> None:
        super().__init__("REHEARSED", prediction)


def watch(effects: Deciding, seen: Seen) -> Deciding:
    """The same effects, counted while they happen."""
    answer: Reject | None = None
    while True:
        try:
            effect = effects.send(answer)
        except StopIteration as end:
            return bool(end.value)
        if isinstance(effect, Attempt):
            effect = Attempt(effects=_watch_attempt(effect.effects, seen))
        else:
            seen[_name(effect)] += 1
        answer = yield effect


def _watch_attempt(effects: Effects, seen: Seen) -> Effects:
    """What is undone again is not counted, but as work."""
    inner: Seen = Counter()
    answer: Reject | None = None
    while True:
        try:
            effect = effects.send(answer)
        except StopIteration:
            seen.update(inner)
            return
        if isinstance(effect, Attempt):
            effect = Attempt(effects=_watch_attempt(effect.effects, inner))
        else:
            inner[_name(effect)] += 1
        answer = yield effect


def _name(effect: Event | Send) -> tuple[str, str, str]:
    """A message to a partition counts as the command that it brings."""
    if isinstance(effect, Send):
        return effect.command.value_type, effect.command.intent, ""
    return effect.value_type, effect.intent, getattr(effect.value, "element_id", "")


def prediction(seen: Seen, *, ends: bool) -> str:
    """What would happen, as a text: kinds of records, to which element, and how many; `ends`: in one step."""
    parts = [
        f"{value_type} {intent}{f' ({element})' if element else ''}: {count}"
        for (value_type, intent, element), count in sorted(seen.items())
    ]
    text = "; ".join(parts) or "nothing"
    if not ends:
        text += "; goes on in later steps"
    if len(text) <= PREDICTION_LENGTH_MAX:
        return text
    shown = PREDICTION_LENGTH_MAX - HASH_LENGTH - len(" … ")
    return f"{text[:shown]} … {sha256(text.encode()).hexdigest()[:HASH_LENGTH]}"
