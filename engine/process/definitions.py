"""Process definitions: from a key to the executable graph.

The graphs are a memo of a pure function (the file's bytes decide them), so they are not state.
"""

from __future__ import annotations

from engine.bpmn.model import Process
from engine.bpmn.parse import parse
from engine.core.faults import NOT_FOUND, BrokenInvariant, Reject
from engine.core.state import View

from .parsed import ParsedFiles
from .tables import (
    DEFINITION_DEPLOYMENTS,
    DEFINITION_RESOURCES,
    DEFINITION_TAGS,
    DEFINITION_VERSIONS,
    DEFINITIONS,
    LATEST_VERSIONS,
    Definition,
)

#: Parsed files kept in memory, the oldest given up first.
GRAPHS_MAX = 500

_files = ParsedFiles(parse, GRAPHS_MAX)


def processes_of(checksum: bytes, resource: bytes, resource_name: str) -> tuple[Process, ...]:
    """The executable processes of a file. Raises ModelRefused."""
    return _files.read(checksum, resource, resource_name)


def find_definition(view: View, key: int) -> tuple[Definition, Process]:
    """A definition and its graph. Raises Reject NOT_FOUND."""
    definition = view.get(DEFINITIONS, key)
    if definition is None:
        raise Reject(NOT_FOUND, f"expected the key of a process definition, got {key}; deploy the process first")
    return definition, graph_of(view, key, definition)


def graph_of(view: View, key: int, definition: Definition) -> Process:
    graphs = _files.get(definition.checksum)
    if graphs is None:
        resource = view.get(DEFINITION_RESOURCES, key)
        if resource is None:
            raise BrokenInvariant(f"expected the file of process definition {key}, got none")
        graphs = processes_of(definition.checksum, resource, definition.bpmn_process_id)
    return next(graph for graph in graphs if graph.id == definition.bpmn_process_id)


def find_version(view: View, bpmn_process_id: str, version: int) -> int:
    """The key of a version of a process, -1 for the latest. Raises Reject NOT_FOUND."""
    wanted = version if version > 0 else view.get(LATEST_VERSIONS, bpmn_process_id)
    key = None if wanted is None else view.get(DEFINITION_VERSIONS, bpmn_process_id, wanted)
    if key is None:
        which = f"version {version}" if version > 0 else "a version"
        raise Reject(NOT_FOUND, f"expected {which} of process '{bpmn_process_id}', got none deployed; deploy it first")
    return key


def find_before(view: View, bpmn_process_id: str, version: int) -> int | None:
    """The key of the newest version before this one that the partition holds, which may have missed some."""
    keys = (view.get(DEFINITION_VERSIONS, bpmn_process_id, earlier) for earlier in range(version - 1, 0, -1))
    return next((key for key in keys if key is not None), None)


def find_tagged(view: View, bpmn_process_id: str, version_tag: str) -> int:
    """The key of the latest version of a process that has this version tag. Raises Reject NOT_FOUND."""
    key = view.get(DEFINITION_TAGS, bpmn_process_id, version_tag)
    if key is None:
        message = f"expected a version of process '{bpmn_process_id}' with the version tag '{version_tag}', got none"
        raise Reject(NOT_FOUND, f"{message}; deploy it first")
    return key


def find_deployed(view: View, bpmn_process_id: str, deployment_key: int) -> int:
    """The key of the version of a process that came with a deployment. Raises Reject NOT_FOUND."""
    key = view.get(DEFINITION_DEPLOYMENTS, bpmn_process_id, deployment_key)
    if key is None:
        message = f"expected process '{bpmn_process_id}' in the deployment of the calling process ({deployment_key})"
        raise Reject(NOT_FOUND, f"{message}, got none; deploy them together")
    return key
