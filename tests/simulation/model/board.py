"""What one partition knows of messages: those that are kept, who waits for them, and what they start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from engine.bpmn.model import Element
from engine.core.record import NONE


class Given(NamedTuple):
    """A message. `deadline`: until when it is kept, ms since 1970; NONE for one that is not."""

    key: int
    name: str
    correlation_key: str
    variables: str
    message_id: str = ""
    deadline: int = NONE


@dataclass(slots=True)
class Subscription:
    """Who waits for a message, wherever the process instance is. `message`: the one that is on its way to it."""

    node: int
    instance: int
    process_id: str
    name: str
    correlation_key: str
    interrupting: bool
    message: int = NONE
    #: it is not given what was published up to this message: it had its turn, as another process
    after: int = NONE


class Beginning(NamedTuple):
    """What a message starts: the latest version of a process."""

    key: int
    definition: int
    element: Element


@dataclass(slots=True)
class Board:
    """Of the correlation keys whose partition it is."""

    kept: dict[int, Given] = field(default_factory=dict)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    #: (message, process id): what had a message that is kept, or is being given it
    had: set[tuple[int, str]] = field(default_factory=set)
    #: (message name, process id)
    beginnings: dict[tuple[str, str], Beginning] = field(default_factory=dict)
    #: (process id, correlation key) -> the living instance that a message with this key has started
    started: dict[tuple[str, str], int] = field(default_factory=dict)
    #: message whose sender waits -> how many it is on its way to
    asked: dict[int, int] = field(default_factory=dict)

    def waiting(self, name: str, correlation_key: str) -> dict[str, list[int]]:
        """Process id -> the subscriptions that are open."""
        found: dict[str, list[int]] = {}
        for key, one in sorted(self.subscriptions.items()):
            if (one.name, one.correlation_key, one.message) == (name, correlation_key, NONE):
                found.setdefault(one.process_id, []).append(key)
        return found

    def oldest(self, name: str, correlation_key: str, process_id: str, now: int, after: int = NONE) -> Given | None:
        """The oldest message after one that is still kept, and that the process has not had."""
        fitting = [
            message
            for message in self.kept.values()
            if (message.name, message.correlation_key) == (name, correlation_key)
            and message.deadline > now
            and message.key > after
            and (message.key, process_id) not in self.had
        ]
        return min(fitting, default=None)

    def next_start(self, process_id: str, correlation_key: str, now: int) -> Given | None:
        """The oldest message that may start an instance of the process now."""
        if (process_id, correlation_key) in self.started:
            return None
        names = [name for name, process in self.beginnings if process == process_id]
        found = [self.oldest(name, correlation_key, process_id, now) for name in names]
        return min((message for message in found if message is not None), default=None)
