"""What Prometheus, the collector and Grafana are told: every metric, label, service and file in it exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from deployed import DEPLOY, environment_of, mounts, ours, read_yaml

from engine.telemetry.metrics import HISTOGRAM, METRICS
from engine.telemetry.prometheus import label_name, prometheus_name
from gateway.routes.observation import ROUTES

DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/retold.json").read_text())
METRIC = re.compile(r"\b(?:retold|http|process|zeebe)_[a-z_]+|\bup(?=[{ ])")
BY = re.compile(r"\bby \(([a-zA-Z_, ]*)\)")
MATCHERS = re.compile(r"\{([^}]*)\}")

#: What Prometheus adds to every sample.
ADDED = {"instance", "job"}


def labels_by_name() -> Mapping[str, set[str]]:
    """Every name that /metrics shows, with its labels."""
    found = {"up": set(ADDED)}
    for metric in METRICS:
        name = prometheus_name(metric)
        labels = {label_name(label) for label in metric.labels} | ADDED
        if metric.kind == HISTOGRAM:
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            yield panel


def expressions() -> list[str]:
    rules = read_yaml(DEPLOY / "alerts.yml")["groups"]
    return [
        *(target["expr"] for panel in panels() for target in panel["targets"]),
        *(rule["expr"] for group in rules for rule in group["rules"]),
    ]


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_is_shown_with_the_labels_that_are_asked_for(expression: str) -> None:
    known = labels_by_name()
    bare = MATCHERS.sub("{}", BY.sub("", expression))
    names = set(METRIC.findall(bare))
    assert names, f"expected a metric in {expression}"
    assert names <= known.keys(), f"nobody shows {names - known.keys()}"
    wanted = {label.strip() for found in BY.findall(expression) for label in found.split(",") if label.strip()}
    wanted |= {re.split("[=!]", part)[0].strip() for found in MATCHERS.findall(expression) for part in found.split(",")}
    for name in names:
        assert wanted <= known[name], f"{name} has no {wanted - known[name]}"


def test_every_metric_of_batch_operations_is_on_the_dashboard() -> None:
    text = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    shown = {metric.name for metric in METRICS if prometheus_name(metric) in text}
    wanted = {metric.name for metric in METRICS if "batch" in metric.name}
    # the one is a size that is read beside the others, the other a limit that was asked for
    assert wanted - shown == {"zeebe.batchoperations.items.total", "retold.batch_operation.rate"}


def test_legends_name_labels_that_are_kept() -> None:
    for panel in panels():
        for target in panel["targets"]:
            kept = {label.strip() for found in BY.findall(target["expr"]) for label in found.split(",")}
            assert set(re.findall(r"\{\{([a-zA-Z_]+)\}\}", target["legendFormat"])) <= kept, panel["title"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_dashboard_is_provisioned_with_its_data_source() -> None:
    sources = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    uids = {source["uid"] for source in sources}
    assert {panel["datasource"]["uid"] for panel in panels()} <= uids
    (provider,) = read_yaml(DEPLOY / "grafana/provisioning/dashboards/retold.yaml")["providers"]
    mounted = {target: source for name, source, target in mounts() if name == "grafana"}
    assert mounted[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"


def test_prometheus_asks_every_machine_at_its_port() -> None:
    (job,) = read_yaml(DEPLOY / "prometheus.yml")["scrape_configs"]
    targets = {target for config in job["static_configs"] for target in config["targets"]}
    assert targets == {f"{name}:{environment_of(service)['RETOLD_PORT']}" for name, service in ours().items()}
    assert job.get("metrics_path", "/metrics") in {route.path for route in ROUTES}


def test_prometheus_finds_its_rules() -> None:
    (rules,) = read_yaml(DEPLOY / "prometheus.yml")["rule_files"]
    mounted = {target: source for name, source, target in mounts() if name == "prometheus"}
    assert mounted[f"/etc/prometheus/{rules}"] == f"./deploy/{rules}"


def test_the_collector_uses_what_it_declares() -> None:
    collector = read_yaml(DEPLOY / "collector.yaml")
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) == set(collector[kind])
