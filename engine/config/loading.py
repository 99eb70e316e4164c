"""Reads settings from a YAML file, the environment and the command line; all problems are reported at once.

Both of the documentation's YAML examples for Camunda 8 (`zeebe.broker.experimental.engine.batchOperation`,
`exporters.camundaexporter.args`) are valid as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.core.faults import BadRequest

from .section import camel
from .settings import Settings
from .table import ENVIRONMENT_PREFIX, environment_names

_ALIASES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("zeebe", "broker", "experimental", "engine", "batchOperation"): ("batchOperation",),
    ("zeebe", "broker", "experimental", "engine", "batchOperations"): ("batchOperation",),
    ("camunda", "processing", "engine", "batch-operations"): ("batchOperation",),
    ("exporters", "camundaexporter", "args", "batchOperation"): ("exporter", "batchOperation"),
}


def load(
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings in force: defaults, then the file, then the environment, then what the command line says.

    The names of `overrides` are those of the fields, with a dot before one in a section: `kafka.topic_prefix`.
    Raises BadRequest that lists every problem.
    """
    problems: list[str] = []
    tree = _read(file, problems) if file else {}
    environment = os.environ if environment is None else environment
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(_NOT_SETTINGS):
            _set_from_environment(tree, name, value, problems)
    for name, setting in _STANDARD_NAMES.items():
        section = tree.setdefault("telemetry", {})
        if environment.get(name) and isinstance(section, dict):
            section.setdefault(setting, environment[name])
    for name, override in (overrides or {}).items():
        if override is not None:
            _set(tree, tuple(map(camel, name.split("."))), override)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems += [_describe(problem) for problem in error.errors()]
    if problems:
        raise BadRequest("expected a valid configuration, got:\n" + "\n".join(f"- {problem}" for problem in problems))
    return settings


#: How RETOLD_… names begin that are not settings of the engine: of clients, and of tests and their services.
_NOT_SETTINGS = (
    *("RETOLD_URL", "RETOLD_CONFIG", "RETOLD_USERNAME", "RETOLD_PASSWORD", "RETOLD_TOKEN"),
    *("RETOLD_TEST_", "RETOLD_SERVICES_"),
)

#: Names that OpenTelemetry gives to settings of `telemetry`; ours win.
_STANDARD_NAMES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "endpoint",
    "OTEL_EXPORTER_OTLP_HEADERS": "headers",
    "OTEL_SERVICE_NAME": "serviceName",
}


#: What was expected, by the kind of pydantic's error; in braces what the error knows of the limit.
_EXPECTED = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "string_too_short": "a text",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "path_type": "a path",
    "time_delta_parsing": "a duration such as PT1.5S",
    "time_delta_type": "a duration such as PT1.5S",
    "model_type": "a section with settings",
}


def _describe(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "configuration"
    if problem["type"] == "value_error":
        return f"{place}: {problem['ctx']['error']}"
    if problem["type"] == "extra_forbidden":
        return f"{place}: expected the name of a setting, got another; see `retold config template`"
    known = _EXPECTED.get(problem["type"])
    expected = (
        problem["msg"].removeprefix("Input should be ") if known is None else known.format_map(problem.get("ctx", {}))
    )
    if problem["loc"][:1] == ("telemetry",) or place.endswith("assword") or "@" in str(problem["input"]):
        return f"{place}: expected {expected}"  # it may be a secret, under whatever name
    return f"{place}: expected {expected}, got {problem['input']!r}"


def _read(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(file.read_text())
    except OSError as error:
        raise BadRequest(f"expected a configuration file at {file}, got: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise BadRequest(f"expected YAML in {file}, got: {_describe_yaml(error)}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BadRequest(f"expected a mapping of settings in {file}, got {type(tree).__name__}")
    result: dict[str, Any] = {}
    for path, value in _leaves(tree):
        target = _translate(path)
        if not _put(result, target, value):
            problems.append(f"{'.'.join(path)}: expected one value, got two")
    return result


def _describe_yaml(error: yaml.YAMLError) -> str:
    """Without the text around the place, which may be a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return type(error).__name__


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, value in tree.items():
        here = (*path, str(name))
        found += _leaves(value, here) if isinstance(value, dict) and value else [(here, value)]
    return found


def _translate(path: tuple[str, ...]) -> tuple[str, ...]:
    """Camunda's names become ours; a key in kebab-case becomes camelCase."""
    for prefix, ours in _ALIASES.items():
        if path[: len(prefix)] == prefix:
            path = (*ours, *path[len(prefix) :])
    return tuple(camel(part.replace("-", "_")) if "-" in part else part for part in path)


def _put(tree: dict[str, Any], path: tuple[str, ...], value: object) -> bool:
    *parents, name = path
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            return False
        tree = below
    return tree.setdefault(name, value) is value


def _set_from_environment(tree: dict[str, Any], name: str, value: str, problems: list[str]) -> None:
    path = environment_names().get(name)
    if path is None:
        problems.append(f"{name}: expected the name of a setting, such as RETOLD_BATCH_OPERATION_CHUNK_SIZE")
        return
    _set(tree, path, value)


def _set(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for parent in path[:-1]:
        tree = tree.setdefault(parent, {})
    tree[path[-1]] = value
