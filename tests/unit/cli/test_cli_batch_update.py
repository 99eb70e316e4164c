"""`batch update`: another pace, other pauses."""

from __future__ import annotations

from cli_engine import Answer, FakeEngine, Retold


def test_another_pace(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("PATCH", "/batch-operations/42", Answer(status=204))
    assert retold("batch", "update", "42", "--rate", "5").exit_code == 0
    assert engine.bodies("/batch-operations/42") == [{"rate": 5.0}]
    assert retold("batch", "update", "42").exit_code == 2


def test_pauses_are_given_or_taken_away(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("PATCH", "/batch-operations/42", Answer(status=204))
    assert (
        "08:00-18:00, 23:00-24:00\n"
        in retold("batch", "update", "42", "--pause", "08:00-18:00", "--pause", "23:00-24:00").output
    )
    assert "none\n" in retold("batch", "update", "42", "--no-pause").output
    both = retold("batch", "update", "42", "--no-pause", "--pause", "08:00-18:00")
    assert both.exit_code == 2
    assert "expected --pause or --no-pause, got both" in both.errors
    assert len(engine.bodies("/batch-operations/42")) == 2
