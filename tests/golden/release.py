"""Freezes the golden log of a version that is being released: `python -m tests.golden.release VERSION`.

From then on the folder of that name never changes, and every later build must replay and rerun it.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
UNRELEASED = "unreleased"
VERSION = re.compile(r"\d+\.\d+\.\d+")


class ReleaseFault(Exception):
    """A golden log cannot be released."""


def versions(folder: Path = FOLDER) -> list[str]:
    """The golden logs that there are, with the one of this build."""
    return sorted(one.name for one in folder.iterdir() if (one / "log.jsonl").is_file())


def release(version: str, folder: Path = FOLDER) -> Path:
    """Keep the log of this build as that of a version; gives its folder. Raises ReleaseFault."""
    target = folder / version
    if not VERSION.fullmatch(version):
        raise ReleaseFault(f"expected a version such as 0.1.0, got {version!r}")
    if target.exists():
        raise ReleaseFault(f"expected a new version, got {version}, which {target} keeps; choose another")
    shutil.copytree(folder / UNRELEASED, target)
    return target


def main(arguments: list[str]) -> int:
    match arguments:
        case [version]:
            try:
                sys.stdout.write(f"wrote {release(version)}; commit it\n")
            except ReleaseFault as fault:
                sys.stderr.write(f"{fault}\n")
                return 1
            return 0
    sys.stderr.write(f"expected a version, got {' '.join(arguments) or 'nothing'}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
