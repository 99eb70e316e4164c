"""Configuration: every setting with its default, from a YAML file and from `RETOLD_…` in the environment.

The environment wins over the file. All problems are reported at once. Both of the documentation's YAML examples for
Camunda 8 (`zeebe.broker.experimental.engine.batchOperation`, `exporters.camundaexporter.args`) are valid as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError, model_validator

from engine.config_section import Duration, Section, camel
from engine.config_telemetry import REVEALING, TelemetrySettings
from engine.core.faults import BadRequest
from engine.core.record import PARTITION_MAX
from engine.core.settings import MachineSettings

#: Above this chunk size there is a warning at the start.
CHUNK_SIZE_DISCOURAGED = 5000

ENVIRONMENT_PREFIX = "RETOLD_"

_ALIASES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("zeebe", "broker", "experimental", "engine", "batchOperation"): ("batchOperation",),
    ("zeebe", "broker", "experimental", "engine", "batchOperations"): ("batchOperation",),
    ("camunda", "processing", "engine", "batch-operations"): ("batchOperation",),
    ("exporters", "camundaexporter", "args", "batchOperation"): ("exporter", "batchOperation"),
}


class BatchOperationSettings(Section):
    """The table of the Camunda 8 documentation, "Batch operations: configuration"."""

    scheduler_interval: Duration = Field(
        default=timedelta(seconds=1),
        ge=timedelta(0),
        description="Longest time between two looks while background work waits for a retry.",
    )
    chunk_size: int = Field(
        default=1000, gt=0, description="Most items in one chunk record. Above 5000 a warning is logged."
    )
    db_chunk_size: int = Field(default=3500, gt=0, description="Pending items in one row of the state.")
    query_page_size: int = Field(default=10_000, gt=0, le=100_000, description="Items asked for in one query.")
    query_in_clause_size: int = Field(default=1000, gt=0, description="Most keys in one IN clause of a query.")
    query_retry_max: int = Field(default=3, ge=0, description="Times a failed query is tried again; 0 for never.")
    query_retry_initial_delay: Duration = Field(
        default=timedelta(seconds=1), gt=timedelta(0), description="Delay before the first retry."
    )
    query_retry_max_delay: Duration = Field(
        default=timedelta(seconds=60), gt=timedelta(0), description="Longest delay between retries."
    )
    query_retry_backoff_factor: float = Field(
        default=2.0, ge=1, le=100, description="Factor from one delay to the next."
    )
    slice_size: int = Field(
        default=20, gt=0, le=1000, description="Items that one step handles; smaller is kinder to users' commands."
    )
    skip_vanished_items: bool = Field(
        default=False, description="An item whose target has vanished is SKIPPED instead of FAILED."
    )
    watermark_timeout: Duration = Field(
        default=timedelta(seconds=60),
        gt=timedelta(0),
        description="Longest wait until secondary storage has caught up; then it counts as a failed query.",
    )

    @model_validator(mode="after")
    def _delays_in_order(self) -> BatchOperationSettings:
        if self.query_retry_max_delay < self.query_retry_initial_delay:
            raise ValueError("expected queryRetryMaxDelay to be at least queryRetryInitialDelay")
        return self


class ProcessSettings(Section):
    """What bounds a process instance."""

    step_effects_max: int = Field(
        default=1000,
        gt=0,
        le=10_000,
        description="Records of one instance in one step before others run; a large one counts once for every 4 KiB.",
    )
    continuation_rounds_max: int = Field(
        default=100, gt=0, description="Steps without a wait state before an incident is raised."
    )
    due_per_tick_max: int = Field(default=100, gt=0, le=10_000, description="Due timers that one step handles.")
    jobs_per_activation_max: int = Field(
        default=1000, gt=0, le=10_000, description="Most jobs that one activation gives out."
    )
    business_id_uniqueness: bool = Field(
        default=False, description="Whether two active root instances of a process may not have the same business id."
    )


class ExporterBatchOperation(Section):
    export_items_on_creation: bool = Field(
        default=True, description="Whether pending batch items are searchable at once; counts are exact either way."
    )


class ExporterSettings(Section):
    """The projection to secondary storage."""

    batch_operation: ExporterBatchOperation = ExporterBatchOperation()


class GatewaySettings(Section):
    """REST API."""

    in_flight_max: int = Field(
        default=512, gt=0, description="Unanswered commands per partition; beyond it 503 RESOURCE_EXHAUSTED."
    )
    awaiting_max: int = Field(
        default=1000, gt=0, description="Requests that wait for the end of an instance; beyond it 503."
    )
    request_timeout: Duration = Field(
        default=timedelta(seconds=30), gt=timedelta(0), description="Longest wait for an answer of the engine."
    )
    long_polling_timeout: Duration = Field(
        default=timedelta(seconds=10), gt=timedelta(0), description="Wait for jobs when a request does not say."
    )
    idempotency_timeout: Duration = Field(
        default=timedelta(hours=1), gt=timedelta(0), description="How long an Idempotency-Key is remembered."
    )
    body_size_max: int = Field(default=16 * 1024 * 1024, gt=0, description="Bytes of a JSON body.")


class LogSettings(Section):
    """The embedded log."""

    map_size: int = Field(default=64 * 1024**3, ge=1024**2, description="Most bytes of the log; the file is sparse.")


class StateSettings(Section):
    map_size: int = Field(
        default=16 * 1024**3, ge=1024**2, description="Most bytes of one partition's state; the file is sparse."
    )


class Settings(Section):
    """All settings."""

    data: Path = Field(default=Path("data"), description="Directory of the log, the state and the projection.")
    host: str = Field(
        default="127.0.0.1", description="Address to serve at. There is no authentication yet: keep it on loopback."
    )
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the REST API.")
    partitions: int = Field(
        default=2, gt=0, le=min(64, PARTITION_MAX), description="Number of partitions; fixed for the life of the log."
    )
    batch_operation: BatchOperationSettings = BatchOperationSettings()
    process: ProcessSettings = ProcessSettings()
    exporter: ExporterSettings = ExporterSettings()
    gateway: GatewaySettings = GatewaySettings()
    log: LogSettings = LogSettings()
    state: StateSettings = StateSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    def machine(self) -> MachineSettings:
        """The settings that reach the machine as an event."""
        batch, process = self.batch_operation, self.process
        return MachineSettings(
            chunk_size=batch.chunk_size,
            db_chunk_size=batch.db_chunk_size,
            query_page_size=batch.query_page_size,
            query_retry_max=batch.query_retry_max,
            query_retry_initial_delay_ms=_milliseconds(batch.query_retry_initial_delay),
            query_retry_max_delay_ms=_milliseconds(batch.query_retry_max_delay),
            query_retry_backoff_factor=batch.query_retry_backoff_factor,
            slice_size=batch.slice_size,
            skip_vanished_items=batch.skip_vanished_items,
            step_effects_max=process.step_effects_max,
            continuation_rounds_max=process.continuation_rounds_max,
            due_per_tick_max=process.due_per_tick_max,
            jobs_per_activation_max=process.jobs_per_activation_max,
            business_id_uniqueness=process.business_id_uniqueness,
            idempotency_timeout_ms=_milliseconds(self.gateway.idempotency_timeout),
        )

    def warnings(self) -> list[str]:
        """What is allowed and yet better not done."""
        texts = []
        size = self.batch_operation.chunk_size
        if size > CHUNK_SIZE_DISCOURAGED:
            texts.append(
                f"batchOperation.chunkSize is {size}: values above {CHUNK_SIZE_DISCOURAGED} press on exporters and "
                "come near the limit of 4 MiB per record"
            )
        return texts + [problem for problem in [self.telemetry.problem()] if problem]

    def for_processes(self) -> str:
        """JSON with the secrets in it, for the engine's own processes; nobody else may see it."""
        return self.model_dump_json(by_alias=True, context=REVEALING)


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)


