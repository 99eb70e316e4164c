"""The W3C trace context as it lies on the log."""

from __future__ import annotations

import pytest

from engine.shell.trace_context import (
    TRACESTATE_LENGTH_MAX,
    TraceContext,
    from_headers,
    parse,
    trace_context_of,
    trace_headers,
)

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_context_is_read_and_written() -> None:
    context = parse(GIVEN)
    assert context == TraceContext(
        trace_id=0x4BF92F3577B34DA6A3CE929D0E0E4736, span_id=0x00F067AA0BA902B7, is_sampled=True
    )
    assert context.text == GIVEN
    assert context.sibling(7).text == f"{GIVEN[:36]}{7:016x}-01"


def test_the_state_of_other_systems_travels_along() -> None:
    text = from_headers(GIVEN, "vendor=a b,other=c")
    context = parse(text)
    assert context is not None
    assert (context.state, context.text) == ("vendor=a b,other=c", text)
    assert trace_headers(text) == {"traceparent": GIVEN, "tracestate": "vendor=a b,other=c"}
    assert trace_context_of(trace_headers(text)) == text


def test_without_a_context_there_is_no_header() -> None:
    assert trace_headers(GIVEN) == {"traceparent": GIVEN}
    assert trace_headers("") == {}
    assert trace_context_of({"tracestate": "vendor=a"}) == ""


@pytest.mark.parametrize("state", ["x=" + "y" * TRACESTATE_LENGTH_MAX, "a=\u00e9", "a=\tb"])
def test_a_state_that_is_none_is_left_out(state: str) -> None:
    assert from_headers(GIVEN, state) == GIVEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        GIVEN.upper(),
        GIVEN + "-00",
        "ff" + GIVEN[2:],
        GIVEN.replace("00f067aa0ba902b7", "0" * 16),
        GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        GIVEN + "x",
    ],
)
def test_what_is_no_context_is_ignored(text: str) -> None:
    assert parse(text) is None
    assert from_headers(text, "vendor=a") == ""


def test_a_later_version_may_say_more() -> None:
    context = parse(f"cc{GIVEN[2:]}-what-comes")
    assert context is not None
    assert context.text == GIVEN
    assert from_headers(f"cc{GIVEN[2:]}-{'x' * 20_000}", "vendor=a") == f"{GIVEN} vendor=a"


def test_a_trace_that_is_not_sampled() -> None:
    context = parse(f"{GIVEN[:-2]}02")
    assert context is not None
    assert not context.is_sampled
    assert context.text == f"{GIVEN[:-2]}00"
