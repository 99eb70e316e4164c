"""What holds for every source file: size, words, and things left for later."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_MAX = 400

#: word -> what to say instead
BANNED = {
    "utils": "the noun of what it is",
    "helpers": "the noun of what it is",
    "manager": "the noun of what it is",
    "cmd": "command",
    "ctx": "context",
    "cfg": "settings",
    "msg": "message",
}
LEFT_FOR_LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def tracked(*patterns: str) -> list[Path]:
    """Files of the project: those git knows, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


SOURCES = [path for path in tracked("*.py") if "tests" not in path.relative_to(ROOT).parts]


def test_files_are_small() -> None:
    large = {str(path.relative_to(ROOT)): lines for path in tracked("*.py") if (lines := count(path)) > LINES_MAX}
    assert not large, f"expected files of at most {LINES_MAX} lines, got {large}; divide them by what they are about"


def count(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_is_fit_to_be_read(path: Path) -> None:
    text = path.read_text()
    assert not LEFT_FOR_LATER.search(text), "nothing is left for later in the code: do it, or write it in an issue"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it owns, its rule, and what it must not do"
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= set(path.relative_to(ROOT).with_suffix("").parts)
    for name in names:
        for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name):
            assert word.lower() not in BANNED, f"{name}: say {BANNED[word.lower()]}"


def test_no_test_sleeps_for_a_fixed_time_or_is_skipped() -> None:
    for path in tracked("tests/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                called = ast.unparse(node)
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                assert called not in ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"), (
                    place
                )
