"""compose.yaml without Docker: every name in it is found where the program that reads it looks."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from deployed import DEPLOY, ROOT, VARIABLE, compose, environment_of, mounts, ours, ports_of, read_yaml, services

from engine.cli.main import create_app
from engine.config import Settings, environment_names, load
from gateway.routes.observation import ROUTES

#: No shell, no program that could ask: the image holds the collector alone.
WITHOUT_HEALTH_CHECK = {"collector"}

#: A place in the network of the services: host and port.
PLACE = re.compile(r"(?:https?://|INTERNAL://|@|^)([a-z][a-z0-9-]*):(\d+)")

OURS = pytest.mark.parametrize("name", sorted(ours()))


def settings_of(name: str) -> Settings:
    return load(environment=environment_of(ours()[name]), overrides=options_of(name))


def options_of(name: str) -> dict[str, Any]:
    """What the command line of a service says; an error if `retold` has no such command or option."""
    command, *arguments = ours()[name]["command"]
    group = typer.main.get_command(create_app())
    found = group.get_command(None, command)  # type: ignore[attr-defined]
    assert found is not None, f"expected a command of retold, got {command}"
    return dict(found.make_context(command, arguments).params)


def test_a_whole_installation_is_there() -> None:
    assert {"kafka", "opensearch", "gateway", "collector", "jaeger", "prometheus", "grafana"} <= services().keys()
    assert [name for name in ours() if "engine" in settings_of(name).roles] == ["engine-1", "engine-2"]
    assert settings_of("gateway").roles == ("gateway",)


@OURS
def test_every_variable_is_a_setting_and_all_of_them_are_valid(name: str) -> None:
    assert environment_of(ours()[name]).keys() <= environment_names().keys()
    settings = settings_of(name)
    # the port is published on the loopback of the host only, which the container cannot know
    assert all("AUTHORIZATION IS OFF" in warning for warning in settings.warnings())
    assert settings.kafka.bootstrap_servers
    assert settings.opensearch.url


def test_all_machines_belong_to_one_installation() -> None:
    first, *others = (settings_of(name) for name in ours())
    for other in others:
        assert (other.kafka, other.opensearch, other.partitions) == (first.kafka, first.opensearch, first.partitions)


def test_images_are_pinned_by_version() -> None:
    for name, service in services().items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]) or "build" in service, f"{name}: {service['image']}"


def test_dependencies_exist_and_can_become_healthy() -> None:
    for name, service in services().items():
        for wanted, how in service.get("depends_on", {}).items():
            assert wanted in services(), f"{name} depends on {wanted}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services()[wanted], f"{name} waits for the health of {wanted}"


def test_every_mount_has_a_source_and_every_volume_a_user() -> None:
    named = set(compose()["volumes"])
    for name, source, target in mounts():
        assert target.startswith("/"), f"{name}: {target}"
        assert source in named or (ROOT / source).exists(), f"{name} mounts {source}"
    assert named == {source for _, source, _ in mounts() if not source.startswith(".")}


def test_no_machine_shares_its_data() -> None:
    users = [source for name, source, target in mounts() if name in ours() and target == "/data"]
    assert len(users) == len(set(users)) == len(ours())


def test_snapshots_are_shared_by_the_engines() -> None:
    targets = {name: target for name, source, target in mounts() if source == "snapshots"}
    for name in ("engine-1", "engine-2"):
        assert targets[name] == str(settings_of(name).snapshots.directory)


def test_ports_are_published_on_loopback_only_and_somebody_listens_there() -> None:
    published = []
    for name, service in services().items():
        for mapping in service.get("ports", ()):
            address, outside, inside = mapping.split(":")
            assert address == "127.0.0.1", f"{name}: {mapping}"
            assert int(inside) in ports_of(name), f"{name}: {mapping}"
            published.append(outside)
    assert len(published) == len(set(published))


def places() -> list[tuple[str, str, int]]:
    """Who names which place: in the environment of services and in the files that are mounted."""
    texts = [
        (f"{name}.{variable}", part)
        for name, service in services().items()
        for variable, value in service.get("environment", {}).items()
        for part in str(value).split(",")
    ]
    collector = read_yaml(DEPLOY / "collector.yaml")
    texts += [(f"collector {name}", exporter["endpoint"]) for name, exporter in collector["exporters"].items()]
    for job in read_yaml(DEPLOY / "prometheus.yml")["scrape_configs"]:
        texts += [("prometheus", target) for config in job["static_configs"] for target in config["targets"]]
    datasources = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    texts += [("grafana", source["url"]) for source in datasources]
    return [(who, found[1], int(found[2])) for who, text in texts for found in PLACE.finditer(text)]


def test_every_place_that_is_named_is_a_service_that_listens_there() -> None:
    assert len(places()) >= 15
    for who, host, port in places():
        if host != "localhost":
            assert host in services(), f"{who} names {host}"
            assert port in ports_of(host), f"{who} names {host}:{port}"


def test_kafka_tells_programs_on_the_host_the_port_that_is_published() -> None:
    advertised = services()["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    ((_, outside, _),) = (mapping.split(":") for mapping in services()["kafka"]["ports"])
    assert f"EXTERNAL://localhost:{outside}" in advertised.split(",")


def test_every_service_says_whether_it_is_well() -> None:
    assert {name for name, service in services().items() if "healthcheck" not in service} == WITHOUT_HEALTH_CHECK


@OURS
def test_the_health_check_asks_a_path_that_is_served(name: str) -> None:
    (found,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/[a-z/]*)", " ".join(ours()[name]["healthcheck"]["test"]))
    assert int(found[0]) == settings_of(name).port
    assert found[1] in {route.path for route in ROUTES}


def test_passwords_come_from_variables() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for line in text.splitlines():
        name, _, value = line.strip().partition(": ")
        if re.search("PASSWORD|SECRET|TOKEN", name) and not name.startswith("#"):
            assert VARIABLE.fullmatch(value), f"expected a variable with a default, got {line.strip()}"
