"""Webhooks of a whole installation: somebody is told that a batch operation has ended, also when he was away."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.integration.installation import PATIENCE, Installation, wait_until

SECRET = "a-secret-of-the-receiver"
Heard = list[tuple[dict[str, str], bytes]]


class Receiver(HTTPServer):
    """Answers the first request with 503 and all others with 200; keeps what it hears."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: Heard = []
        self.url = f"http://127.0.0.1:{self.server_port}/ended"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.heard.append((dict(self.headers.items()), body))
        self.send_response(200 if len(self.server.heard) > 1 else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def engine(tmp_path: Path, receiver: Receiver) -> Iterator[Installation]:
    settings = {
        "RETOLD_WEBHOOK_ALLOWED_HOSTS": f"hooks.example, 127.0.0.1:{receiver.server_port}",
        "RETOLD_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "RETOLD_WEBHOOK_SECRET": SECRET,
    }
    with Installation(tmp_path, environment=settings) as running:
        yield running


def test_the_end_is_told_until_it_is_heard(engine: Installation, receiver: Receiver) -> None:
    with httpx.Client(base_url=f"{engine.url}/v2", timeout=PATIENCE) as client:
        wish = {"filter": {"processDefinitionId": "none"}, "name": "night", "webhook": "https://evil.example/"}
        refused = client.post("/process-instances/cancellation", json=wish)
        assert refused.status_code == 400
        assert "webhook.allowedHosts" in refused.json()["detail"]
        wish["webhook"] = receiver.url
        key = client.post("/process-instances/cancellation", json=wish).raise_for_status().json()["batchOperationKey"]
        wait_until(lambda: len(receiver.heard) == 2, "the second attempt")

        def told() -> list[dict[str, object]]:
            items = client.get(f"/batch-operations/{key}/log").json()["items"]
            return [item for item in items if str(item["event"]).startswith("WEBHOOK")]

        wait_until(lambda: len(told()) == 2, "both attempts in its log")
        assert [(item["event"], item["status"], item["attempts"]) for item in told()] == [
            ("WEBHOOK_RETRYING", 503, 1),
            ("WEBHOOK_DELIVERED", 200, 2),
        ]
    (headers, body) = receiver.heard[1]
    document = json.loads(body)
    assert (document["batchOperationKey"], document["state"], document["name"]) == (key, "COMPLETED", "night")
    signed = f"{headers['retold-timestamp']}.".encode() + body
    assert headers["retold-signature"] == f"sha256={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"
    files = [path for path in engine.data.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()[: 1 << 24]] == []
