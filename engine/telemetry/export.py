"""What an exported group of steps becomes: counts always, spans for the steps of sampled traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from engine.core.ports import EVENTS
from engine.core.record import Record
from engine.shell.trace_context import TraceContext, is_sampled, parse

from . import attributes as a
from . import metrics
from .attributes import messaging
from .partition import is_item, item_attributes
from .registry import Registry
from .spans import CONSUMER, INTERNAL, Span, Spans, is_chosen, item_context, new_span_id, step_context


class PumpMeasures:
    """The `Measures` of a pump."""

    def __init__(self, registry: Registry, spans: Spans | None, now: Callable[[], int] = time.time_ns) -> None:
        self._registry = registry
        self._spans = spans
        self._now = now

    def exported(self, partition: int, records: Sequence[Record], seconds: float) -> None:
        """As `Measures.exported`."""
        labels = (partition,)
        self._registry.observe(metrics.EXPORT_DURATION, labels, [seconds])
        self._registry.add(metrics.EXPORTED_RECORDS, {labels: len(records)})
        if self._spans is None:
            return
        ended = self._now()
        for text, step in _sampled(records):
            # In this order: most of what is sampled is beyond the limit when there is much to do.
            if self._spans.admit() and (parent := parse(text)) is not None:
                self._trace(self._spans, parent, step, (ended - int(seconds * 1e9), ended))

    def _trace(self, spans: Spans, parent: TraceContext, records: Sequence[Record], time: tuple[int, int]) -> None:
        """A step's span goes on from the one of its decision, and those of its sampled items from theirs."""
        first = records[0]
        decided = step_context(parent, first.step)
        context = decided.sibling(new_span_id())
        spans.take(
            Span(
                name=f"process {EVENTS}",
                kind=CONSUMER,
                context=context,
                parent=decided,
                links=(decided,),
                began=time[0],
                ended=time[1],
                attributes={
                    **messaging("process", EVENTS, first.step.partition_id),
                    a.MESSAGE_COUNT: len(records),
                    a.POSITION: records[-1].position,
                    a.KEY: first.key,
                },
            )
        )
        for record in records:
            if is_item(record) and is_chosen(record.key, spans.item_sample_ratio) and spans.admit():
                item = item_context(parent, record)
                spans.take(
                    Span(
                        name="index item",
                        kind=INTERNAL,
                        context=item.sibling(new_span_id()),
                        parent=item,
                        links=(context,),
                        began=time[0],
                        ended=time[1],
                        attributes=item_attributes(record),
                    )
                )


def _sampled(records: Sequence[Record]) -> Iterator[tuple[str, Sequence[Record]]]:
    """The steps of sampled traces, each with the text that says where its command came from. Steps are whole."""
    index = 0
    while index < len(records):
        step = records[index].step
        text = step.trace_context
        if is_sampled(text):
            yield text, records[index : index + step.step_count]
        index += step.step_count
