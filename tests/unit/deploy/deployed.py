"""What the deployment files say, read as the programs that use them do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"

VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")

#: service -> ports that its programs listen at in the container; Kafka's and ours are found in their settings.
WELL_KNOWN_PORTS = {
    "opensearch": {9200},
    "collector": {4318},
    "jaeger": {4317, 16686},
    "prometheus": {9090},
    "grafana": {3000},
}


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def compose() -> dict[str, Any]:
    """compose.yaml with every variable at its default."""
    document: dict[str, Any] = yaml.safe_load(VARIABLE.sub(lambda found: found[2], (ROOT / "compose.yaml").read_text()))
    return document


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """Services that run `retold`."""
    return {name: service for name, service in services().items() if "build" in service}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: word and the rest."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def image_environment() -> dict[str, str]:
    """What the last stage of the image sets."""
    found: dict[str, str] = {}
    for word, rest in instructions():
        if word == "FROM":
            found = {}
        elif word == "ENV":
            found |= dict(part.split("=", 1) for part in shlex.split(rest))  # type: ignore[misc]
    return found


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """The RETOLD_… variables of a service that runs `retold`."""
    everything = {**image_environment(), **service["environment"]}
    return {name: value for name, value in everything.items() if name.startswith("RETOLD_")}


def ports_of(name: str) -> set[int]:
    """The ports at which a service can be reached by others."""
    service = services()[name]
    if "build" in service:
        return {int(environment_of(service)["RETOLD_PORT"])}
    if name == "kafka":
        return {int(one.rpartition(":")[2]) for one in service["environment"]["KAFKA_LISTENERS"].split(",")}
    return WELL_KNOWN_PORTS[name]


def mounts() -> Iterator[tuple[str, str, str]]:
    """Service, source and target of every mount."""
    for name, service in services().items():
        for mount in service.get("volumes", ()):
            source, target, *_ = mount.split(":")
            yield name, source, target
