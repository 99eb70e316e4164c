"""Users, groups and authorizations: which record writes which document."""

from __future__ import annotations

from functools import partial
from typing import Any

from engine.core.record import Record
from exporters.identities import PARTITION_SHOWN, ROWS

from .mappings import IDENTITIES
from .projection import Rule, Rules
from .workspace import Workspace


def _written(name: tuple[str, str], workspace: Workspace, record: Record, value: Any) -> None:
    if record.step.partition_id == PARTITION_SHOWN:
        workspace.add_final(IDENTITIES, str(record.key), ROWS[name](record, value), record.position)


RULES: Rules = {name: Rule(partial(_written, name)) for name in ROWS}
