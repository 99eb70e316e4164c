"""What Tab offers: names and keys that the engine knows, and nothing when there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cli_engine import Answer, FakeEngine, batch, page, problem

from engine.cli import completion

PROGRAM = "from engine.cli.main import main; main()"


def complete(line: str, url: str) -> list[str]:
    """As bash asks: the words, and which of them is incomplete."""
    environment = {
        **os.environ,
        "RETOLD_URL": url,
        "_RETOLD_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def test_process_ids_and_keys_come_from_the_engine(engine: FakeEngine) -> None:
    definitions = [{"processDefinitionId": name, "name": None} for name in ("order", "order", "offer", "x")]
    engine.answers("POST", "/process-definitions/search", page(*definitions))
    assert complete("retold create o", engine.url) == ["order", "offer"]
    jobs = [{"jobKey": key, "type": "ship", "elementId": "a", "state": "FAILED"} for key in ("17", "18", "25")]
    engine.answers("POST", "/jobs/search", page(*jobs))
    assert complete("retold jobs complete 1", engine.url) == ["17", "18"]
    assert complete("retold worker ", engine.url) == ["ship"]


def test_keys_of_batch_operations_are_offered_newest_first(engine: FakeEngine) -> None:
    engine.answers("POST", "/batch-operations/search", page(batch("43", "SUSPENDED"), batch("42", "ACTIVE")))
    assert complete("retold batch show 4", engine.url) == ["43", "42"]
    assert engine.bodies("/batch-operations/search")[0]["sort"] == [{"field": "creationDate", "order": "DESC"}]


def test_tables_need_no_engine() -> None:
    assert complete("retold state INCID", "http://127.0.0.1:1") == ["INCIDENTS"]


@pytest.mark.parametrize("answer", [problem(500, "Internal", "broken"), Answer("no document")])
def test_nothing_is_offered_when_the_engine_does_not_tell(engine: FakeEngine, answer: Answer) -> None:
    engine.answers("POST", "/process-definitions/search", answer)
    assert complete("retold create ", engine.url) == []


def test_nothing_is_offered_without_an_engine() -> None:
    assert complete("retold create ", "http://127.0.0.1:1") == []
    assert complete("retold create ", "no url") == []


def test_so_many_are_offered_at_most(engine: FakeEngine) -> None:
    definitions = [{"processDefinitionId": f"p{number}", "name": ""} for number in range(completion.OFFERED_MAX + 9)]
    engine.answers("POST", "/process-definitions/search", page(*definitions))
    assert len(complete("retold create p", engine.url)) == completion.OFFERED_MAX
