"""Blocks that wait for something or throw something, and what happens on borders and in event sub-processes."""

from __future__ import annotations

from collections.abc import Callable

from tests.support import models as m

from .builder import Builder, Ends
from .tasks import job_definition

#: Text and kind of timers; the last one may fail.
TIMES = (
    ("PT0.5S", "timeDuration"),
    ("P0DT4S", "timeDuration"),
    ('=now() + duration("PT2S")', "timeDate"),
    ("2001-01-01T00:00:00Z", "timeDate"),
    ('="PT" + string(n) + "S"', "timeDuration"),
)
CYCLES = (("R3/PT1S", "timeCycle"), ("R2/2001-01-01T00:00:00Z/PT2S", "timeCycle"))
#: Names of messages and of signals; what starts a process is thrown by no process, so that models come to an end.
MESSAGES = ("message-a", "message-b", "message-feel")
SIGNALS = ("signal-a", "signal-a", "signal-a", "signal-feel")
STARTING_SIGNAL, STARTING_MESSAGES = "signal-start", ("message-a", "message-start")


def timer(builder: Builder, *, cycles: bool = False) -> str:
    return m.timer(*builder.random.choice([*TIMES, *CYCLES] if cycles else TIMES))


def message(builder: Builder) -> str:
    return m.message(builder.random.choice(MESSAGES))


def signal(builder: Builder) -> str:
    return m.signal(builder.random.choice(SIGNALS))


# in the flow


def catch(builder: Builder, _depth: int) -> Ends:
    """Waits for a timer, a message or a signal."""
    name = builder.name("wait")
    builder.add(m.catch(name, builder.random.choice([timer, message, signal])(builder), *builder.output_mappings()))
    return name, name


def throw(builder: Builder, _depth: int) -> Ends:
    """Nothing, a message (by a worker), a signal, an escalation."""
    name, random = builder.name("tell"), builder.random
    kind = random.choice(["none", "message", "signal", "escalation"])
    if kind == "message":
        builder.add(m.throw(name, m.message(), job_definition(builder)))
    elif kind == "signal" and not builder.quiet:
        inputs = m.mapping([("=n", random.choice(["n", "told"]))])
        builder.add(m.throw(name, signal(builder), *([inputs] if random.random() < 0.5 else [])))
    elif kind == "escalation":
        builder.add(m.throw(name, m.escalation(random.choice(["escalation-a", "escalation-b", "escalation-feel"]))))
    else:
        builder.add(m.throw(name))
    return name, name


def link(builder: Builder, _depth: int) -> Ends:
    """A jump."""
    away, here = builder.name("away"), builder.name("here")
    builder.add(m.throw(away, m.link(away)), m.catch(here, m.link(away)))
    return jumping(builder, away, here)


def jumping(builder: Builder, away: str, here: str) -> Ends:
    """A link has no way out: what goes on behind it begins where it is caught."""
    begin = builder.name("step")
    builder.add(m.task(begin), m.flow(begin, away))
    return begin, here


def first_of(builder: Builder, _depth: int) -> Ends:
    """An event-based gateway: whichever happens first."""
    gate, after = builder.name("gate"), builder.name("after")
    kinds = builder.random.sample([timer, message, signal], builder.random.randint(2, 3))
    builder.add(m.event_gateway(gate), m.exclusive(after))
    for kind in kinds:
        name = builder.name("first")
        builder.add(m.catch(name, kind(builder), *builder.output_mappings()), m.chain(gate, name, after))
    return gate, after


# ends


def end(builder: Builder, name: str) -> str:
    """Any end event of what is inside something that may catch it."""
    kinds: list[Callable[[], str]] = [
        lambda: m.end(name),
        lambda: m.end(name),
        lambda: m.terminate(name),
        lambda: m.error_end(name, builder.random.choice(["error-a", "error-b", "error-feel"])),
        lambda: m.end_event(name, m.escalation(builder.random.choice(["escalation-a", "escalation-b"]))),
        lambda: m.element("endEvent", name, m.message(), extensions=[job_definition(builder)]),
        lambda: m.end_event(name, m.compensation()),
        lambda: m.end(name) if builder.quiet else m.end_event(name, signal(builder)),
    ]
    return builder.random.choice(kinds)()


# on borders


def border(builder: Builder, host: str, after: str, *, is_scope: bool = False) -> None:
    """One or two boundary events; what interrupts goes on at `after`, what does not ends beside.

    `is_scope`: a sub-process or a call activity, on which escalations are caught too.
    """
    kinds = [timer, message, signal, _error, *([_escalation] if is_scope else [])]
    for kind in builder.random.sample(kinds, builder.random.choice([1, 1, 2])):
        name = builder.name("caught")
        if kind is not _error and builder.random.random() < 0.5:
            definition = timer(builder, cycles=True) if kind is timer else kind(builder)
            over = builder.name("over")
            builder.add(m.boundary_event(name, host, definition, cancelActivity="false"), m.end(over))
            builder.add(m.chain(name, over))
        else:
            builder.add(m.boundary_event(name, host, kind(builder)), m.chain(name, after))


def _error(builder: Builder) -> str:
    return m.error(builder.random.choice(["error-a", "error-b", ""]))


def _escalation(builder: Builder) -> str:
    return m.escalation(builder.random.choice(["escalation-a", "escalation-b", ""]))


# of scopes


def handler(builder: Builder, depth: int) -> None:
    """An event sub-process, interrupting or not."""
    kind = builder.random.choice([timer, message, signal, _error, _escalation])
    interrupts = kind is _error or builder.random.random() < 0.5
    definition = timer(builder, cycles=not interrupts) if kind is timer else kind(builder)
    inner, begun = builder.inside(quiet=True), builder.name("begun")
    inner.add(m.start_event(begun, definition, **({} if interrupts else {"isInterrupting": "false"})))
    inner.content(depth + 1, first=begun)
    builder.add(m.handler(builder.name("handler"), *inner.parts))


def event_starts(builder: Builder) -> list[str]:
    """Other ways into a process; gives the ids of the start events."""
    random = builder.random
    kinds: list[Callable[[], str]] = [
        lambda: m.timer(*random.choice(CYCLES)),
        lambda: m.message(random.choice(STARTING_MESSAGES)),
        lambda: m.signal(STARTING_SIGNAL),
    ]
    chosen = random.sample(kinds, random.choice([1, 1, 2]))
    names = [builder.name("begun") for _ in chosen]
    builder.add(*(m.start_event(name, kind()) for name, kind in zip(names, chosen, strict=True)))
    return names
