"""How Kafka is reached: what every client of it needs to know, and whether it can be reached at all.

Rule: whoever talks to Kafka gets its options here. Loads no client before one is wanted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Place, inbox_of

#: Seconds between two attempts of a client.
RETRY_SECONDS = 0.05


class KafkaConnection(Struct, frozen=True, kw_only=True):
    """Servers (`host:port,host:port`), the prefix of all names, inboxes, security, and time-outs in seconds."""

    servers: str
    prefix: str = "retold"
    inboxes: Sequence[str] = ()
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: str = ""
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    request_timeout: float = 10.0
    transaction_timeout: float = 10.0
    session_timeout: float = 6.0

    @property
    def inputs(self) -> Sequence[str]:
        """As `Log.inputs`."""
        return (COMMANDS, *(inbox_of(name) for name in self.inboxes), INTERNAL)

    @property
    def topics(self) -> Sequence[str]:
        """All topics of the installation, as we call them."""
        return (*self.inputs, EVENTS)

    def topic(self, topic: str) -> str:
        """The name in Kafka of one of our topics."""
        return f"{self.prefix}.{topic}"

    def kafka_place(self, place: Place) -> tuple[str, int]:
        """Kafka's topic and partition of a place; Kafka counts from 0."""
        topic, partition = place
        return self.topic(topic), partition - 1

    def transactional_id(self, partition: int, index: int) -> str:
        """A partition's id at this index of its ring."""
        return f"{self.prefix}-{partition}-{index}"


def client_options(connection: KafkaConnection, name: str) -> dict[str, Any]:
    """Keyword arguments that every client of aiokafka takes. Raises RetoldError for a certificate that is no good."""
    from .repairs import repair

    repair()
    # What clients would log at every attempt is said once by the fault that comes of it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return {
        **_security_options(connection),
        "bootstrap_servers": connection.servers,
        "client_id": name,
        "request_timeout_ms": round(connection.request_timeout * 1000),
        "retry_backoff_ms": round(RETRY_SECONDS * 1000),
    }


async def reach(connection: KafkaConnection, name: str) -> None:
    """Log in to any of the servers. Raises Unavailable when none answers, RetoldError when one refuses us, or we it."""
    from aiokafka.conn import collect_hosts, create_conn
    from aiokafka.protocol.metadata import MetadataRequest

    from .errors import KAFKA_ERRORS

    options = _security_options(connection)
    timeout_ms = round(connection.request_timeout * 1000)
    found = []
    for host, port, _ in collect_hosts(connection.servers):
        try:
            opened = await create_conn(host, port, client_id=name, request_timeout_ms=timeout_ms, **options)
            try:
                await opened.send(MetadataRequest([]))  # the first one that is answered only to who is logged in
            finally:
                opened.close()
        except KAFKA_ERRORS as error:
            if refusal := _refusal(connection, f"{host}:{port}", error):
                raise RetoldError(refusal) from None
            found.append(f"{host}:{port} {_what_came(connection, error)}")
        else:
            return
    raise Unavailable(
        f"expected Kafka to answer with {connection.security_protocol}, got: {'; '.join(found) or 'no server named'}; "
        "start it, or look at kafka.bootstrapServers and kafka.securityProtocol"
    )


def _refusal(connection: KafkaConnection, server: str, error: Exception) -> str:
    """Why a server and we shall never come together with these settings; empty when that is not known."""
    from aiokafka import errors

    from engine.shell.certificates import distrust

    if distrusted := distrust(error, f"Kafka at {server}", connection.ca_file, "kafka.sslCaFile"):
        return distrusted
    expected = (
        f"expected Kafka at {server} to accept user {connection.sasl_username!r} with {connection.sasl_mechanism}"
    )
    if isinstance(error, errors.IllegalSaslStateError):
        without = connection.security_protocol.removeprefix("SASL_")
        return f"{expected}, got a listener without login; set kafka.securityProtocol to {without}, or name another"
    if isinstance(error, errors.UnsupportedSaslMechanismError):
        return f"{expected}, got a listener that knows other mechanisms; look at kafka.saslMechanism"
    if isinstance(error, (errors.AuthenticationFailedError, errors.SaslAuthenticationFailed)):
        return f"{expected}, got: {error}; look at kafka.saslUsername, kafka.saslPassword and kafka.saslMechanism"
    return ""


def _what_came(connection: KafkaConnection, error: Exception) -> str:
    """Instead of an answer. Brokers hang up, and say nothing, when they expect to be spoken to in another way."""
    from aiokafka import errors

    if isinstance(error, TimeoutError):
        return "gives no answer in time"
    if not isinstance(error, (errors.KafkaConnectionError, ConnectionResetError, ConnectionAbortedError)):
        return f"gives {error}"
    has_tls, has_login = connection.security_protocol.endswith("SSL"), connection.security_protocol.startswith("SASL")
    causes = ["wants no TLS", "wants another kafka.sslCertificateFile"] if has_tls else ["wants TLS"]
    return f"hangs up (a listener does that if it {' or '.join(causes)}{'' if has_login else ' or wants a login'})"


def _security_options(connection: KafkaConnection) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": connection.security_protocol}
    if connection.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = connection.sasl_mechanism
        options["sasl_plain_username"] = connection.sasl_username
        options["sasl_plain_password"] = connection.sasl_password
    if connection.security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(connection)
    return options


def _ssl_context(connection: KafkaConnection) -> Any:
    from engine.shell.certificates import trusting, unusable

    context = trusting(connection.ca_file, "kafka.sslCaFile")
    certificate, key = connection.certificate_file, connection.key_file
    if certificate is not None:
        for setting, file in (("kafka.sslCertificateFile", certificate), ("kafka.sslKeyFile", key)):
            if file is not None and not file.is_file():
                raise RetoldError(f"{setting}: expected a PEM file at {file}, got none; name another file")
        try:
            context.load_cert_chain(certificate, key, password="")  # never asks for one on the terminal
        except OSError as error:
            expected = f"a certificate whose key is in {key} (PEM without a password)"
            raise unusable("kafka.sslCertificateFile", certificate, expected, error) from None
    return context
