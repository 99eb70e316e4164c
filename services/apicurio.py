"""Apicurio Registry: a schema registry that speaks Confluent's protocol, on a loopback port, with an H2 database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx

from .archives import Bundle
from .ports import free_ports
from .service import Service

BUNDLE = Bundle(
    name="apicurio-registry-3.3.3",
    group="io.apicurio",
    artifact="apicurio-registry-app",
    version="3.3.3",
    classifier="all",
)


class ApicurioRegistry(Service):
    """Apicurio Registry 3.3; what is registered is gone when it ends."""

    name = "apicurio"
    setting = "RETOLD_KAFKA_SCHEMA_REGISTRY_URL"
    test_setting = "RETOLD_TEST_SCHEMA_REGISTRY"

    def __init__(self, directory: Path, *, is_optimized: bool = False) -> None:
        super().__init__(directory, is_optimized=is_optimized)
        self._port, self._management_port = free_ports(2)

    @property
    def address(self) -> str:
        """Base URL of the API that is Confluent's."""
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def prepare(self) -> Sequence[str]:
        """Everything is said on the command line."""
        ports = {"http": self._port, "management": self._management_port}
        options = [
            f"-Dquarkus.{name}.{key}={value}" for name, port in ports.items() for key, value in _at(port).items()
        ]
        return (*options, "-jar", str(BUNDLE.folder() / "quarkus-run.jar"))

    def is_ready(self) -> bool:
        """Whether its database is set up."""
        try:
            return httpx.get(f"{self.address}/subjects").is_success
        except httpx.TransportError:
            return False


def _at(port: int) -> dict[str, str]:
    return {"host": "127.0.0.1", "port": str(port)}
