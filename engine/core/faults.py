"""The kinds of fault (design law 12), each handled in exactly one place.

A fault's docstring is its default message, so the documentation and the run-time text cannot differ.
"""

from __future__ import annotations


class RetoldError(Exception):
    """Something went wrong in Retold."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        return str(self.args[0])


class BadRequest(RetoldError):
    """The request is malformed. Raised at the edge; nothing reaches the log."""


class Reject(RetoldError):
    """The command is refused, with a code and a reason, by a rejection record on the log."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class BrokenInvariant(RetoldError):
    """A broken invariant: the partition stops at this position and keeps all data."""


class MessageGap(BrokenInvariant):
    """A message of another partition is missing: the partition stops until it is repaired (`retold repair messages`).

    `expected` is the number of the missing message, `number` that of the one that came.
    """

    def __init__(self, sender: int, expected: int, number: int) -> None:
        super().__init__(
            f"expected message {expected} from partition {sender}, got {number}; stop the engine, run `retold repair "
            "messages`, which takes what is missing from the SENT events of that partition, and start it again"
        )
        self.sender = sender
        self.expected = expected
        self.number = number


class Unavailable(RetoldError):
    """An I/O failure that may pass: retried with a capped back-off."""


class AppendUnknown(Unavailable):
    """The log went away while it was written to: the outcome is unknown until the log is read again."""


class Fenced(RetoldError):
    """Another writer owns this partition now: recover before writing again."""


class RecordTooLarge(BadRequest):
    """A record's value is above the limit; nothing was appended."""


class CorruptedLog(RetoldError):
    """The log is damaged: stop before telling anything that may not be true."""


class LogTruncated(RetoldError):
    """What was asked for lies before the log's beginning: its retention, or who copied it, has cut it off.

    `first_offset` is the first offset that is still there.
    """

    def __init__(self, topic: str, partition: int, offset: int, first_offset: int) -> None:
        super().__init__(
            f"expected offset {offset} of {topic} of partition {partition}, got a log that begins at {first_offset}; "
            "what lies before it is gone"
        )
        self.first_offset = first_offset


class SnapshotDamaged(RetoldError):
    """A snapshot is not what was taken: another one is used, or the log is replayed from its beginning."""


class StateLost(RetoldError):
    """Neither the log nor a snapshot reaches back to where a state could begin: the partition stops."""


class InconsistentLog(RetoldError):
    """The topics do not belong together, as after a restore from copies of different times: the partition stops."""


class LogFull(RetoldError):
    """The disk or the map of the log is full: free space or raise the limit, then start again."""


class StoreFull(RetoldError):
    """The disk or the map of the state is full: free space or raise the limit, then start again."""


#: Rejection codes: stable and documented; the gateway maps them to HTTP in one table.
NOT_FOUND = "NOT_FOUND"
INVALID_ARGUMENT = "INVALID_ARGUMENT"
INVALID_STATE = "INVALID_STATE"
ALREADY_EXISTS = "ALREADY_EXISTS"
FORBIDDEN = "FORBIDDEN"
UNAUTHORIZED = "UNAUTHORIZED"
RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
EXCEEDED_LIMIT = "EXCEEDED_LIMIT"
PROCESSING_ERROR = "PROCESSING_ERROR"
UNREADABLE = "UNREADABLE"
