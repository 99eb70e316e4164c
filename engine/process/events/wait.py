"""One kind of event that an element instance waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from engine.bpmn.model import Element
from engine.core.effects import Effects

from ..execution import Execution


class Wait(Protocol):
    """How a kind of event is waited for. It has no state: what is open is on the log and in tables of its own.

    Appliers of what `open` yields mark the host as a holder (`HOLDS_WAITS`).
    """

    def evaluate(self, execution: Execution, key: int, catching: Element) -> Any:
        """What the element `catching` waits for, seen from the host `key`. Raises EvaluationFailure."""
        ...

    def open(self, execution: Execution, key: int, catching: Element, awaited: Any) -> Effects:
        """The host `key` waits from now on for what was evaluated."""
        ...

    def move(self, execution: Execution, key: int, catching: Mapping[str, Element]) -> Effects:
        """What the host waits for at elements of a definition that it had is caught by elements of the one it has."""
        ...

    def close(self, execution: Execution, key: int, only: Collection[str] | None) -> Effects:
        """The host does not wait any longer: for nothing, or only not for what these elements catch."""
        ...
