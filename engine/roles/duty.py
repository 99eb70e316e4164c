"""What a process shall do now, as its supervisor tells it while it runs."""

from __future__ import annotations

import asyncio

from .protocol import END, FOLLOW


class Duty:
    """`word` is one of the duties of the protocol; empty until the first is told."""

    def __init__(self) -> None:
        self.word = ""
        #: What was told last; empty after it was given up, for then even the same is news.
        self._told = ""
        self._changed = asyncio.Event()

    @property
    def changed(self) -> asyncio.Event:
        """Is set when another duty is told; take it before looking at the `word`."""
        return self._changed

    @property
    def has_ended(self) -> bool:
        return self.word == END

    def take(self, word: str) -> None:
        """From now on it is this one. The end is for good."""
        if word == self._told or self.has_ended:
            return
        self.word = self._told = word
        self._changed.set()
        self._changed = asyncio.Event()

    def step_back(self) -> None:
        """Another writer has taken the partition: follow, until the supervisor says again that it is ours.

        Whatever it says next has changed, also to follow: it expects to hear that this is done.
        """
        if not self.has_ended:
            self.word, self._told = FOLLOW, ""
