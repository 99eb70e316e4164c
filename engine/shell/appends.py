"""What every log refuses before anything is appended, so that all of them refuse the same."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.faults import BadRequest, RecordTooLarge
from engine.core.ports import TOPICS, VALUE_SIZE_MAX, Append


def check_place(topic: str, partition: int, partition_count: int, topics: Sequence[str] = TOPICS) -> None:
    """Raise BadRequest unless this log has that topic and partition."""
    if topic not in topics:
        raise BadRequest(f"expected a topic of {', '.join(topics)}, got {topic!r}; name one of these")
    if not 1 <= partition <= partition_count:
        raise BadRequest(f"expected a partition from 1 to {partition_count}, got {partition}; name one of these")


def check_appends(appends: Sequence[Append], partition_count: int, topics: Sequence[str] = TOPICS) -> None:
    """Raise BadRequest for an unknown place or an empty part, RecordTooLarge for a value above the limit."""
    for append in appends:
        check_place(append.topic, append.partition, partition_count, topics)
        if not append.messages:
            raise BadRequest(f"expected a message for {append.topic}/{append.partition}, got none; leave that part out")
        size = max(len(message.value) for message in append.messages)
        if size > VALUE_SIZE_MAX:
            raise RecordTooLarge(
                f"expected a record of at most {VALUE_SIZE_MAX} bytes for {append.topic}/{append.partition}, "
                f"got {size}; nothing was appended; split it"
            )
