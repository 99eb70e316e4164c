"""What a partition's groups of steps become: counts always, spans for the steps of sampled traces."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import cast

from engine.core.draft import Outcome
from engine.core.ports import EVENTS
from engine.core.record import REJECTION, Record
from engine.records import BatchOperationItem
from engine.records.intents import INTENTS
from engine.shell.runner import Group
from engine.shell.trace_context import TraceContext, is_sampled, parse

from . import attributes as a
from . import metrics
from .attributes import AttributeValue, messaging
from .registry import Labels, Registry
from .spans import CLIENT, CONSUMER, INTERNAL, Span, Spans, is_chosen, item_context, new_span_id, step_context

ACCEPTED = "ACCEPTED"
UNKNOWN = "unknown"
ITEM = "BATCH_OPERATION_ITEM"


class PartitionMeasures:
    """The `Measures` of one partition's runner."""

    def __init__(
        self, partition: int, registry: Registry, spans: Spans | None, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._partition = partition
        self._registry = registry
        self._spans = spans
        self._now = now

    def recovered(self, records: int, seconds: float) -> None:
        """As `Measures.recovered`. Nothing else is told of what was replayed: it was told when it was done."""
        labels = (self._partition,)
        self._registry.observe(metrics.RECOVERY_DURATION, labels, [seconds])
        self._registry.add(metrics.RECOVERY_RECORDS, {labels: records})

    def group_committed(self, group: Group) -> None:
        """As `Measures.group_committed`."""
        partition, registry, outcomes = self._partition, self._registry, group.outcomes
        registry.add(metrics.COMMANDS, Counter([self._command_labels(outcome) for outcome in outcomes]))
        records = [record for outcome in outcomes for record in outcome.records]
        kinds = Counter([(record.value_type, record.intent) for record in records])
        registry.add(metrics.RECORDS, self._records_labels(kinds))
        registry.observe(metrics.STEP_DURATION, (partition,), [ended - began for began, ended in group.decided])
        registry.observe(metrics.APPEND_DURATION, (partition,), [_seconds(group.appended)])
        registry.observe(metrics.COMMIT_DURATION, (partition,), [_seconds(group.committed)])
        if self._spans is not None:
            GroupTrace(group, self._spans, self._partition, self._now()).make()

    def _command_labels(self, outcome: Outcome) -> Labels:
        command, code = outcome.command, outcome.records[0].rejection_code
        return (self._partition, command.value_type, known_intent(command.value_type, command.intent), code or ACCEPTED)

    def _records_labels(self, kinds: Counter[tuple[str, str]]) -> Counter[Labels]:
        counts: Counter[Labels] = Counter()
        for (value_type, intent), count in kinds.items():
            counts[self._partition, value_type, known_intent(value_type, intent)] += count
        return counts


def known_intent(value_type: str, intent: str) -> str:
    """The intent, unless a client invented it: names in metrics are bounded."""
    return intent if intent in _KNOWN.get(value_type, ()) else UNKNOWN


_KNOWN = {
    family: frozenset((*intents.commands, *intents.internal, *intents.events)) for family, intents in INTENTS.items()
}


def is_item(record: Record) -> bool:
    return record.value_type == ITEM and record.record_type != REJECTION


def _seconds(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


class GroupTrace:
    """The spans of one group: of each step a `process`, of sampled items one each, and the `send` of them together."""

    def __init__(self, group: Group, spans: Spans, partition: int, now: int) -> None:
        """`now`: ns since 1970 at the moment when the group was committed."""
        self._group = group
        self._spans = spans
        self._partition = partition
        self._now = now
        self._steps: list[TraceContext] = []

    def make(self) -> None:
        """Make and hand over what is admitted."""
        for outcome, decided in zip(self._group.outcomes, self._group.decided, strict=True):
            text = outcome.records[0].step.trace_context
            # In this order: most of what is sampled is beyond the limit when there is much to do.
            if is_sampled(text) and self._spans.admit() and (parent := parse(text)) is not None:
                self._trace_step(parent, outcome, (self._at(decided[0]), self._at(decided[1])))
        if self._steps and self._spans.admit():
            self._trace_append()

    def _at(self, instant: float) -> int:
        """Ns since 1970 of an instant of the clock's `monotonic`."""
        return self._now - int((self._group.committed[1] - instant) * 1e9)

    def _trace_step(self, parent: TraceContext, outcome: Outcome, decided: tuple[int, int]) -> None:
        first, command = outcome.records[0], outcome.command
        step = first.step
        context = step_context(parent, step)
        attributes: dict[str, AttributeValue] = {
            **messaging("process", step.source_input, self._partition),
            a.OFFSET: step.source_offset,
            a.POSITION: first.position + step.step_count - 1,
            a.VALUE_TYPE: command.value_type,
            a.INTENT: known_intent(command.value_type, command.intent),
            a.OUTCOME: first.rejection_code or ACCEPTED,
            a.KEY: first.key,
        }
        if step.request:
            attributes[a.MESSAGE_ID] = step.request
        if step.batch_operation_reference >= 0:
            attributes[a.BATCH_KEY] = step.batch_operation_reference
        if first.rejection_code:
            attributes[a.ERROR_TYPE] = first.rejection_code
        self._steps.append(context)
        self._spans.take(
            Span(
                name=f"process {step.source_input}",
                kind=CONSUMER,
                context=context,
                parent=parent,
                links=(parent,),
                began=decided[0],
                ended=decided[1],
                attributes=attributes,
                error=first.rejection_code,
            )
        )
        self._trace_items(parent, context, outcome, decided)

    def _trace_items(
        self, parent: TraceContext, step: TraceContext, outcome: Outcome, decided: tuple[int, int]
    ) -> None:
        """An item's time is its step's: more is not known."""
        for record in outcome.records:
            if not is_item(record) or not is_chosen(record.key, self._spans.item_sample_ratio):
                continue
            if not self._spans.admit():
                return
            self._spans.take(
                Span(
                    name=f"item {cast(BatchOperationItem, record.value).batch_operation_type}",
                    kind=INTERNAL,
                    context=item_context(parent, record),
                    parent=step,
                    began=decided[0],
                    ended=decided[1],
                    attributes=item_attributes(record),
                    error=cast(BatchOperationItem, record.value).error_code,
                )
            )

    def _trace_append(self) -> None:
        """A batch: it belongs to its first traced step, and is linked to all of them."""
        group = self._group
        attributes = messaging("send", EVENTS, self._partition)
        attributes[a.MESSAGE_COUNT] = group.records
        first = self._steps[0]
        self._spans.take(
            Span(
                name=f"send {EVENTS}",
                kind=CLIENT,
                context=first.sibling(new_span_id()),
                parent=first,
                links=tuple(self._steps),
                began=self._at(group.appended[0]),
                ended=self._at(group.appended[1]),
                attributes=attributes,
            )
        )


def item_attributes(record: Record) -> dict[str, AttributeValue]:
    """Of the outcome of a batch item."""
    value = cast(BatchOperationItem, record.value)
    attributes: dict[str, AttributeValue] = {
        a.KEY: record.key,
        a.POSITION: record.position,
        a.OUTCOME: record.intent,
        a.BATCH_KEY: value.batch_operation_key,
        a.BATCH_TYPE: value.batch_operation_type,
    }
    if value.error_code:
        attributes[a.ERROR_TYPE] = value.error_code
    return attributes
