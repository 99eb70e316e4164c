"""The table of all settings: their names in YAML and in the environment, defaults, meanings; as a template too."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, SecretStr, TypeAdapter

from .section import camel
from .settings import Settings

ENVIRONMENT_PREFIX = "RETOLD_"


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
        lines += [f"{indent}# {description} ({name}){_shape(default)}", f"{indent}{path[-1]}: {_to_yaml(default)}"]
    return "\n".join(lines) + "\n"


def _shape(default: object) -> str:
    """How a list or a mapping is written in the environment, where no default shows what is in it."""
    if default == {}:
        return "; there NAME=VALUE,NAME=VALUE"
    return "; there A,B" if default == () else ""


_durations = TypeAdapter(timedelta)


def _to_yaml(value: object) -> str:
    if isinstance(value, timedelta):
        return str(_durations.dump_python(value, mode="json"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    if isinstance(value, SecretStr) or value == "":
        return '""'
    return "null" if value is None else str(value)
