"""What the documents show is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.documentation import ROOT, Session, Shown, normal, sessions
from tests.integration.installation import Installation

DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if list(sessions(path))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_give_the_output_that_is_shown(path: Path, tmp_path: Path) -> None:
    shown = list(sessions(path))
    with Installation(tmp_path) as engine:
        session = Session(tmp_path, engine.port)
        for one in shown:
            if not one.stopped:
                check(session, one)
    for one in shown:
        if one.stopped:
            check(session, one)


def check(session: Session, shown: Shown) -> None:
    """Equal but for keys and times; of a stopped engine's counts but for numbers."""
    output = session.run(shown)
    expected, got = normal(shown.output, numbers=shown.stopped), normal(output, numbers=shown.stopped)
    assert got == expected, f"$ {shown.command}\n{output}\nif this is meant: python -m tests.integration.documentation"


def test_the_readme_is_covered() -> None:
    assert len(list(sessions(ROOT / "README.md"))) >= 10