def load(
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings in force: defaults, then the file, then the environment, then what the command line says.

    Raises BadRequest that lists every problem.
    """
    problems: list[str] = []
    tree = _read(file, problems) if file else {}
    environment = os.environ if environment is None else environment
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _NOT_SETTINGS:
            _set_from_environment(tree, name, value, problems)
    for name, setting in _STANDARD_NAMES.items():
        section = tree.setdefault("telemetry", {})
        if environment.get(name) and isinstance(section, dict):
            section.setdefault(setting, environment[name])
    tree.update({camel(name): value for name, value in (overrides or {}).items() if value is not None})
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems += [_describe(problem) for problem in error.errors()]
    if problems:
        raise BadRequest("expected a valid configuration, got:\n" + "\n".join(f"- {problem}" for problem in problems))
    return settings


#: RETOLD_… names that are not settings of the engine.
_NOT_SETTINGS = {"RETOLD_URL", "RETOLD_CONFIG"}

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
    if problem["loc"][:1] == ("telemetry",):
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
    parents = tree
    for parent in path[:-1]:
        parents = parents.setdefault(parent, {})
    parents[path[-1]] = value


def settings_table() -> list[tuple[tuple[str, ...], str, object, str]]:
    """Every setting: path in YAML, name in the environment, default, description."""
    return list(_walk(Settings, ()))


def _walk(section: type[BaseModel], path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str, object, str]]:
    rows: list[tuple[tuple[str, ...], str, object, str]] = []
    for name, field in section.model_fields.items():
        here = (*path, camel(name))
        if isinstance(field.default, BaseModel):
            rows += _walk(type(field.default), here)
        else:
            rows.append((here, _environment_name(here), field.default, field.description or ""))
    return rows


def _environment_name(path: tuple[str, ...]) -> str:
    words = ["".join(f"_{c}" if c.isupper() else c.upper() for c in part) for part in path]
    return ENVIRONMENT_PREFIX + "_".join(words)


def environment_names() -> dict[str, tuple[str, ...]]:
    """Name in the environment -> path in YAML."""
    return {name: path for path, name, _, _ in settings_table()}


def template() -> str:
    """A YAML file that lists every setting with its default, its meaning and its name in the environment."""
    lines = ["# Every setting of Retold with its default. Remove what you do not change."]
    written: tuple[str, ...] = ()
    for path, name, default, description in settings_table():
        for depth, part in enumerate(path[:-1]):
            if written[: depth + 1] != path[: depth + 1]:
                lines.append(f"{'  ' * depth}{part}:")
        written = path[:-1]
        indent = "  " * (len(path) - 1)
        lines += [f"{indent}# {description} ({name})", f"{indent}{path[-1]}: {_to_yaml(default)}"]
    return "\n".join(lines) + "\n"


_durations = TypeAdapter(timedelta)


def _to_yaml(value: object) -> str:
    if isinstance(value, timedelta):
        return str(_durations.dump_python(value, mode="json"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr):
        return '""'
    return str(value)
