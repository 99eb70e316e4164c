"""docs/observability.md says what the code says: its tables have the rows that are made here, no more and no less."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr, TypeAdapter

from engine.config import settings_table
from engine.telemetry.attributes import ATTRIBUTES
from engine.telemetry.metrics import METRICS
from engine.telemetry.prometheus import label_name, prometheus_name

DOCUMENT = Path(__file__).parents[3] / "docs" / "observability.md"


def setting_rows() -> list[str]:
    rows = []
    for path, name, default, description in settings_table():
        if path[0] == "telemetry":
            rows.append(f"| `{'.'.join(path)}` | `{name}` | `{_shown(default)}` | {description} |")
    return rows


def attribute_rows() -> list[str]:
    return [f"| `{name}` | `{label_name(name)}` | {meaning} |" for name, meaning in ATTRIBUTES.items()]


def metric_rows() -> list[str]:
    return [
        f"| `{metric.name}` | `{prometheus_name(metric)}` | {metric.kind} | {metric.unit} | "
        f"{', '.join(f'`{label_name(label)}`' for label in metric.labels) or '–'} | {metric.help} |"
        for metric in METRICS
    ]


def _shown(default: object) -> str:
    if isinstance(default, SecretStr):
        return '""'
    if isinstance(default, timedelta):
        return str(TypeAdapter(timedelta).dump_python(default, mode="json"))
    return str(default).lower() if isinstance(default, bool) else str(default)


def table_below(heading: str) -> list[str]:
    """The rows of the first table below a heading, without its head."""
    _, found, text = DOCUMENT.read_text().partition(f"## {heading}\n")
    assert found, f"expected a heading {heading!r} in {DOCUMENT}"
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def test_the_settings_are_those_of_the_code() -> None:
    assert table_below("Settings") == setting_rows()


def test_the_attributes_are_those_of_the_code() -> None:
    assert table_below("Attributes") == attribute_rows()


def test_the_metrics_are_those_of_the_code() -> None:
    assert table_below("Metrics") == metric_rows()
