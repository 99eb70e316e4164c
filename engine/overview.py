"""The file in which the supervisor of a machine tells the others of its processes how the machine and its parts are.

Rule: one writer, the supervisor; what is not there, or cannot be read, is told as a problem.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from engine.roles.membership import Overview
from engine.roles.protocol import SUPERVISOR

OVERVIEW_FILE = "overview.json"


def read_overview(data: Path) -> Overview:
    """What the supervisor of this machine tells."""
    try:
        return msgspec.json.decode((data / OVERVIEW_FILE).read_bytes(), type=Overview)
    except (OSError, msgspec.DecodeError):
        return Overview(parts={SUPERVISOR: "does not tell how its processes are"})


def write_overview(data: Path, overview: Overview) -> None:
    """For `read_overview`: whole or, on a full disk, not at all, for then nobody may believe that all is well."""
    file = data / OVERVIEW_FILE
    new = file.with_suffix(".new")
    try:
        new.write_bytes(msgspec.json.encode(overview))
        new.replace(file)
    except OSError as error:
        sys.stderr.write(f"expected to write {file}, got: {error}; free space\n")
        file.unlink(missing_ok=True)
