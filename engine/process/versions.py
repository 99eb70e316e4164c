"""Versions of what elements name by an id, decisions and forms: the latest, one by its tag, one by its deployment.

Process definitions count their versions in tables of another shape: see `definitions`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from engine.bpmn.feel import Expression
from engine.bpmn.model import Binding
from engine.core.faults import NOT_FOUND, Reject
from engine.core.state import Table, View


class Versions(Struct, frozen=True, kw_only=True):
    """Where the keys of one kind of thing are found; `kind` is what it is called."""

    kind: str
    #: (id,) -> key
    latest: Table[int]
    #: (id, version tag) -> key
    tags: Table[int]
    #: (id, deployment key) -> key
    deployed: Table[int]

    def find_latest(self, view: View, id_: str) -> int:
        """The key of the latest version. Raises Reject NOT_FOUND."""
        return _found(view.get(self.latest, id_), f"expected a {self.kind} '{id_}', got none deployed")

    def find_bound(
        self, view: View, id_: str, binding: Binding, deployment_key: int, read: Callable[[Expression], str]
    ) -> int:
        """The key of the version that a process of this deployment means; `read` evaluates the version tag.

        Raises Reject NOT_FOUND, and what `read` raises.
        """
        if binding.type == "deployment":
            message = f"expected {self.kind} '{id_}' in the deployment of the process ({deployment_key}), got none"
            return _found(view.get(self.deployed, id_, deployment_key), message)
        if binding.type == "versionTag" and binding.version_tag is not None:
            tag = read(binding.version_tag)
            message = f"expected a version of {self.kind} '{id_}' with the version tag '{tag}', got none"
            return _found(view.get(self.tags, id_, tag), message)
        return self.find_latest(view, id_)


def _found(key: int | None, message: str) -> int:
    if key is None:
        raise Reject(NOT_FOUND, f"{message}; deploy it first")
    return key
