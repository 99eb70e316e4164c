"""An installation whose log is on Kafka, and the command line with its settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.integration.installation import PATIENCE, ROOT, Installation


class KafkaInstallation(Installation):
    """An engine on Kafka, and what outsiders need to reach its topics."""

    def __init__(self, directory: Path, servers: str, prefix: str, environment: Mapping[str, str]) -> None:
        self.servers, self.prefix = servers, prefix
        kafka = {"RETOLD_KAFKA_BOOTSTRAP_SERVERS": servers, "RETOLD_KAFKA_TOPIC_PREFIX": prefix}
        super().__init__(directory, environment={**kafka, **environment})

    def retold(self, *arguments: str, given: str = "", exit_code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the command line as a person would, with this engine's settings. Without `exit_code` it may be any."""
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli.main", *arguments],
            cwd=ROOT,
            env={**self.environment, "RETOLD_DATA": str(self.data), "RETOLD_URL": f"{self.url}/v2"},
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert exit_code in (None, done.returncode), f"{arguments}: {done}"
        return done
