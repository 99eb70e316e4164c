"""Who may import whom (design section 6)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: room -> rooms of ours that it may import. Inward only; the composition root may import everything.
MAY_IMPORT: dict[str, set[str]] = {
    "engine.records": set(),
    "engine.core": {"engine.records"},
    "engine.bpmn": set(),
    "engine.dmn": {"engine.bpmn"},
    "engine.process": {"engine.core", "engine.records", "engine.bpmn", "engine.dmn"},
    "engine.identity": {"engine.core", "engine.records", "engine.process"},
    "engine.batch": {"engine.core", "engine.records", "engine.bpmn", "engine.process", "engine.identity"},
    "engine.operations": {"engine.core", "engine.records", "engine.process", "engine.batch"},
    "engine.shell": {"engine.core", "engine.records"},
    "engine.telemetry": {"engine.core", "engine.records", "engine.shell", "exporters", "gateway"},
    "engine.roles": {
        *("engine.core", "engine.records", "engine.bpmn", "engine.shell", "engine.telemetry"),
        *("exporters", "gateway", "engine.assembly", "engine.config"),
    },
    "exporters": {"engine.core", "engine.records", "engine.shell"},
    "gateway": {"engine.core", "engine.records", "engine.shell", "exporters"},
    "replay": {"engine.core", "engine.records", "engine.shell", "exporters", "engine.assembly"},
}

PURE = (
    "engine.records",
    "engine.core",
    "engine.bpmn",
    "engine.dmn",
    "engine.process",
    "engine.identity",
    "engine.batch",
    "engine.operations",
)


def modules() -> dict[str, Path]:
    """Module name -> file, of everything that is not a test."""
    found: dict[str, Path] = {}
    for top in ("engine", "exporters", "gateway", "replay"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(name: str, path: Path, *, top_level_only: bool = False) -> set[str]:
    """Absolute names that a module imports; those under TYPE_CHECKING count."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found |= {
                f"{origin}.{alias.name}" if f"{origin}.{alias.name}" in MODULES else origin for alias in node.names
            }
    return found


def room_of(name: str) -> str | None:
    """The room a module belongs to; None for the composition root."""
    return next((room for room in MAY_IMPORT if name == room or name.startswith(room + ".")), None)


@pytest.mark.parametrize("name", [name for name in MODULES if room_of(name)])
def test_rooms_are_imported_inward_only(name: str) -> None:
    room = room_of(name)
    assert room is not None
    for imported in imports_of(name, MODULES[name]):
        if imported.split(".")[0] not in ("engine", "exporters", "gateway", "replay") or room_of(imported) == room:
            continue
        target = room_of(imported) or imported
        assert target in MAY_IMPORT[room], f"{name} imports {imported}; {room} may import {sorted(MAY_IMPORT[room])}"


def test_there_are_no_cycles() -> None:
    """At import time. A package's face (`__init__`) collects its modules, which may name each other: it is left out."""
    plain = {name: path for name, path in MODULES.items() if path.name != "__init__.py"}
    graph = {name: imports_of(name, path, top_level_only=True) & plain.keys() for name, path in plain.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for imported in sorted(graph[name]):
                visit(imported, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_processors_change_nothing() -> None:
    """State is changed by appliers: in the pure folders `put` and `delete` are called on `state` only."""
    for name, path in MODULES.items():
        if (room_of(name) or "") not in PURE or name.startswith(("engine.core", "engine.bpmn", "engine.dmn")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                changes = node.func.attr in ("put", "delete", "delete_row")
                owner = ast.unparse(node.func.value)
                assert not changes or owner == "state", f"{name}:{node.lineno} calls {owner}.{node.func.attr}"


def test_broad_handlers_are_where_the_design_says() -> None:
    """`except Exception` only where law 12 is carried out, in the exporter's pump, and around what any store, or any
    part that is watched, answers."""
    allowed = {"engine.core.machine", "exporters.pump", "engine.shell.background", "engine.telemetry.registry"}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name):
                broad = node.type.id in ("Exception", "BaseException")
                reraises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in node.body)
                assert not broad or reraises or name in allowed, f"{name}:{node.lineno} handles {node.type.id}"
