"""The telemetry of a process of an installation: serves its values to the others and sends them to a collector.

Rule: it never keeps a process from working; what fails here is said once on standard error.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.faults import RetoldError, Unavailable

from . import metrics
from .gathering import ANSWER_TIMEOUT, MetricsServer, gather
from .metrics import Metric
from .registry import Found, Sample, Survey
from .settings import TelemetrySettings
from .telemetry import Ask, Telemetry

if TYPE_CHECKING:
    from .otlp import MetricSender, SpanSender

#: Seconds for what is asked in the event loop: less than a process has for its whole answer.
ASK_TIMEOUT = ANSWER_TIMEOUT / 2

_STATM = Path("/proc/self/statm")


class ProcessTelemetry(Telemetry):
    """Made when the process starts, closed when it ends. `processes`: names all of this machine."""

    def __init__(
        self,
        process: str,
        settings: TelemetrySettings,
        *,
        data: Path,
        processes: Callable[[], Sequence[str]],
        build: str,
    ) -> None:
        self._data = data
        self._processes = processes
        self._senders: list[SpanSender | MetricSender] = []
        super().__init__(process=process)
        if settings.traces or settings.metrics:
            try:
                self._connect(process, settings, build)
            except ValueError as error:  # the SDK reads its own variables
                expected = "expected OTEL_… variables that the OpenTelemetry SDK understands"
                raise RetoldError(f"{expected}, got: {error}; correct or unset them") from None
        self._watch_process(process)
        self._server: MetricsServer | None = None
        try:
            self._server = MetricsServer(data, process, self.registry.snapshot)
        except RetoldError as error:
            sys.stderr.write(f"{process}: {error.message}\n")

    async def collect(self) -> Sequence[Sample]:
        """Ask all processes, this one among them."""
        return await gather(self._data, self._processes())

    def ask_later(self, metric: Metric, ask: Ask) -> None:
        """Asked from other threads, for a bounded time; call it in the event loop."""
        self.registry.watch(metric, _from_elsewhere(ask))

    def in_loop(self, read: Survey) -> Survey:
        """As `Telemetry.in_loop`; call it in the event loop."""

        async def ask() -> Iterable[Sample]:
            return read()

        return _from_elsewhere(ask)

    def close(self) -> None:
        """Send what is left, for a bounded time, and take the socket away."""
        if self._server is not None:
            self._server.close()
        closing = [threading.Thread(target=sender.close, daemon=True) for sender in self._senders]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()

    def _connect(self, process: str, settings: TelemetrySettings, build: str) -> None:
        from .otlp import MetricSender, SpanSender, complain_briefly, resource_of

        complain_briefly(process)
        described = resource_of(settings, process, build)
        if settings.traces:
            spans = self.spans = SpanSender(settings, described)
            self._senders.append(spans)
            self.registry.watch(metrics.SPANS, lambda: [((process,), spans.taken)])
            self.registry.watch(metrics.SPANS_LEFT_OUT, lambda: [((process,), spans.left_out)])
        if settings.metrics:
            self._senders.append(MetricSender(settings, described, self.registry.snapshot))

    def _watch_process(self, process: str) -> None:
        self.registry.watch(metrics.CPU_TIME, lambda: [((process,), time.process_time())])
        if _STATM.exists():
            self.registry.watch(metrics.MEMORY, lambda: [((process,), _resident_size())])


def _from_elsewhere(ask: Callable[[], Awaitable[Iterable[Found]]]) -> Callable[[], Iterable[Found]]:
    """Asks in this event loop from other threads. Whoever reads gets Unavailable when there is no answer in time."""
    loop = asyncio.get_running_loop()

    async def ask_now() -> Iterable[Found]:
        return await ask()

    def read() -> Iterable[Found]:
        asking = ask_now()
        try:
            future = asyncio.run_coroutine_threadsafe(asking, loop)
        except RuntimeError as error:
            asking.close()
            raise Unavailable("expected a process that works, got one that ends") from error
        try:
            return future.result(ASK_TIMEOUT)
        except (TimeoutError, CancelledError) as error:
            future.cancel()
            raise Unavailable(f"expected an answer within {ASK_TIMEOUT:g} s, got none") from error

    return read


def _resident_size() -> int:
    """Bytes; Linux alone tells them in a file."""
    return int(_STATM.read_text("ascii").split()[1]) * resource.getpagesize()
