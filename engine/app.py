"""The composition root of `retold run`."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from engine.config import Settings, load


def find_free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def settings_of(file: Path | None, overrides: Mapping[str, object]) -> Settings:
    """The settings of a run; port 0 becomes a free one. Raises BadRequest that lists every problem."""
    settings = load(file, overrides)
    if settings.port == 0:
        settings = settings.model_copy(update={"port": find_free_port(settings.host)})
    return settings.model_copy(update={"data": settings.data.absolute()})


def run(file: Path | None, overrides: Mapping[str, object]) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code. Raises RetoldError."""
    from engine.supervisor import run as supervise

    return supervise(settings_of(file, overrides))
