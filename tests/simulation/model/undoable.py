"""What can be undone."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.record import NONE


@dataclass(slots=True)
class Undoable:
    """What has completed and can be undone, in its scope.

    `thrower`: the event that has it undone; `handler`: by what.
    """

    activity: str
    activity_key: int
    scope: int
    thrower: int = NONE
    handler: int = NONE
