"""A schema registry that speaks Confluent's protocol as far as the engine does, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
from typing import Any

from engine.shell.codec.evolution import compatible
from engine.shell.codec.schema import parse

from .http_server import HttpServer, QuietHandler


class Registry(HttpServer):
    """`with Registry() as registry: ... registry.url ...`. Schemas of all subjects share the ids, as there.

    `failures`: statuses with which the next requests are answered; `stubborn`: compatibility cannot be set.
    """

    def __init__(self, *, first_id: int = 1, stubborn: bool = False) -> None:
        self.subjects: dict[str, list[tuple[int, str]]] = {}
        self.levels: dict[str, str] = {}
        self.failures: list[int] = []
        self.requests: list[str] = []
        self.stubborn = stubborn
        self._next_id = first_id
        self._lock = threading.Lock()
        registry = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                size = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(size)) if size else {}
                with registry._lock:
                    registry.requests.append(f"{self.command} {self.path}")
                    status, document = registry.answer(self.command, self.path, body)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/vnd.schemaregistry.v1+json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of the base class

        super().__init__(Handler)

    def put(self, subject: str, text: str) -> int:
        """Register a schema, whatever it is; gives its id."""
        for number, known in self.subjects.get(subject, []):
            if known == text:
                return number
        number, self._next_id = self._next_id, self._next_id + 1
        self.subjects.setdefault(subject, []).append((number, text))
        return number

    def answer(self, method: str, path: str, body: dict[str, str]) -> tuple[int, Any]:
        """Status and document."""
        if self.failures:
            return self.failures.pop(0), {"error_code": 50001, "message": "out of order"}
        match method, path.strip("/").split("/"):
            case "GET", ["subjects", subject, "versions"]:
                found = self.subjects.get(subject)
                if found is None:
                    return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
                return 200, list(range(1, len(found) + 1))
            case "GET", ["subjects", subject, "versions", version]:
                number, text = self.subjects[subject][int(version) - 1]
                return 200, {"subject": subject, "version": int(version), "id": number, "schema": text}
            case "GET", ["schemas", "ids", number]:
                known = {str(one): text for versions in self.subjects.values() for one, text in versions}
                return 200, {"schema": known[number]}
            case "POST", ["subjects", subject, "versions"]:
                return self._register(subject, body["schema"])
            case "PUT", ["config", subject]:
                if not self.stubborn:
                    self.levels[subject] = body["compatibility"]
                return 200, body
            case "GET", ["config", subject]:
                return 200, {"compatibilityLevel": self.levels.get(subject, "BACKWARD")}
        return 404, {"error_code": 404, "message": f"HTTP 404 Not Found: {method} {path}"}

    def _register(self, subject: str, text: str) -> tuple[int, Any]:
        if self.levels.get(subject) == "FULL_TRANSITIVE":
            for _, known in self.subjects.get(subject, []):
                problems = compatible(parse(known), parse(text))
                if problems:
                    reason = f"Schema being registered is incompatible with an earlier schema: {problems}"
                    return 409, {"error_code": 409, "message": reason}
        return 200, {"id": self.put(subject, text)}
