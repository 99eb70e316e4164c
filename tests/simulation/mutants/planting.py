"""What planting needs: patches that stay, and the tables of the engine that the simulations run."""

from __future__ import annotations

from typing import Any

from tests.simulation.installation import ASSEMBLY

CODEC = ASSEMBLY.codec
PROCESSORS: dict[Any, Any] = ASSEMBLY.registry.processors
APPLIERS: dict[Any, Any] = ASSEMBLY.registry.appliers


def patch(owner: Any, name: str, value: Any) -> None:
    """For good: a mutant has a process of its own. Raises LookupError for what is not there any more to be broken."""
    if not hasattr(owner, name):
        raise LookupError(f"expected {owner!r} to have {name}, got nothing to plant a bug in; break what replaced it")
    setattr(owner, name, value)
