"""Batch operation types: one file each, one schema each in `schemas/operations/`. A new file here is a new type."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from engine.batch.operation import Operation


def _find() -> dict[str, Operation]:
    """What the modules of this package call OPERATION, in the order of their names."""
    names = sorted(module.name for module in iter_modules(__path__))
    found: list[Operation] = [import_module(f"{__name__}.{name}").OPERATION for name in names]
    return {operation.name: operation for operation in found}


OPERATIONS: dict[str, Operation] = _find()
