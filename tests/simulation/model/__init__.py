"""The reference model: small, slow, obviously right. It judges what the log says, and shares no rule with the engine.

It uses the engine's records, its codec, its parsed models and FEEL; never `engine.process`, `engine.batch` (but for the
values that describe an operation) or the machine.
"""

from __future__ import annotations

from .checking import Verdict, check, examine
from .log import LogEntry, PartitionLog, decode_entries, decode_log

__all__ = ["LogEntry", "PartitionLog", "Verdict", "check", "decode_entries", "decode_log", "examine"]
