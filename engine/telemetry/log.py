"""What the transactions of the log's server become."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.core.ports import Place

from . import metrics
from .registry import Labels, Registry


class LogMeasures:
    """The `Measures` of the log's server."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def started(self, waiting: Callable[[], int], size: Callable[[], int]) -> None:
        """As `Measures.started`."""
        self._registry.watch(metrics.LOG_WAITING, lambda: [((), waiting())])
        self._registry.watch(metrics.LOG_SIZE, lambda: [((), size())])

    def committed(self, counts: Mapping[Place, int], seconds: float) -> None:
        """As `Measures.committed`."""
        self._registry.observe(metrics.FLUSH_DURATION, (), [seconds])
        amounts: dict[Labels, int] = {(*place,): count for place, count in counts.items()}
        self._registry.add(metrics.LOG_MESSAGES, amounts)
