"""The settings of telemetry: off by default, standard names, and a secret that is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import Settings, load
from engine.config.telemetry import parse_headers
from engine.core.faults import BadRequest
from engine.telemetry.settings import TelemetrySettings

SECRET = "a-secret-that-nobody-may-see"


def wanted(**environment: str) -> TelemetrySettings:
    return load(environment=environment).telemetry.wanted()


def test_everything_is_off_and_stays_on_this_machine_by_default() -> None:
    settings = wanted()
    assert (settings.traces, settings.metrics, settings.endpoint) == (False, False, "http://127.0.0.1:4318")
    assert settings == TelemetrySettings()


def test_the_names_of_opentelemetry_are_understood_and_ours_win() -> None:
    standard = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318",
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20abc, x-team = a ",
        "OTEL_SERVICE_NAME": "orders",
    }
    settings = wanted(**standard)
    assert (settings.endpoint, settings.service_name) == ("https://collector:4318", "orders")
    assert settings.headers == {"authorization": "Bearer abc", "x-team": "a"}
    ours = wanted(**standard, RETOLD_TELEMETRY_ENDPOINT="http://localhost:1", RETOLD_TELEMETRY_HEADERS="a=b")
    assert (ours.endpoint, ours.headers) == ("http://localhost:1", {"a": "b"})


def test_a_file_wins_over_the_names_of_opentelemetry(tmp_path: Path) -> None:
    file = tmp_path / "retold.yaml"
    file.write_text("telemetry: {serviceName: mine, traces: true, metricInterval: PT5S}\n")
    settings = load(file, environment={"OTEL_SERVICE_NAME": "theirs"}).telemetry.wanted()
    assert (settings.service_name, settings.traces, settings.metric_interval) == ("mine", True, 5.0)


def test_the_secret_goes_to_the_processes_and_is_shown_nowhere() -> None:
    settings = load(environment={"RETOLD_TELEMETRY_HEADERS": f"a={SECRET}"})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())
    assert SECRET not in settings.model_dump_json()
    again = Settings.model_validate_json(settings.for_processes())
    assert again.telemetry.wanted().headers == {"a": SECRET}


@pytest.mark.parametrize(
    "text",
    [
        f"headers: '{SECRET}'",
        f"header: {SECRET}",
        f"headers: [{SECRET}]",
        f"headers: 'a b={SECRET}'",
        f"[{SECRET}]",
    ],
)
def test_a_mistake_does_not_show_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "retold.yaml"
    file.write_text(f"telemetry:\n  {text}\n")
    with pytest.raises(BadRequest) as refused:
        load(file, environment={})
    assert "telemetry" in refused.value.message
    assert SECRET not in refused.value.message


def test_a_file_that_is_no_yaml_does_not_show_it(tmp_path: Path) -> None:
    file = tmp_path / "retold.yaml"
    file.write_text(f"telemetry:\n  headers: '{SECRET}\n")
    with pytest.raises(BadRequest, match="in line 3, column 1") as refused:
        load(file, environment={})
    assert SECRET not in refused.value.message


@pytest.mark.parametrize("value", ["collector:4318", "ftp://collector", "http://", "http://a b"])
def test_an_endpoint_is_a_url(value: str) -> None:
    with pytest.raises(BadRequest, match=r"telemetry\.endpoint"):
        wanted(RETOLD_TELEMETRY_ENDPOINT=value)


@pytest.mark.parametrize(
    ("name", "value"), [("SAMPLE_RATIO", "1.1"), ("ITEM_SAMPLE_RATIO", "-1"), ("METRIC_INTERVAL", "PT0S")]
)
def test_limits_of_numbers(name: str, value: str) -> None:
    with pytest.raises(BadRequest, match="telemetry"):
        wanted(**{f"RETOLD_TELEMETRY_{name}": value})


def test_a_line_break_is_no_header() -> None:
    with pytest.raises(ValueError, match="expected headers"):
        parse_headers("a=b%0d%0ac")


def test_a_secret_over_plain_http_to_another_machine_is_warned_of() -> None:
    secret = {"RETOLD_TELEMETRY_TRACES": "true", "RETOLD_TELEMETRY_HEADERS": "a=b"}
    for endpoint, count in (("http://collector:4318", 1), ("https://collector:4318", 0), ("http://localhost:1", 0)):
        assert len(load(environment={**secret, "RETOLD_TELEMETRY_ENDPOINT": endpoint}).warnings()) == count
