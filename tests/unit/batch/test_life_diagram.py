"""The diagram of a batch operation's life in the documentation is that of the table, as the machine goes through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.batch.life import ACTIVE, CANCELING, ENDED, FINAL_STATES, TRANSITIONS, UNKNOWN, state_of
from tests.support.fixture import MakeScenario
from tests.unit.batch.test_batch_life import bring_to, command_of


def leads_to(scenario: MakeScenario, intent: str, state: str) -> str:
    """The state that a command makes of another, right after its step."""
    s = scenario()
    key = bring_to(s, state)
    assert state_of(s.machine(), key) == state
    s.send(command_of(intent, key))
    s.step(1)
    after = state_of(s.machine(), key)
    s.drain()
    return after


def diagram(scenario: MakeScenario) -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {ACTIVE}: CREATE"
    for intent, allowed in TRANSITIONS.items():
        for state in allowed:
            after = leads_to(scenario, intent, state)
            yield f"    {state} --> {'[*]' if after == UNKNOWN else after}: {intent}"
    *ends, canceled = FINAL_STATES
    yield f"    {ACTIVE} --> {ENDED}: {', '.join(ends)}"
    yield f"    {CANCELING} --> {ENDED}: {canceled}"


def test_the_documentation_shows_the_diagram(scenario: MakeScenario) -> None:
    text = (Path(__file__).parents[3] / "docs" / "batch-operations.md").read_text(encoding="utf-8")
    shown = text.partition("```mermaid\n")[2].partition("\n```")[0]
    assert shown == "\n".join(diagram(scenario)), "put what is expected into docs/batch-operations.md"
