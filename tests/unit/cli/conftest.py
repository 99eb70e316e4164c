"""Command lines in this process, against a fake engine behind a real socket."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from cli_engine import FakeEngine, Ran, Retold, serve

from engine.cli.main import main


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    with serve(FakeEngine()) as fake:
        monkeypatch.setenv("RETOLD_URL", fake.url)
        yield fake


@pytest.fixture
def retold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Retold:
    """Run `retold` with these arguments."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["retold", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run
