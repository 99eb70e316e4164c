"""A small engine behind a real socket: it answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct


class Ran(Struct, frozen=True):
    """How a command line ended and what it printed."""

    exit_code: int
    output: str
    errors: str


#: Runs a command line.
Retold = Callable[..., Ran]


class Asked(Struct, frozen=True):
    """A request; the path is below /v2."""

    method: str
    path: str
    body: Any
    raw: bytes = b""
    headers: Mapping[str, str] = {}


class Answer(Struct, frozen=True):
    """A response."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = {}


def problem(status: int, title: str, detail: str, **more: Any) -> Answer:
    """A problem detail."""
    return Answer({"type": "about:blank", "title": title, "status": status, "detail": detail, **more}, status)


def page(*items: Any, total: int | None = None, cursor: str | None = None, more: bool = False) -> Answer:
    """A page of a search."""
    count = len(items) if total is None else total
    return Answer(
        {
            "items": list(items),
            "page": {"totalItems": count, "hasMoreTotalItems": more, "startCursor": None, "endCursor": cursor},
        }
    )


def batch(key: str, state: str, total: int = 0, completed: int = 0, failed: int = 0, **more: Any) -> dict[str, Any]:
    """A batch operation as the API shows it."""
    return {
        "batchOperationKey": key,
        "batchOperationType": "CANCEL_PROCESS_INSTANCE",
        "state": state,
        "startDate": "2026-01-01T00:00:00.000Z",
        "endDate": None,
        "actorType": None,
        "actorId": None,
        "operationsTotalCount": total,
        "operationsCompletedCount": completed,
        "operationsFailedCount": failed,
        "operationsSkippedCount": 0,
        "operationsCanceledCount": 0,
        "errors": [],
        **more,
    }


class FakeEngine:
    """Answers by method and path; the last answer of a list is given again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        self.before_answer: Callable[[Asked], None] = lambda _asked: None

    def answers(self, method: str, path: str, *answers: Answer) -> None:
        """What requests get from now on."""
        self._answers[method, path] = list(answers)

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            self.before_answer(asked)
            answers = self._answers.get((asked.method, asked.path))
            if not answers:
                return problem(404, "NOT_FOUND", f"nothing at {asked.path}")
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def bodies(self, path: str) -> list[Any]:
        """The bodies that were sent to a path."""
        return [asked.body for asked in self.asked if asked.path == path]


@contextmanager
def serve(engine: FakeEngine) -> Iterator[FakeEngine]:
    """Serve at a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without this, small answers would wait for the acknowledgement of their headers.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by http.server)
            pass

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = self.headers.get("Content-Type") == "application/json"
            body = json.loads(raw) if raw and is_json else None
            answer = engine.answer(Asked(self.command, self.path.removeprefix("/v2"), body, raw, dict(self.headers)))
            content = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    engine.url = f"http://127.0.0.1:{server.server_port}/v2"
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
