"""Records of a scenario, and what a test may say about them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.record import Record
from engine.records import ProcessInstance


def describe(record: Record) -> str:
    """One short line a record."""
    refused = f" {record.rejection_code}: {record.rejection_reason}" if record.rejection_code else ""
    element = getattr(record.value, "element_id", "")
    about = f" {element}" if element else ""
    number = record.key & ((1 << 51) - 1) if record.key > 0 else record.key
    place = f"{record.step.partition_id}/{record.position}"
    return f"{place:>8} {record.record_type[0]} {record.value_type} {record.intent}{about} #{number}{refused}"


class Moment:
    """Records that a test looks at."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = list(records)

    def all(self, value_type: str, intent: str = "", **fields: object) -> list[Record]:
        """Events of a kind whose value has these fields."""
        return [
            r
            for r in self.records
            if r.record_type == "EVENT"
            and r.value_type == value_type
            and intent in ("", r.intent)
            and all(getattr(r.value, name) == wanted for name, wanted in fields.items())
        ]

    def one(self, value_type: str, intent: str = "", **fields: object) -> Record:
        found = self.all(value_type, intent, **fields)
        assert len(found) == 1, f"expected one {value_type} {intent} {fields}, got {len(found)}\n{self}"
        return found[0]

    def none(self, value_type: str, intent: str = "", **fields: object) -> None:
        found = self.all(value_type, intent, **fields)
        assert not found, f"expected no {value_type} {intent} {fields}, got {len(found)}\n{self}"

    def rejection(self) -> Record:
        found = [r for r in self.records if r.record_type == "REJECTION"]
        assert len(found) == 1, f"expected one rejection, got {len(found)}\n{self}"
        return found[0]

    def rejected(self, code: str, text: str = "") -> None:
        """The one rejection has this code and this text in its reason."""
        found = self.rejection()
        assert found.rejection_code == code, f"expected {code}\n{self}"
        assert text in found.rejection_reason, f"expected '{text}' in the reason\n{self}"

    def accepted(self) -> Moment:
        refused = [r for r in self.records if r.record_type == "REJECTION"]
        assert not refused, f"expected no rejection\n{self}"
        return self

    def flow(self) -> list[str]:
        """The lifecycle of element instances: `element intent`."""
        return [
            f"{r.value.element_id} {r.intent.removeprefix('ELEMENT_')}"
            for r in self.all("PROCESS_INSTANCE")
            if isinstance(r.value, ProcessInstance) and r.intent.startswith("ELEMENT_")
        ]

    def lines(self) -> list[str]:
        """As `flow`, with everything else that happened in between: `VALUE_TYPE INTENT`."""
        lifecycle = iter(self.flow())
        return [
            next(lifecycle)
            if r.value_type == "PROCESS_INSTANCE" and r.intent.startswith("ELEMENT_")
            else f"{r.value_type} {r.intent}"
            for r in self.records
        ]

    def has(self, *lines: str) -> Moment:
        """What happened has these lines in this order, with others between them."""
        seen = iter(self.lines())
        for line in lines:
            assert line in seen, f"expected '{line}' of {lines} in order\n{self}"
        return self

    def variables(self) -> dict[str, str]:
        """The last value of every variable, by name."""
        return {r.value.name: r.value.value for r in self.all("VARIABLE")}

    def __str__(self) -> str:
        left_out = [f"… {len(self.records) - 40} before"] if len(self.records) > 40 else []
        return "\n".join([*left_out, *map(describe, self.records[-40:])])
