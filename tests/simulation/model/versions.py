"""Versions of decisions and forms, by their ids: the latest, one by its tag, one by its deployment."""

from __future__ import annotations

from typing import Any

from engine.bpmn.model import Binding


class Versions:
    """Of one kind of thing on one partition."""

    def __init__(self) -> None:
        #: key -> (id, version, what it is)
        self.things: dict[int, tuple[str, int, Any]] = {}
        self._latest: dict[str, int] = {}
        self._tags: dict[tuple[str, str], int] = {}
        self._deployed: dict[tuple[str, int], int] = {}

    def add(self, key: int, id_: str, version: int, tag: str, deployment: int, thing: Any) -> None:
        self.things[key] = (id_, version, thing)
        self._latest[id_] = key
        self._deployed[id_, deployment] = key
        if tag:
            self._tags[id_, tag] = key

    def latest(self, id_: str) -> int | None:
        """The key of the latest version."""
        return self._latest.get(id_)

    def next_version(self, id_: str) -> int:
        return self.things[self._latest[id_]][1] + 1 if id_ in self._latest else 1

    def bound(self, id_: str, binding: Binding, deployment: int, tag: str) -> int | None:
        """The key of the version that is meant in a deployment; `tag`: the value of the binding's version tag."""
        if binding.type == "deployment":
            return self._deployed.get((id_, deployment))
        return self._tags.get((id_, tag)) if binding.type == "versionTag" else self._latest.get(id_)
