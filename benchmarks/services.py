"""The broker and the node that benchmarks use: those in RETOLD_TEST_KAFKA and RETOLD_TEST_OPENSEARCH, else their own.

What is started here optimizes what it runs often, as a server in production does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from services import KafkaBroker, OpensearchNode, Service

from .processor import processor_seconds


class Running(Struct, frozen=True, kw_only=True):
    """A service; `pid` is 0 for one that somebody else has started, perhaps elsewhere."""

    address: str
    pid: int = 0

    def processor_seconds(self) -> float:
        """Its processor time so far; 0 without a `pid`."""
        return processor_seconds(self.pid) if self.pid else 0.0


@contextmanager
def running_broker() -> Iterator[Running]:
    """Kafka."""
    with _running("RETOLD_TEST_KAFKA", KafkaBroker) as running:
        yield running


@contextmanager
def running_node() -> Iterator[Running]:
    """OpenSearch."""
    with _running("RETOLD_TEST_OPENSEARCH", OpensearchNode) as running:
        yield running


@contextmanager
def _running(variable: str, kind: type[KafkaBroker] | type[OpensearchNode]) -> Iterator[Running]:
    if given := os.environ.get(variable):
        yield Running(address=given)
        return
    with tempfile.TemporaryDirectory() as directory:
        service: Service = kind(Path(directory), is_optimized=True)
        with service:
            yield Running(address=service.address, pid=service.pid)
