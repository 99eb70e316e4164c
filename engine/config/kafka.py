"""The settings of Apache Kafka as the log, and of a schema registry."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from engine.core.ports import inbox_of

from .section import Duration, Secret, Section, WithoutLogin, Words, check_login

if TYPE_CHECKING:  # the embedded log needs none of it
    from engine.shell.kafka.connection import KafkaConnection
    from engine.shell.kafka.topics import TopicsWanted
    from engine.shell.schema_registry import RegistryConnection


class SchemaRegistrySettings(Section):
    """A schema registry that speaks Confluent's protocol."""

    url: Annotated[str, WithoutLogin] = Field(
        default="",
        pattern=r"^(https?://[^\s]+)?$",
        description="Base URL; not empty: records are written in Confluent's framing, schemas registered at the start.",
    )
    username: str = Field(default="", description="Name for basic authentication; empty: none.")
    password: Secret = Field(default=SecretStr(""), description="Password for basic authentication; secret.")
    ca_file: Path | None = Field(default=None, description="PEM file of the authority that signed its certificate.")

    def connection(self) -> RegistryConnection | None:
        """What a client needs to reach it; None without a URL."""
        if not self.url:
            return None
        from engine.shell.schema_registry import RegistryConnection

        return RegistryConnection(
            url=self.url, username=self.username, password=self.password.get_secret_value(), ca_file=self.ca_file
        )

    @model_validator(mode="after")
    def _login_that_is_whole(self) -> SchemaRegistrySettings:
        check_login(self.username, self.password)
        return self


#: Inputs that a partition reads besides two; each costs a request to the broker a second.
INBOXES_MAX = 32
_INBOX = re.compile(r"([a-zA-Z0-9_-]{1,64})=((?:user|client):[a-zA-Z0-9_~@.+-]{1,256})")


class KafkaSettings(Section):
    """Apache Kafka as the log; without bootstrap servers the log is the embedded one."""

    bootstrap_servers: str = Field(
        default="", description="host:port,host:port of some brokers; empty: the embedded log."
    )
    topic_prefix: str = Field(
        default="retold",
        pattern=r"^[a-zA-Z0-9._-]{1,200}$",
        description="Name of the installation: its topics are PREFIX.commands, PREFIX.internal and PREFIX.events.",
    )
    inboxes: Annotated[tuple[str, ...], Words] = Field(
        default=(),
        max_length=INBOXES_MAX,
        description="NAME=user:ID or NAME=client:ID: topic PREFIX.inbox.NAME has commands of that principal alone.",
    )
    create_topics: bool = Field(default=True, description="Whether missing topics are created.")
    replication_factor: int = Field(
        default=-1, ge=-1, le=100, description="Replicas of a topic that is created; -1: the broker's default."
    )
    min_insync_replicas: int = Field(
        default=1, gt=0, le=100, description="Replicas that must have a record before it counts; 2 of 3 in production."
    )
    retention: Duration | None = Field(
        default=None, description="How long records are kept in a topic that is created; not set: for ever."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How brokers are spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    sasl_username: str = Field(default="", description="Name of the principal.")
    sasl_password: Secret = Field(default=SecretStr(""), description="Its password; secret.")
    ssl_ca_file: Path | None = Field(default=None, description="PEM file of the authority of the brokers.")
    ssl_certificate_file: Path | None = Field(default=None, description="PEM file of our certificate, for mutual TLS.")
    ssl_key_file: Path | None = Field(default=None, description="PEM file of its key.")
    transaction_timeout: Duration = Field(
        default=timedelta(seconds=10),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=15),
        description="After it the broker ends a transaction that a paused owner left open, which held back readers.",
    )
    session_timeout: Duration = Field(
        default=timedelta(seconds=6),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=5),
        description="After it a silent engine is taken for dead; the broker's group.min.session.timeout.ms is 6 s.",
    )
    request_timeout: Duration = Field(
        default=timedelta(seconds=10), ge=timedelta(seconds=1), description="Longest wait for a broker's answer."
    )
    schema_registry: SchemaRegistrySettings = SchemaRegistrySettings()

    def connection(self) -> KafkaConnection:
        """What clients need to reach it."""
        from engine.shell.kafka.connection import KafkaConnection

        return KafkaConnection(
            servers=self.bootstrap_servers,
            prefix=self.topic_prefix,
            inboxes=tuple(text.partition("=")[0] for text in self.inboxes),
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            sasl_username=self.sasl_username,
            sasl_password=self.sasl_password.get_secret_value(),
            ca_file=self.ssl_ca_file,
            certificate_file=self.ssl_certificate_file,
            key_file=self.ssl_key_file,
            request_timeout=self.request_timeout.total_seconds(),
            transaction_timeout=self.transaction_timeout.total_seconds(),
            session_timeout=self.session_timeout.total_seconds(),
        )

    def inbox_claims(self) -> dict[str, str]:
        """Input of each inbox -> claims of whoever may write there."""
        return {inbox_of(name): claims for name, _, claims in (text.partition("=") for text in self.inboxes)}

    def topics(self, partition_count: int) -> TopicsWanted:
        """How its topics shall be."""
        from engine.shell.kafka.topics import TopicsWanted

        return TopicsWanted(
            partition_count=partition_count,
            create=self.create_topics,
            replication_factor=self.replication_factor,
            min_insync_replicas=self.min_insync_replicas,
            retention_ms=-1 if self.retention is None else round(self.retention.total_seconds() * 1000),
        )

    @field_validator("inboxes")
    @classmethod
    def _inboxes_by_name(cls, inboxes: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [text for text in inboxes if not _INBOX.fullmatch(text)]
        if wrong:
            raise ValueError(
                "expected NAME=user:ID or NAME=client:ID, the name of 1 to 64 letters, digits, _ and -, got "
                f"{', '.join(repr(text) for text in wrong)}; write for example orders=client:shop"
            )
        names = [text.partition("=")[0] for text in inboxes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected one principal for an inbox, got several for {', '.join(twice)}; name one")
        return inboxes

    @model_validator(mode="after")
    def _security_that_fits(self) -> KafkaSettings:
        """What would not be used is refused: its owner believes that it is."""
        protocol, has_registry = self.security_protocol, bool(self.schema_registry.url)
        has_tls, has_login = protocol.endswith("SSL"), protocol.startswith("SASL")
        certificate, key = self.ssl_certificate_file, self.ssl_key_file
        login = (self.sasl_username, self.sasl_password.get_secret_value())
        problems = [
            ((certificate is None) != (key is None), "sslCertificateFile and sslKeyFile together, got one of them"),
            (has_login and not all(login), f"saslUsername and saslPassword with {protocol}, got less; set both"),
            (
                any(login) and not has_login,
                f"no saslUsername and saslPassword with {protocol}, got some; set securityProtocol to SASL_SSL",
            ),
            (
                any((self.ssl_ca_file, certificate, key)) and not has_tls,
                f"no sslCaFile, sslCertificateFile and sslKeyFile with {protocol}, got some; set securityProtocol to "
                "SSL or SASL_SSL",
            ),
            (
                has_registry and not self.bootstrap_servers,
                "bootstrapServers with schemaRegistry.url, got none: the embedded log needs none",
            ),
            (
                bool(self.inboxes) and not self.bootstrap_servers,
                "bootstrapServers with inboxes, got none: whoever may use the directory of an embedded log is believed",
            ),
        ]
        if found := [f"expected {text}" for is_wrong, text in problems if is_wrong]:
            raise ValueError("; and ".join(found))
        return self
