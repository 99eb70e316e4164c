"""The REST API as the commands use it: one request after the other, problem details as faults, pages read through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from .faults import NoConnection, UsageFault, refused
from .login import login_headers

#: The most that one page of a search may hold (Camunda 8 REST API).
PAGE_SIZE_MAX = 10_000
#: An answer may take as long as the longest polling for jobs that the commands ask for.
TIMEOUT_SECONDS = 60.0

Document = dict[str, Any]


class Found(Struct, frozen=True, kw_only=True):
    """The result of a search. `total` is a lower bound when there are `more`."""

    items: Sequence[Document]
    total: int
    more: bool = False

    def document(self) -> Document:
        """As the commands print it with `--json`."""
        return {"items": self.items, "page": {"totalItems": self.total, "hasMoreTotalItems": self.more}}


def newest_first(time: str, key: str) -> list[tuple[str, str]]:
    """The order by a time, then by the key (keys alone are in order on one partition only)."""
    return [(time, "DESC"), (key, "DESC")]


def base_url(url: str) -> str:
    """The URL of the API; `/v2` is added to one without a path. Raises UsageFault."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageFault(f"--url: expected a URL such as http://127.0.0.1:8080/v2, got {url!r}; correct it")
    return url.rstrip("/") if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/v2"


class Client:
    """One connection to an engine. Raises NoConnection, Refused."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self.url = base_url(url)
        self._http = httpx.Client(timeout=timeout, headers=login_headers())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> Document:
        """The document at a path."""
        return self._send("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, files: Any = None) -> Document:
        """The answer to a request; empty when there is none."""
        if files is not None:
            return self._send("POST", path, files=files)
        return self.send("POST", path, body)

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Document:
        """The answer to a request of any other method."""
        told = {"Content-Type": "application/json", **(headers or {})}
        return self._send(method, path, content=msgspec.json.encode(body or {}), headers=told)

    def search(
        self,
        path: str,
        wanted: Mapping[str, Any] | None = None,
        *,
        sort: Sequence[tuple[str, str]] = (),
        limit: int = PAGE_SIZE_MAX,
    ) -> Found:
        """At most `limit` documents, read page by page; `sort`: fields and ASC or DESC."""
        body: dict[str, Any] = {"sort": [{"field": field, "order": order} for field, order in sort]}
        if wanted:
            body["filter"] = wanted
        items: list[Document] = []
        cursor: dict[str, str] = {}
        while True:
            body["page"] = {"limit": min(limit - len(items), PAGE_SIZE_MAX), **cursor}
            answer = self.post(f"{path}/search", body)
            page = answer["page"]
            items += answer["items"]
            if len(items) >= limit or len(answer["items"]) < body["page"]["limit"] or not page.get("endCursor"):
                return Found(items=items, total=page["totalItems"], more=page.get("hasMoreTotalItems", False))
            cursor = {"after": page["endCursor"]}

    def count(self, path: str, wanted: Mapping[str, Any] | None = None) -> Found:
        """How many documents there are, without any of them."""
        return self.search(path, wanted, limit=0)

    def _send(self, method: str, path: str, **content: Any) -> Document:
        with _connecting(self.url):
            response = self._http.request(method, self.url + path, **content)
        return read_answer(response)


def read_answer(response: httpx.Response) -> Document:
    """The document of a response. Raises Refused with what the problem detail says."""
    if response.is_success:
        return dict(response.json()) if response.content else {}
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": response.reason_phrase, "detail": response.text[:1000]}
    raise refused(response.status_code, problem)


@contextmanager
def _connecting(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise no_connection(url, error) from None


def no_connection(url: str, error: Exception) -> NoConnection:
    """The fault of a request that got no answer."""
    reason = str(error) or type(error).__name__
    return NoConnection(
        f"expected an engine at {url}, got: {reason}; start one with `retold run`, or name another with --url"
    )
