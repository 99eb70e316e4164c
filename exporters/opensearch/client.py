"""Talking to OpenSearch: one client, raw JSON in and out, and every failure as one of our faults.

Rule: nothing is tried again in here but on another node: whoever asks knows whether that is allowed.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from opensearchpy import AsyncOpenSearch, OpenSearchException, TransportError
from opensearchpy import ConnectionError as NoConnection
from opensearchpy.serializer import Serializer

from engine.core.faults import RetoldError, Unavailable
from engine.shell.certificates import distrust, trusting

Result = TypeVar("Result")

#: What the node says of itself that may pass: overloaded, starting, without a master, restarting.
PASSING = frozenset({408, 429, 500, 502, 503, 504})
UNAUTHORIZED = (401, 403)
#: The setting that names whom we trust.
CA_FILE = "opensearch.caFile"
#: Characters of an answer that are shown in an error.
REASON_SIZE_MAX = 500


class OpensearchConnection(Struct, frozen=True, kw_only=True):
    """What a client needs. `bulk_size_max`: bytes of a bulk request; `request_seconds`: longest wait for an answer;
    `refresh_seconds`: how often what is being written becomes searchable, at the latest."""

    urls: tuple[str, ...]
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    index_prefix: str = "retold"
    shards: int = 1
    replicas: int = 0
    refresh_seconds: float = 0.5
    bulk_size_max: int = 5 * 1024 * 1024
    request_seconds: float = 30.0


class Refused(RetoldError):
    """The node refused a request and would refuse it again. `status`: of HTTP; `kind`: its name of the error."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class PlainText(Serializer):
    """Leaves reading and writing of JSON to who knows its shape."""

    mimetype = "application/json"

    def loads(self, s: str) -> str:
        return s

    def dumps(self, data: Any) -> Any:
        return data


class OpensearchClient:
    """Requests to the nodes of one connection."""

    def __init__(self, connection: OpensearchConnection) -> None:
        self.connection = connection
        # its failures come back as faults, and are reported by who asked
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)
        self._client = AsyncOpenSearch(
            hosts=list(connection.urls),
            http_auth=(connection.username, connection.password) if connection.username else None,
            ssl_context=_ssl_context(connection),
            timeout=connection.request_seconds,
            max_retries=len(connection.urls) - 1,
            retry_on_status=(),
            serializer=PlainText(),
        )

    async def request(self, method: str, path: str, body: object = None, /, **parameters: str | int | bool) -> bytes:
        """The JSON text of the answer. `body`: bytes, or what msgspec writes as JSON; lines of JSON if they are bytes.

        Raises Unavailable (it may pass) or Refused (it will not).
        """
        lines = isinstance(body, bytes)
        content = body if lines or body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/x-ndjson" if lines else "application/json"}
        shown = {name: str(value).lower() if isinstance(value, bool) else value for name, value in parameters.items()}
        try:
            text = await self._client.transport.perform_request(
                method, path, params=shown, body=content, headers=headers
            )
        except OpenSearchException as fault:
            request = f"{method} {path}"
            if distrusted := distrust(fault, "OpenSearch", self.connection.ca_file, CA_FILE):
                raise Unavailable(f"{request}: {distrusted}") from fault
            raise fault_of(fault, request) from fault
        return text.encode() if isinstance(text, str) else b"{}"

    async def read(
        self, shape: type[Result], method: str, path: str, body: object = None, /, **parameters: str | int | bool
    ) -> Result:
        """As `request`, decoded into this type. Raises Unavailable too for an answer of another shape."""
        answer = await self.request(method, path, body, **parameters)
        try:
            return msgspec.json.decode(answer, type=shape)
        except msgspec.DecodeError as fault:
            raise Unavailable(f"{method} {path}: expected an answer of OpenSearch, got {shorten(answer)}") from fault

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def fault_of(fault: Exception, request: str) -> RetoldError:
    """The fault that says what the library's exception means for us."""
    if not isinstance(fault, TransportError) or isinstance(fault, NoConnection):
        cause = fault.error if isinstance(fault, TransportError) else fault
        return Unavailable(
            f"{request}: expected an answer of OpenSearch: {cause}; is the node running, and opensearch.url right?"
        )
    status = int(fault.status_code)
    kind, reason = error_of(fault.info or fault.error)
    answer = f"{status} {kind}".strip()
    text = f"{request}: OpenSearch answers {answer}: {reason}"
    return passing_fault(status, kind, text) or Refused(status, kind, text)


def passing_fault(status: int, kind: str, text: str) -> Unavailable | None:
    """The fault, if what the node says may pass."""
    if kind == "cluster_block_exception":
        return Unavailable(f"{text}; free disk space, or lift the block of the index")
    if status in UNAUTHORIZED:
        return Unavailable(f"{text}; check opensearch.username, opensearch.password and what that user may do")
    return Unavailable(text) if status in PASSING else None


def error_of(info: object) -> tuple[str, str]:
    """Kind and reason of an error as nodes, or proxies before them, tell it."""
    error = info.get("error") if isinstance(info, Mapping) else None
    if not isinstance(error, Mapping):
        return "", shorten(str(error or info))
    roots = error.get("root_cause")
    cause = error.get("caused_by") or (roots[0] if isinstance(roots, list) and roots else None)
    reason = str(error.get("reason"))
    if isinstance(cause, Mapping) and cause.get("reason") != reason:
        reason += f" ({cause.get('reason')})"
    return str(error.get("type")), shorten(reason)


def shorten(text: str | bytes) -> str:
    """The beginning, for an error text."""
    shown = text if isinstance(text, str) else text.decode(errors="replace")
    return shown if len(shown) <= REASON_SIZE_MAX else f"{shown[:REASON_SIZE_MAX]}…"


def _ssl_context(connection: OpensearchConnection) -> ssl.SSLContext | None:
    if not any(url.startswith("https:") for url in connection.urls):
        return None
    return trusting(connection.ca_file, CA_FILE)
