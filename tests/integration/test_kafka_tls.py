"""Brokers that want TLS, a login, or a certificate of their clients: what works, and what is said when it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from services import KafkaBroker
from tests.integration.installation import PATIENCE
from tests.integration.kafka_installation import KafkaInstallation
from tests.integration.test_kafka_access import add_documented_lists
from tests.service_fixtures import running
from tests.support.certificates import Authority
from tests.support.models import one_task

USER, PASSWORD, WRONG = "admin", "a password that nobody may see", "another that nobody may see"
CREATION = json.dumps(
    {
        "valueType": "PROCESS_INSTANCE_CREATION",
        "intent": "CREATE",
        "value": {"bpmnProcessId": "order", "bpmnVersion": -1},
    }
)
#: The name in a certificate is that of a user, who may do what the lists of the document say.
WITH_ACCESS_LISTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
}
#: Whatever speaks to Kafka, with its standard input.
COMMANDS: Mapping[tuple[str, ...], str] = {
    ("run", "--port", "0"): "",
    ("log",): "",
    ("produce",): CREATION,
    ("replay", "verify"): "",
}
STARTS = {("run", "--port", "0"): ""}


class Papers(Struct, frozen=True, kw_only=True):
    """PEM files: authorities, and certificates with their keys."""

    authority: Path
    broker: Path
    engine: Path
    foreign_authority: Path
    foreign_engine: Path


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    ours, foreign = (Authority(tmp_path_factory.mktemp(name), name) for name in ("ours", "foreign"))
    return Papers(
        authority=ours.file,
        broker=ours.issue("127.0.0.1", name="broker"),
        engine=ours.issue("engine.example", name="engine"),
        foreign_authority=foreign.file,
        foreign_engine=foreign.issue("engine.example", name="engine"),
    )


@pytest.fixture(scope="module")
def with_login(
    papers: Papers, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[KafkaBroker]:
    broker = KafkaBroker(tmp_path_factory.mktemp("login"), users={USER: PASSWORD}, certificate=papers.broker)
    with running(broker, pytestconfig):
        yield broker


@pytest.fixture(scope="module")
def with_certificates(
    papers: Papers, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[KafkaBroker]:
    folder = tmp_path_factory.mktemp("certificates")
    broker = KafkaBroker(
        folder, certificate=papers.broker, client_authority=papers.authority, properties=WITH_ACCESS_LISTS
    )
    with running(broker, pytestconfig):
        add_documented_lists(broker)
        yield broker


def installation(directory: Path, broker: KafkaBroker, **settings: object) -> KafkaInstallation:
    """With these settings of `kafka`, in words of the environment; None: not set."""
    given = {"SECURITY_PROTOCOL": broker.security_protocol, **settings}
    environment = {f"RETOLD_KAFKA_{name}": str(value) for name, value in given.items() if value is not None}
    return KafkaInstallation(directory, broker.address, "retold", environment)


def login(papers: Papers, **others: object) -> Mapping[str, object]:
    return {"SASL_USERNAME": USER, "SASL_PASSWORD": PASSWORD, "SSL_CA_FILE": papers.authority, **others}


def certificate(papers: Papers, file: Path | None, **others: object) -> Mapping[str, object]:
    return {"SSL_CA_FILE": papers.authority, "SSL_CERTIFICATE_FILE": file, "SSL_KEY_FILE": file, **others}


def prove_work(engine: KafkaInstallation) -> None:
    """One instance over REST, one by hand; the log is read, verified and decided again."""
    with engine:
        sent = {"resources": ("order.bpmn", one_task("order"), "text/xml")}
        httpx.post(f"{engine.url}/v2/deployments", files=sent, timeout=PATIENCE).raise_for_status()
        body = {"processDefinitionId": "order"}
        httpx.post(f"{engine.url}/v2/process-instances", json=body, timeout=PATIENCE).raise_for_status()
        assert engine.retold("produce", given=CREATION).stdout.startswith("line 1: ACCEPTED")
    created = engine.retold("log", "--type", "PROCESS_INSTANCE_CREATION", "--json").stdout
    assert created.count('"CREATED"') == 2, created
    for audit in ("verify", "rerun"):
        assert json.loads(engine.retold("replay", audit, "--json").stdout)["ok"], audit


def test_an_installation_over_tls_with_a_login(
    tmp_path: Path, with_login: KafkaBroker, papers: Papers, capfd: pytest.CaptureFixture[str]
) -> None:
    prove_work(installation(tmp_path, with_login, **login(papers)))
    said = "".join(capfd.readouterr())
    assert PASSWORD not in said
    assert PASSWORD.encode() not in b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_an_installation_with_certificates_on_both_sides(
    tmp_path: Path, with_certificates: KafkaBroker, papers: Papers
) -> None:
    prove_work(installation(tmp_path, with_certificates, **certificate(papers, papers.engine)))


def check_refusals(
    engine: KafkaInstallation, expected: str, commands: Mapping[tuple[str, ...], str] = COMMANDS
) -> None:
    """Whatever speaks to Kafka says so in one line, and ends badly."""
    for arguments, given in commands.items():
        done = engine.retold(*arguments, given=given, exit_code=None)
        assert done.returncode in (1, 3), f"{arguments}: {done}"
        (line,) = done.stderr.splitlines()
        assert re.search(f"^error: .*{expected}", line), f"{arguments}: {line}"
        assert done.stdout == ""
        assert not any(secret in line for secret in (PASSWORD, WRONG)), line


def test_what_a_broker_with_a_login_refuses(tmp_path: Path, with_login: KafkaBroker, papers: Papers) -> None:
    plain = {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SSL_CA_FILE": None}
    without_login = {"SECURITY_PROTOCOL": "SSL", "SASL_USERNAME": None, "SASL_PASSWORD": None}
    for settings, expected in (
        ({"SSL_CA_FILE": papers.foreign_authority}, "by the authority in .* got: unable to get .* set kafka.sslCaFile"),
        ({"SASL_PASSWORD": WRONG}, "to accept user 'admin' with SCRAM-SHA-512, .* look at .* kafka.saslPassword"),
        (plain, r"hangs up \(a listener does that if it wants TLS\).* kafka.securityProtocol"),
        (without_login, r"hangs up \(a listener does that if .* or wants a login\).* kafka.securityProtocol"),
    ):
        check_refusals(installation(tmp_path, with_login, **login(papers, **settings)), expected)
    for settings, expected in (
        ({"SSL_CA_FILE": None}, "by an authority that the system trusts, got: .* set kafka.sslCaFile"),
        ({"SSL_CA_FILE": "missing.pem"}, "kafka.sslCaFile: expected a PEM file .* got: No such file or directory"),
    ):
        check_refusals(installation(tmp_path, with_login, **login(papers, **settings)), expected, STARTS)


def test_what_a_broker_that_wants_certificates_refuses(
    tmp_path: Path, with_certificates: KafkaBroker, papers: Papers
) -> None:
    hung_up = r"hangs up \(a listener does that if it .* or wants another kafka.sslCertificateFile"
    missing = certificate(papers, None)
    check_refusals(installation(tmp_path, with_certificates, **missing), hung_up)
    user = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": USER, "SASL_PASSWORD": PASSWORD}
    for settings, expected in (
        (certificate(papers, papers.foreign_engine), hung_up),
        (
            certificate(papers, papers.engine, SSL_KEY_FILE=papers.foreign_engine),
            "kafka.sslCertificateFile: expected a certificate whose key is in .* key values mismatch",
        ),
        (certificate(papers, papers.engine, **user), "got a listener without login; set .* to SSL"),
    ):
        check_refusals(installation(tmp_path, with_certificates, **settings), expected, STARTS)
