"""Decisions that were evaluated, as the model keeps them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Evaluation:
    """Decisions that were evaluated, in a process instance or not: id and state of each."""

    instance: int
    rows: list[tuple[str, str]]
    deleted: bool = False
