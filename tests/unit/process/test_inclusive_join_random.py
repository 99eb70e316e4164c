"""Random processes with inclusive gateways: each activation, and each wait, is what BPMN 2.0.2, 13.4.3 says.

The rule is checked by a token game made of the log, with paths that are looked for anew each time.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from engine.bpmn.model import INCLUSIVE_GATEWAY, PARALLEL_GATEWAY, Process
from engine.bpmn.parse import parse
from engine.core.record import Record
from engine.process import joins
from engine.records import Job
from tests.support import models as m
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

#: with the last one, a gateway is activated while it is looked at whether that can be activated again
SEEDS = (*range(60), 1386)
JOBS_MAX = 25
JOINING = (INCLUSIVE_GATEWAY, PARALLEL_GATEWAY)


def random_model(draw: random.Random) -> bytes:
    """Jobs and gateways; flows lead on, and from jobs sometimes back. A condition is true or not as jobs set `x`."""
    names = [f"n{number}" for number in range(draw.randint(5, 12))]
    parts, flows = [m.start(), m.flow("start", "n0")], set()
    for number, name in enumerate(names):
        later = names[number + 1 :]
        kind = draw.choice(["job", "job", "inclusive", "inclusive", "exclusive", "parallel"])
        targets = draw.sample(later, min(len(later), draw.randint(1, 3 if kind != "job" else 2)))
        if kind == "job" and draw.random() < 0.15:
            targets.append(draw.choice(names[: number + 1]))
        deciding = kind in ("inclusive", "exclusive") and len(targets) > 1
        for target in targets:
            wanted = f"=x > {draw.randint(0, 9)}" if deciding and target != targets[-1] else ""
            flows.add(m.flow(name, target, wanted))
        given = {"default": f"{name}_{targets[-1]}"} if deciding else {}
        gateway = m.element(f"{kind}Gateway", name, **given) if kind != "job" else m.job(name)
        parts.append(gateway)
    return m.model(m.process("p", *parts, *sorted(flows)))


class Game:
    """Where the tokens of an instance are, as the log tells it."""

    def __init__(self, graph: Process) -> None:
        self.graph = graph
        self.living: dict[int, str] = {}
        self.coming: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()

    def follow(self, record: Record) -> None:
        value = record.value
        element = value.element_id  # type: ignore[attr-defined]
        if record.intent == "SEQUENCE_FLOW_TAKEN":
            target = self.graph.elements[self.graph.flows[element].target]
            joins = target.type in JOINING and len(target.incoming) > 1
            (self.waiting if joins else self.coming)[element if joins else target.id] += 1
        elif record.intent == "ELEMENT_ACTIVATING":
            flows = self.graph.elements[element].incoming
            self.coming[element] -= self.coming[element] > 0
            for flow in flows:
                self.waiting[flow] -= self.waiting[flow] > 0
            self.living[record.key] = element
        elif record.intent in ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED"):
            del self.living[record.key]

    def is_ready(self, gateway_id: str) -> bool:
        """Whether the gateway may be activated."""
        incoming = set(self.graph.elements[gateway_id].incoming)
        full = {flow for flow in incoming if self.waiting[flow]}
        places = [*self.living.values(), *(+self.coming)]
        places += [self.graph.flows[flow].target for flow in +self.waiting if flow not in incoming]
        reached = [self.flows_reached(place, gateway_id) for place in places]
        return bool(full) and not any(found and not found & full for found in reached)

    def flows_reached(self, place: str, gateway_id: str) -> set[str]:
        """The flows into the gateway to which paths lead that do not pass through it."""
        found: set[str] = set()
        passed, ahead = set(), [place]
        while ahead:
            element = ahead.pop()
            passed.add(element)
            for flow in self.graph.elements[element].outgoing:
                target = self.graph.flows[flow].target
                if target == gateway_id:
                    found.add(flow)
                elif target not in passed:
                    ahead.append(target)
        return found


def check(s: Scenario, graph: Process, *, at_rest: bool) -> None:
    game = Game(graph)
    joining = [e.id for e in graph.elements.values() if e.type == INCLUSIVE_GATEWAY and len(e.incoming) > 1]
    for record in s.everything().all("PROCESS_INSTANCE"):
        element = record.value.element_id  # type: ignore[attr-defined]
        if record.intent == "ELEMENT_ACTIVATING" and element in joining:
            assert game.is_ready(element), f"expected '{element}' to wait at {record.position}\n{s.log()}"
        game.follow(record)
    for gateway in joining if at_rest else ():
        assert not game.is_ready(gateway), f"expected '{gateway}' not to wait\n{s.log()}"


@pytest.mark.parametrize("seed", SEEDS)
def test_it_joins_what_can_come_and_nothing_else(
    scenario: MakeScenario, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    model = random_model(draw)
    (graph,) = parse(model, "p.bpmn")
    # every piece of work may be followed by a pause, in which other commands run
    monkeypatch.setattr(joins, "TOKENS_PER_WORK", draw.choice([1, 2, 100]))
    monkeypatch.setattr(joins, "TOKENS_PER_EFFECT", 1)
    s = scenario(settings={"step_effects_max": draw.choice([1, 5, 20, 1_000])})
    s.deploy(model)
    key = s.create("p", f'{{"x": {draw.randint(0, 9)}}}')
    for _ in range(JOBS_MAX):
        open_ = {r.key for r in s.everything().all("JOB", "CREATED")}
        open_ -= {r.key for r in s.everything().all("JOB", "COMPLETED")}
        if not open_:
            break
        for job in draw.sample(sorted(open_), draw.randint(1, min(3, len(open_)))):
            s.send(make("JOB", "COMPLETE", Job(variables=f'{{"x": {draw.randint(0, 9)}}}'), job))
        s.drain()
    check(s, graph, at_rest=True)
    if "p COMPLETED" not in s.everything().flow():
        s.cancel(key)
    assert s.is_empty()
