"""How Kafka is reached: what every client of it needs to know, and whether it can be reached at all.

Rule: whoever talks to Kafka gets its options here. Loads no client before one is wanted.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import Place

#: Seconds between two attempts of a client.
RETRY_SECONDS = 0.05


class KafkaConnection(Struct, frozen=True, kw_only=True):
    """Servers (`host:port,host:port`), the prefix of all names, security, and time-outs in seconds."""

    servers: str
    prefix: str = "retold"
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
    """Log in to any of the servers. Raises Unavailable when none answers, RetoldError when one refuses us."""
    from aiokafka import errors
    from aiokafka.conn import collect_hosts, create_conn

    options = _security_options(connection)
    found = []
    for host, port, _ in collect_hosts(connection.servers):
        try:
            opened = await create_conn(
                host, port, client_id=name, request_timeout_ms=round(connection.request_timeout * 1000), **options
            )
        except (
            errors.AuthenticationFailedError,
            errors.SaslAuthenticationFailed,
            errors.UnsupportedSaslMechanismError,
            errors.IllegalSaslStateError,
        ) as error:
            raise RetoldError(
                f"expected Kafka at {host}:{port} to accept user {connection.sasl_username!r} with "
                f"{connection.sasl_mechanism}, got: {error}; look at kafka.saslUsername, kafka.saslPassword and "
                "kafka.saslMechanism"
            ) from None
        except (OSError, errors.KafkaError, TimeoutError) as error:
            found.append(f"{host}:{port}: {str(error) or 'no answer in time'}")
        else:
            opened.close()
            return
    files = ", kafka.sslCaFile, kafka.sslCertificateFile" if connection.security_protocol.endswith("SSL") else ""
    raise Unavailable(
        f"expected Kafka to answer with {connection.security_protocol}, got: {'; '.join(found) or 'no server named'}; "
        f"start it, or look at kafka.bootstrapServers{files} and kafka.securityProtocol"
    )


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
    import ssl

    try:
        context = ssl.create_default_context(cafile=connection.ca_file)
        if connection.certificate_file is not None:
            context.load_cert_chain(connection.certificate_file, connection.key_file)
    except OSError as error:
        raise RetoldError(
            f"expected certificates that can be used, got: {error}; look at kafka.sslCaFile, kafka.sslCertificateFile "
            "and kafka.sslKeyFile"
        ) from None
    return context
