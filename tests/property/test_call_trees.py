"""Trees of calls under anything that may come in between: every instance ends once, with all that it called."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.record import Record
from engine.core.state import key_tail
from engine.process.tables import INCIDENTS, JOBS
from engine.records import Incident, Job, ProcessInstance
from tests.support import models as m
from tests.support.actions import batch
from tests.support.scenario import Scenario, make

#: What happens: steps before it, what it is, and which of the jobs, incidents or instances it is about.
ACTIONS = st.tuples(
    st.integers(0, 12),
    st.sampled_from(["complete", "fail", "throw", "wait", "cancel", "batch", "resolve", "crash"]),
    st.integers(0, 20),
)


def caller(process_id: str, called: str) -> bytes:
    """Calls twice; one call is in a sub-process with whatever may end it: errors, timers, a terminate event."""
    ends = m.boundary("oops", "call", "error-a") + m.boundary_event("late", "call", m.timer("PT10S"))
    beside = m.boundary_event("reminder", "call", m.timer("PT5S"), cancelActivity="false")
    nodes = m.start("s") + m.parallel("f") + m.call("call", called) + m.job("beside") + m.end("e") + m.terminate("stop")
    flows = m.chain("s", "f", "call", "e") + m.chain("f", "beside", "e") + m.chain("oops", "stop")
    flows += m.chain("late", "e") + m.chain("reminder", "e")
    handler = m.handler("handler", m.start_event("hs", m.timer("PT20S")), m.task("clean"), m.chain("hs", "clean"))
    inside = m.sub_process("sub", nodes, ends, beside, flows, handler)
    parts = (m.start(), m.parallel("fork"), inside, m.call("other", called), m.end())
    return m.model(
        m.process(process_id, *parts, m.chain("start", "fork", "sub", "end"), m.chain("fork", "other", "end"))
    )


def leaf() -> bytes:
    nodes = (
        m.start(),
        m.parallel("f"),
        m.job("a"),
        m.job("b"),
        m.exclusive("x"),
        m.end(),
        m.error_end("bad", "error-a"),
    )
    flows = (m.chain("start", "f", "a", "x"), m.flow("x", "bad", "=bad = true"), m.flow("x", "end", "=bad != true"))
    return m.model(m.process("leaf", *nodes, *flows, m.chain("f", "b", "end")))


def command_of(s: Scenario, action: str, choice: int, roots: list[int]) -> Record | None:
    """The command of an action; None when there is nothing that it could be about."""
    state = s.partitions[1].state
    if action in ("complete", "fail", "throw"):
        keys = [key_tail(key) for key, _ in state.scan(JOBS)]
    else:
        keys = [key_tail(key) for key, _ in state.scan(INCIDENTS)] if action == "resolve" else roots
    if not keys:
        return None
    key = keys[choice % len(keys)]
    variables = ("", '{"bad": true}', '{"n": 1}')[choice % 3]
    return {
        "complete": make("JOB", "COMPLETE", Job(variables=variables), key),
        "fail": make("JOB", "FAIL", Job(retries=0), key),
        "throw": make("JOB", "THROW_ERROR", Job(error_code="AB"[choice % 2]), key),
        "cancel": make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key),
        "batch": batch(filter_text="", item_keys=tuple(roots)),
        "resolve": make("INCIDENT", "RESOLVE", Incident(), key),
    }[action]


@settings(max_examples=60, deadline=None)
@given(
    limit=st.sampled_from([1, 2, 5, 15, 1000]),
    group_size=st.sampled_from([1, 5]),
    created=st.lists(st.sampled_from(["top", "middle"]), min_size=1, max_size=2),
    actions=st.lists(ACTIONS, max_size=60),
)
def test_whatever_happens_every_instance_of_a_tree_ends_once(
    limit: int, group_size: int, created: list[str], actions: list[tuple[int, str, int]]
) -> None:
    s = Scenario(settings={"step_effects_max": limit, "continuation_rounds_max": 100_000}, group_size=group_size)
    s.deploy(caller("top", "middle"), caller("middle", "leaf"), leaf())
    roots = [s.create(process_id) for process_id in created]
    for steps, action, choice in actions:
        for _ in range(steps):
            s.step(1)
        s.flush(1)
        if action == "crash":
            s.crash(1)
        elif action == "wait":
            s.now += (1_000, 5_000, 10_000)[choice % 3]
            s.tick(1)
        elif wish := command_of(s, action, choice, roots):
            s.send(wish, 1)
    s.drain()
    for root in roots:
        s.cancel(root)
    moment = s.everything()
    assert "PROCESSING_ERROR" not in {record.rejection_code for record in moment.records}
    moment.none("INCIDENT", "CREATED", error_type="UNKNOWN")
    ends = [r.key for r in moment.all("PROCESS_INSTANCE") if r.intent in ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED")]
    begins = [r.key for r in moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")]
    assert sorted(ends) == sorted(begins)
    assert s.is_empty(), s.rows()
    s.check()
