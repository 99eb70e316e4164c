"""A schema registry that speaks Confluent's protocol: our schemas get their ids there, and their history is kept.

The subject of a schema is the full name of its record (the record-name strategy), for a topic holds many families. A
schema that differs from one there in words only is not registered again, so that a schema keeps its id. Rule: asked
when an engine or a tool starts, never for a record. Source: Confluent Schema Registry API reference, version 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from engine.core.faults import RetoldError, Unavailable

from .certificates import distrust, trusting
from .codec import SchemaError, SchemaIds
from .codec.evolution import hexadecimal
from .codec.schema import fingerprint, parse

#: What the registry must hold every later version to: readable by all earlier readers, and they by it.
COMPATIBILITY = "FULL_TRANSITIVE"

#: A registry that does not answer at the start is asked so often, with pauses (seconds) that double.
ATTEMPTS_MAX = 6
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.5, 8.0

#: The setting that names whom we trust.
CA_FILE = "kafka.schemaRegistry.caFile"

NOT_FOUND = 404
INCOMPATIBLE = (409, 422)
TRANSIENT = (408, 429, 500, 502, 503, 504)
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class RegistryConnection(Struct, frozen=True, kw_only=True):
    """What it takes to reach a registry. `timeout`: seconds for one answer."""

    url: str
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    timeout: float = 10.0


class _Version(Struct, frozen=True):
    """A registered schema; `fingerprint` is empty for one that is none of ours."""

    id: int
    fingerprint: str


class SchemaRegistry:
    """One connection. Raises Unavailable (no answer) or RetoldError (an answer that does not help)."""

    def __init__(
        self,
        connection: RegistryConnection,
        *,
        attempts_max: int = ATTEMPTS_MAX,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._attempts_max = attempts_max
        self._sleep = sleep
        self._url = connection.url.rstrip("/")
        self._ca_file = connection.ca_file
        self._http = httpx.Client(
            timeout=connection.timeout,
            verify=trusting(connection.ca_file, CA_FILE),
            auth=(connection.username, connection.password) if connection.username else None,
            headers={"Accept": f"{_CONTENT_TYPE}, application/json"},
        )

    def __enter__(self) -> SchemaRegistry:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def register(self, histories: Sequence[Sequence[str]]) -> SchemaIds:
        """Register what is new. A history is the texts of one schema, the released ones first; all have one name.

        Raises RetoldError with all that the registry finds incompatible.
        """
        found, problems = [], []
        for history in histories:
            try:
                found.append(self._register(history))
            except _Incompatible as refused:
                problems.append(refused.message)
        if problems:
            raise RetoldError(
                f"expected schemas that are {COMPATIBILITY} compatible with those of the registry at {self._url}, "
                "got:\n"
                + "\n".join(f"- {problem}" for problem in problems)
                + "\nstart a build whose schemas fit, or give this installation a registry of its own"
            )
        return _ids_of(found)

    def look_up(self, histories: Sequence[Sequence[str]]) -> SchemaIds:
        """The ids of what is registered; changes nothing."""
        return _ids_of([self._versions(_subject(history)) for history in histories])

    def _register(self, history: Sequence[str]) -> list[_Version]:
        subject = _subject(history)
        versions = self._versions(subject)
        if versions:
            self._demand_compatibility(subject)
        for text in history:
            name = _fingerprint(text)
            if name not in [version.fingerprint for version in versions]:
                number = self._send_schema(subject, text)
                if not versions:
                    self._demand_compatibility(subject)
                versions.append(_Version(number, name))
        level = self._ask("GET", f"/config/{quote(subject)}").get("compatibilityLevel")
        if level != COMPATIBILITY:
            raise RetoldError(
                f"expected the registry at {self._url} to hold {subject} to {COMPATIBILITY}, got {level}; allow the "
                "engine's user to set it, or set it yourself"
            )
        return versions

    def _versions(self, subject: str) -> list[_Version]:
        """All that is registered under a subject, the oldest first."""
        path = f"/subjects/{quote(subject)}/versions"
        numbers = self._ask("GET", path, absent=[])
        found = [self._ask("GET", f"{path}/{number}") for number in sorted(numbers)]
        return [_Version(one["id"], _fingerprint(one["schema"])) for one in found]

    def _demand_compatibility(self, subject: str) -> None:
        self._ask("PUT", f"/config/{quote(subject)}", {"compatibility": COMPATIBILITY})

    def _send_schema(self, subject: str, text: str) -> int:
        try:
            return int(self._ask("POST", f"/subjects/{quote(subject)}/versions", {"schema": text})["id"])
        except _Refused as refused:
            if refused.status in INCOMPATIBLE:
                raise _Incompatible(f"{subject}: {refused.reason}") from None
            raise

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None, *, absent: Any = None) -> Any:
        """The document of an answer; `absent`, if given, where there is none. What may pass is tried again."""
        pause = PAUSE_SECONDS_MIN
        for attempt in range(1, self._attempts_max + 1):
            try:
                return self._ask_once(method, path, body, absent)
            except Unavailable:
                if attempt == self._attempts_max:
                    raise
            self._sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
        raise AssertionError("the last attempt has raised")

    def _ask_once(self, method: str, path: str, body: Mapping[str, str] | None, absent: Any) -> Any:
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": _CONTENT_TYPE}
        try:
            response = self._http.request(method, self._url + path, content=content, headers=headers)
        except httpx.TransportError as error:
            who = f"the schema registry at {self._url}"
            if distrusted := distrust(error, who, self._ca_file, CA_FILE):
                raise RetoldError(distrusted) from None
            raise Unavailable(
                f"expected a schema registry at {self._url}, got: {str(error) or type(error).__name__}; start it, or "
                "correct kafka.schemaRegistry.url"
            ) from None
        if response.is_success:
            return self._document(response)
        if response.status_code == NOT_FOUND and absent is not None:
            return absent
        refused = _Refused(response, f"{self._url}{path}")
        if response.status_code in TRANSIENT:
            raise Unavailable(refused.message)
        raise refused

    def _document(self, response: httpx.Response) -> Any:
        try:
            return msgspec.json.decode(response.content)
        except msgspec.MsgspecError:
            raise RetoldError(
                f"expected a schema registry at {self._url}, got an answer that is no JSON: {response.text[:100]!r}; "
                "correct kafka.schemaRegistry.url"
            ) from None


class _Incompatible(RetoldError):
    """The registry does not take a schema."""


class _Refused(RetoldError):
    """The registry answered with an error."""

    def __init__(self, response: httpx.Response, place: str) -> None:
        self.status = response.status_code
        try:
            self.reason = str(msgspec.json.decode(response.content, type=dict[str, Any]).get("message", ""))
        except msgspec.MsgspecError:
            self.reason = response.text[:1000]
        super().__init__(
            f"expected the schema registry to answer {place}, got {self.status}: {self.reason}; check "
            "kafka.schemaRegistry, its user and what that user may do"
        )


def _subject(history: Sequence[str]) -> str:
    return parse(history[-1]).name


def _fingerprint(text: str) -> str:
    """In 16 hexadecimal digits; empty for a schema that the codec could not read."""
    try:
        return hexadecimal(fingerprint(parse(text)))
    except SchemaError:
        return ""


def _ids_of(families: Sequence[Sequence[_Version]]) -> SchemaIds:
    """Of several ids of one schema the oldest is written, and all are read."""
    known = {version.id: version.fingerprint for versions in families for version in versions if version.fingerprint}
    written: dict[str, int] = {}
    for number, name in known.items():
        written.setdefault(name, number)
    return SchemaIds(known=known, written=written)
