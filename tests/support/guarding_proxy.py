"""A server before another that wants TLS and a login, as the security plugin of a search node does."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from .http_server import HttpServer, QuietHandler

#: Method and path of a request -> whether the user may do that.
Permits = Callable[[str, str], bool]
PATIENCE = 60.0


class GuardingProxy(HttpServer):
    """`with GuardingProxy(target, certificate, users) as proxy: ... proxy.url ...`; `target` is an http URL.

    `users`: name -> password; `permits` and `users` may be changed while it serves. `refused` counts by status.
    """

    def __init__(self, target: str, certificate: Path, users: Mapping[str, str]) -> None:
        self.users = users
        self.permits: Permits = lambda *_: True
        self.refused: dict[int, int] = {}
        proxy, host = self, urlsplit(target).netloc

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, kind, content = proxy.judge(
                    self.headers.get("authorization", ""), self.command, self.path
                ) or pass_on(host, self.command, self.path, self.headers.get("content-type", ""), body)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of the base class

        super().__init__(Handler, certificate)

    def judge(self, login: str, method: str, path: str) -> tuple[int, str, bytes] | None:
        """The refusal as the plugin tells it, or None."""
        known = [b64encode(f"{name}:{password}".encode()).decode() for name, password in self.users.items()]
        if login.removeprefix("Basic ") not in known:
            return self._refuse(HTTPStatus.UNAUTHORIZED, "text/plain", b"Unauthorized")
        if not self.permits(method, path):
            error = {"type": "security_exception", "reason": f"no permissions for [{method} {path}]"}
            content = json.dumps({"error": {"root_cause": [error], **error}, "status": 403}).encode()
            return self._refuse(HTTPStatus.FORBIDDEN, "application/json", content)
        return None

    def _refuse(self, status: HTTPStatus, kind: str, content: bytes) -> tuple[int, str, bytes]:
        self.refused[status] = self.refused.get(status, 0) + 1
        return status, kind, content


def pass_on(host: str, method: str, path: str, kind: str, body: bytes) -> tuple[int, str, bytes]:
    """Status, content type and content of the target's answer."""
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {"content-type": kind} if kind else {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", "application/json"), answer.read()
    finally:
        connection.close()
