"""The log generations of a partition: which records say offsets of the topics that are there now, and which do not.

Of an earlier generation a command is known by its hash and its number; where it lay then, nobody can see any more.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.core.ports import EVENTS
from engine.core.record import EVENT, Step
from engine.records.log_generation import VALUE_TYPE, LogGeneration
from engine.shell.codec import Codec, Reader, Undecodable

from .entries import Entries
from .ports import LogReading

#: In the bytes of every event that raises it.
_RAISED = b"RAISED"


class Generations(Struct, frozen=True, kw_only=True):
    """The last one, 0 if none was raised; and of each input the number of the first command that is still there."""

    last: int = 0
    first_ordinals: dict[str, int] = {}

    def is_moved(self, step: Step) -> bool:
        """Whether the offset of the command is that of a topic which is not there any more."""
        return step.source_generation < self.last

    def is_gone(self, step: Step) -> bool:
        """Whether the command was not in the copy that the topics were restored from."""
        return self.is_moved(step) and step.source_ordinal < self.first_ordinals.get(step.source_input, 1)


async def generations_of(log: LogReading, codec: Codec, partition: int) -> Generations:
    """Looks at all events, and decodes hardly any."""
    entries, reader, found = Entries(log, EVENTS, partition), Reader(codec), Generations()
    while (entry := await entries.next()) is not None:
        if _RAISED not in entry.value:
            continue
        try:
            record = reader.decode(entry.value)
        except Undecodable:
            continue
        if record.value_type == VALUE_TYPE and record.record_type == EVENT:
            value = cast(LogGeneration, record.value)
            firsts = {place.input: place.first_ordinal for place in value.inputs}
            found = Generations(last=value.generation, first_ordinals=firsts)
    return found
