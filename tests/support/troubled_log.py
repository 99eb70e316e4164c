"""A log whose answers are lost."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.faults import Unavailable
from engine.core.ports import Append
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from tests.support.scenario import BEGIN


class TroubledLog(MemoryLog):
    """Loses its first answers: before the append if the trouble is Unavailable, after it if it is AppendUnknown."""

    def __init__(self, *troubles: type[Unavailable]) -> None:
        super().__init__(1, ManualClock(BEGIN))
        self.troubles = list(troubles)

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not Unavailable:
            offsets = await super().append(appends)
        if trouble is not None:
            raise trouble("the answer is lost")
        return offsets
