"""Users, groups and authorizations are decided on partition 1, and happen on the others in the same order.

The messages of partition 1 arrive in its order, so every partition comes to the same rows under the same keys, a little
later (design law 7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, Reject
from engine.core.record import Record, Step
from engine.core.record import command as make_command
from engine.core.registry import Processor
from engine.core.state import View

#: The partition that decides.
LEAD = 1

#: Names of users, ids of groups and clients: they are in paths and in claims.
NAME = re.compile(r"[A-Za-z0-9_~@.+-]{1,256}")
TEXT_LENGTH_MAX = 256

#: `check(command, view)` gives key and value of what is to happen everywhere. Raises Reject.
Check = Callable[[Record, View], tuple[int, Struct]]
#: `happen(key, value, view, answers)` yields the events, on every partition; the last one answers the client.
Happen = Callable[[int, Struct, View, bool], Effects]


def on_all_partitions(check: Check, happen: Happen) -> Processor:
    """The processor of a command that partition 1 checks, and that then happens on every partition."""

    def process(command: Record, view: View) -> Effects:
        if command.step.sender_partition:
            yield from happen(command.key, command.value, view, False)
            return
        if view.partition != LEAD:
            raise Reject(INVALID_ARGUMENT, f"expected the command on partition {LEAD}, got partition {view.partition}")
        key, value = check(command, view)
        yield from happen(key, value, view, True)
        for partition in range(LEAD + 1, view.partition_count + 1):
            step = Step(claims=command.step.claims)
            copy = make_command(command.value_type, command.intent, value, key=key, step=step)
            yield Send(partition=partition, command=copy)

    return process


def one_event(value_type: str, intent: str) -> Happen:
    """All that happens is this event."""

    def happen(key: int, value: Struct, _view: View, answers: bool) -> Effects:
        yield Event(value_type=value_type, intent=intent, key=key, value=value, answers=answers)

    return happen


def problems_of_name(what: str, name: str) -> list[str]:
    """What is wrong with a name that is to be known by."""
    if NAME.fullmatch(name):
        return []
    return [f"{what}: expected 1 to {TEXT_LENGTH_MAX} characters out of letters, digits and _~@.+-"]


def problems_of_texts(**texts: str) -> list[str]:
    """What is wrong with texts for people to read."""
    return [
        f"{what}: expected at most {TEXT_LENGTH_MAX} characters, got {len(text)}"
        for what, text in texts.items()
        if len(text) > TEXT_LENGTH_MAX
    ]


def refuse(problems: Sequence[str]) -> None:
    """Raises Reject INVALID_ARGUMENT if there are any."""
    if problems:
        raise Reject(INVALID_ARGUMENT, f"{'; '.join(problems)}; correct it")
