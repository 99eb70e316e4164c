"""What an audit found: named checks with counts, bounded lists of failures, and how far each partition is good.

The JSON form is in the README of this folder and is stable. Must not know how anything is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from engine.core.record import NONE

#: Failures that a check lists; the rest is only counted.
FAILURES_MAX = 20
#: Characters of a row or value in the text of a failure.
SHOWN_MAX = 300

OK = "ok"
FAILED = "failed"
NOT_CHECKED = "not checked"

LOG = "log"
RECORDS = "records"
POSITIONS = "positions"
CHAIN = "chain"
OUTCOMES = "outcomes"
MESSAGES = "messages"
STATE = "state"
COUNTERS = "counters"
PROJECTION = "projection"

#: Every check and what it proves, in the order of the report.
CHECKS: Mapping[str, str] = {
    LOG: "every byte of the log can be read and has its checksum",
    RECORDS: "every record decodes; a command that does not was rejected as UNREADABLE",
    POSITIONS: "positions without gaps, whole steps, time never goes back",
    CHAIN: "every step carries the hash of all that was before it",
    OUTCOMES: "one outcome per command",
    MESSAGES: "what partitions said to each other arrived once, in order, unchanged",
    STATE: "the replayed state equals the stored one",
    COUNTERS: "items of batch operations have one outcome, and all numbers add up",
    PROJECTION: "secondary storage equals the log",
}


class Failure(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is wrong where. `partition` 0: no single one; `position` -1: none can be told."""

    text: str
    partition: int = 0
    position: int = NONE


class CheckReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """One check. `failures` are the first of `failure_count`; `note` says what was not compared and why."""

    name: str
    status: str
    counts: Mapping[str, int] = {}
    failure_count: int = 0
    failures: Sequence[Failure] = ()
    note: str = ""


class PartitionReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """One partition. Everything is proved from `first_position` up to `last_good_position`.

    `replayed_from`: position of the state that the replay began with, 0 for an empty one; None: there was no replay.
    `compared_with`: the state of the data directory, a snapshot, or nothing; `state_position`, `projection_position`:
    how far those are, None without one.
    """

    partition: int
    last_position: int
    last_good_position: int
    first_position: int = 1
    replayed_from: int | None = 0
    compared_with: str = ""
    records: int = 0
    steps: int = 0
    commands: int = 0
    pending_commands: int = 0
    state_position: int | None = None
    projection_position: int | None = None


class Report(Struct, frozen=True, kw_only=True, rename="camel"):
    """The whole audit of `log`. `ok`: nothing failed; checks that had nothing to look at do not count.

    `whole`: every state was replayed, from the beginning of the log or from a snapshot that reaches there.
    """

    ok: bool
    whole: bool
    data_directory: str
    log: str
    partitions: Sequence[PartitionReport]
    checks: Sequence[CheckReport]


class Check:
    """A check while it is made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: dict[str, int] = {}
        self.failure_count = 0
        self.note = ""
        self.checked = True
        self._failures: list[Failure] = []

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def fail(self, text: str, partition: int = 0, position: int = NONE) -> None:
        self.failure_count += 1
        if len(self._failures) < FAILURES_MAX:
            self._failures.append(Failure(text=text, partition=partition, position=position))

    def skip(self, note: str) -> None:
        """There is nothing to look at, which is no failure."""
        self.checked = False
        self.note = note

    def report(self) -> CheckReport:
        status = FAILED if self.failure_count else OK if self.checked else NOT_CHECKED
        return CheckReport(
            name=self.name,
            status=status,
            counts=self.counts,
            failure_count=self.failure_count,
            failures=self._failures,
            note=self.note,
        )


def merge(name: str, parts: Iterable[CheckReport]) -> CheckReport:
    """The same check of several partitions as one."""
    found = [part for part in parts if part.name == name]
    counts: dict[str, int] = {}
    for part in found:
        for counter, number in part.counts.items():
            counts[counter] = counts.get(counter, 0) + number
    statuses = {part.status for part in found}
    return CheckReport(
        name=name,
        status=next((status for status in (FAILED, OK) if status in statuses), NOT_CHECKED),
        counts=counts,
        failure_count=sum(part.failure_count for part in found),
        failures=[failure for part in found for failure in part.failures][:FAILURES_MAX],
        note="; ".join(dict.fromkeys(part.note for part in found if part.note)),
    )


def shown(value: object) -> str:
    """A value as the text of a failure shows it."""
    text = str(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"
