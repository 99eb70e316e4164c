"""A scenario of an instance that migrated with all that it has, and of one that did not."""

from __future__ import annotations

from . import models as m
from .actions import activate, complete, fail, migrate
from .scenario import Scenario

USER_TASK = "<zeebe:userTask />"


def model(process_id: str, first: str, second: str, *event: str) -> bytes:
    """A job, then at once a job with a message event at its border and a user task."""
    parts = (
        m.start(),
        m.job("done", "done"),
        m.parallel("fork"),
        m.job(first, "work"),
        m.element("userTask", second, extensions=[USER_TASK]),
        *event,
    )
    return m.model(m.process(process_id, *parts, m.chain("start", "done", "fork", first), m.chain("fork", second)))


class Migrated:
    """An instance that migrated with all that it has; and one that did not."""

    def __init__(self) -> None:
        self.scenario = s = Scenario()
        event = m.boundary_event("x", "a", m.message(), cancelActivity="false")
        self.source = s.deploy(model("p", "a", "b", event)).one("PROCESS", "CREATED").key
        self.instance, self.other = (s.create("p", f'{{"key": "k", "number": {number}}}') for number in range(2))
        for key in activate(s, "done"):
            complete(s, key, '{"result": 1}').accepted()
        self.job = activate(s)[0]
        fail(s, self.job).accepted()
        event = m.boundary_event("y", "c", m.message(), cancelActivity="false")
        self.target = s.deploy(model("q", "c", "d", event)).one("PROCESS", "CREATED").key
        migrate(s, self.instance, self.target, ("a", "c"), ("b", "d"), ("x", "y")).accepted()
