"""The W3C trace context as it lies on the log: `traceparent`, and `tracestate` behind a space if there is one.

Rule: it is carried, never interpreted, by everything but telemetry; what cannot be parsed is ignored (W3C Trace
Context, sections 3.2 and 3.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

#: Headers of the log with a copy of the context, for tools that read headers alone; and of a command from outside.
TRACEPARENT_HEADER = "traceparent"
TRACESTATE_HEADER = "tracestate"

#: A longer `tracestate` is left out; W3C asks for at least this many characters.
TRACESTATE_LENGTH_MAX = 512

_TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_TRACESTATE = re.compile(r"[\x20-\x7e]*")
_VERSION = "00"
_SAMPLED = 0x01
#: Where the flags end.
_FLAGS_END = 55


class TraceContext(Struct, frozen=True, kw_only=True):
    """Where in which trace something belongs: the ids as numbers, `state` for other tracing systems."""

    trace_id: int
    span_id: int
    is_sampled: bool
    state: str = ""

    @property
    def text(self) -> str:
        """As it lies on the log."""
        flags = _SAMPLED if self.is_sampled else 0
        traceparent = f"{_VERSION}-{self.trace_id:032x}-{self.span_id:016x}-{flags:02x}"
        return f"{traceparent} {self.state}" if self.state else traceparent

    def sibling(self, span_id: int) -> TraceContext:
        """Another place in the same trace."""
        return TraceContext(trace_id=self.trace_id, span_id=span_id, is_sampled=self.is_sampled, state=self.state)


def parse(text: str) -> TraceContext | None:
    """The context in a text of the log; None if there is none."""
    traceparent, _, state = text.partition(" ")
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or (match["rest"] and match["version"] == _VERSION):
        return None
    return TraceContext(
        trace_id=int(match["trace"], 16),
        span_id=int(match["span"], 16),
        is_sampled=bool(int(match["flags"], 16) & _SAMPLED),
        state=state,
    )


def is_sampled(text: str) -> bool:
    """Whether a text of the log says that its trace is recorded: a look, for every step, before it is parsed."""
    return len(text) >= _FLAGS_END and text[_FLAGS_END - 1] in "13579bdf"


def from_headers(traceparent: str, tracestate: str) -> str:
    """The text for the log; empty for a `traceparent` that is none.

    What a later version says beyond ours is left out (section 3.2.4): it may be of any length.
    """
    if parse(traceparent) is None or " " in traceparent:
        return ""
    traceparent = f"{_VERSION}{traceparent[len(_VERSION) : _FLAGS_END]}"
    state = tracestate.strip()
    is_kept = state and len(state) <= TRACESTATE_LENGTH_MAX and _TRACESTATE.fullmatch(state)
    return f"{traceparent} {state}" if is_kept else traceparent


def trace_context_of(headers: Mapping[str, str]) -> str:
    """The text for the log that a message's headers say; empty if they say none."""
    traceparent = headers.get(TRACEPARENT_HEADER)
    return from_headers(traceparent, headers.get(TRACESTATE_HEADER, "")) if traceparent else ""


def trace_headers(trace_context: str) -> dict[str, str]:
    """The copy for tools of what the records say: on messages, and on the first event of a step."""
    if not trace_context:
        return {}
    traceparent, _, state = trace_context.partition(" ")
    return {TRACEPARENT_HEADER: traceparent} | ({TRACESTATE_HEADER: state} if state else {})
