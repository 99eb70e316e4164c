"""The ids of our schemas in a schema registry: asked for once when the engine starts, kept beside its data.

So the engine's processes, started again at any time, and tools that read its log need no registry. Rule: without
`kafka.schemaRegistry.url` there are none, and nothing is asked or written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.config import Settings
from engine.core.faults import Unavailable
from engine.shell.codec import SchemaIds
from engine.shell.codec.evolution import hexadecimal, histories
from engine.shell.codec.schema import fingerprint, parse

FILE = "schema-ids.json"


class _Kept(Struct, frozen=True):
    """The file. `url`: of the registry whose ids these are."""

    url: str
    ids: SchemaIds


def register_schemas(settings: Settings) -> None:
    """Register all schemas, keep their ids. Raises Unavailable after some attempts, RetoldError for what is wrong.

    A registry that is away is no more than a warning when the ids of all schemas are kept already.
    """
    connection = settings.kafka.schema_registry.connection()
    if connection is None:
        return
    from engine.shell.schema_registry import ATTEMPTS_MAX, SchemaRegistry

    wanted = histories(files("schemas"))
    file = settings.data / FILE
    is_kept = _has_all(_read(file), connection.url, wanted)
    try:
        with SchemaRegistry(connection, attempts_max=1 if is_kept else ATTEMPTS_MAX) as registry:
            ids = registry.register(wanted)
    except Unavailable as error:
        if not is_kept:
            raise
        sys.stderr.write(f"warning: {error.message}; the ids of all schemas are in {file}, so the start goes on\n")
        return
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(_Kept(connection.url, ids)))
    new.replace(file)


def schema_ids(settings: Settings) -> SchemaIds | None:
    """Those that the engine's start has kept, or else what the registry knows. Raises Unavailable, RetoldError."""
    connection = settings.kafka.schema_registry.connection()
    if connection is None:
        return None
    kept = _read(settings.data / FILE)
    if kept is not None and kept.url == connection.url:
        return kept.ids
    from engine.shell.schema_registry import SchemaRegistry

    with SchemaRegistry(connection) as registry:
        return registry.look_up(histories(files("schemas")))


def _has_all(kept: _Kept | None, url: str, wanted: Sequence[Sequence[str]]) -> bool:
    if kept is None or kept.url != url:
        return False
    return all(hexadecimal(fingerprint(parse(text))) in kept.ids.written for history in wanted for text in history)


def _read(file: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None
