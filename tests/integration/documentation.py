"""Runs the commands that documents show, and compares their output with what is shown.

A block behind `<!-- run -->` is a session: lines with `$ ` are commands, what follows is their output. Keys and times
differ from run to run: a key of the document stands for the one that appeared at its place, so it can be used later.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- run( stopped)? -->\n```console\n(.*?)```", re.DOTALL)
KEY = re.compile(r"\b\d{15,19}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
POSITION = re.compile(r"^\d+/\d+ ", re.MULTILINE)
NUMBERS = re.compile(r"\b\d[\d,.]*\b")


class Shown(Struct, frozen=True):
    """A command of a document and the output that stands there; `stopped`: the engine must not run."""

    command: str
    output: str
    stopped: bool


def sessions(path: Path) -> Iterator[Shown]:
    for stopped, block in BLOCK.findall(path.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Shown(command, output, bool(stopped))


class Session:
    """Runs commands in one directory, in which `engine/` is that of the project."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.keys: dict[str, str] = {}
        (directory / "engine").symlink_to(ROOT / "engine")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "COLUMNS": "160", "RETOLD_URL": f"http://127.0.0.1:{port}/v2"}

    def with_keys(self, command: str) -> str:
        """With the keys of this run instead of the document's."""
        return KEY.sub(lambda found: self.keys.get(found[0], found[0]), command)

    def run(self, shown: Shown) -> str:
        """The output of a command, with the document's keys replaced by those of this run."""
        command = self.with_keys(shown.command)
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        for mine, theirs in zip(KEY.findall(shown.output), KEY.findall(done.stdout), strict=False):
            self.keys.setdefault(mine, theirs)
        return done.stdout


def normal(text: str, *, numbers: bool) -> list[str]:
    """Lines without what differs from run to run, sorted; `numbers`: all other numbers are left out as well."""
    text = TIME.sub("TIME", KEY.sub("KEY", text.replace("127.0.0.1:8080", "HOST")))
    text = POSITION.sub("PLACE", re.sub(r"127\.0\.0\.1:\d+", "HOST", text))
    if numbers:
        text = NUMBERS.sub("N", text)
    return sorted(re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip())


def rewrite(path: Path, session: Session, *, stopped: bool) -> None:
    """Put the real output under each command of a document."""

    def fill(found: re.Match[str]) -> str:
        if bool(found[1]) != stopped:
            return found[0]
        parts = re.split(r"^\$ ", found[2], flags=re.MULTILINE)[1:]
        written = []
        for part in parts:
            command, _, before = part.partition("\n")
            output = session.run(Shown(command, before, stopped))
            command = session.with_keys(command)
            output = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", "\n".join(map(str.rstrip, output.splitlines())))
            written.append(f"$ {command}\n{output.strip()}\n")
        return f"<!-- run{found[1] or ''} -->\n```console\n{''.join(written)}```"

    path.write_text(BLOCK.sub(fill, path.read_text()))


def main() -> None:
    """`python -m tests.integration.documentation FILE`: run the file's commands and write their output into it."""
    import tempfile

    from tests.integration.installation import Installation

    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        with Installation(Path(name)) as engine:
            session = Session(Path(name), engine.port)
            rewrite(path, session, stopped=False)
        rewrite(path, session, stopped=True)


if __name__ == "__main__":
    main()
