"""The settings of authorization: what belongs together, what is warned of, and what stays secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import load
from engine.core.faults import BadRequest

SECRET = "s" * 32


def authorization(**settings: str) -> dict[str, str]:
    return {f"RETOLD_AUTHORIZATION_{name.upper()}": value for name, value in settings.items()}


def test_it_is_off_and_that_is_warned_of_beyond_loopback() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        assert load(environment={"RETOLD_HOST": host}).warnings() == []
    for host in ("0.0.0.0", "::", "10.0.0.1", "engine.example.org"):
        (warning,) = load(environment={"RETOLD_HOST": host}).warnings()
        assert "AUTHORIZATION IS OFF" in warning
    on = authorization(enabled="true", admin_username="root", admin_password="p")
    (warning,) = load(environment={"RETOLD_HOST": "0.0.0.0", **on}).warnings()
    assert "TLS" in warning
    assert not load(environment={}).machine().authorization_enabled
    assert load(environment=on).machine().authorization_enabled


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (authorization(enabled="true", admin_username="root"), "adminPassword"),
        (authorization(admin_password="my secret"), "adminUsername"),
        (authorization(admin_username="r", admin_password="my secret", admin_password_file="f"), "leave one out"),
        (authorization(oidc_issuer="https://id.example.org"), "audience and jwksUrl"),
        (
            authorization(oidc_issuer="i", oidc_audience="a", oidc_jwks_url="http://127.0.0.1.example.org/keys"),
            "https://",
        ),
        (authorization(claims_secret="my secret"), "at least 32 characters"),
        ({**authorization(enabled="true"), "RETOLD_KAFKA_BOOTSTRAP_SERVERS": "k:9092"}, "claimsSecret"),
    ],
)
def test_what_does_not_fit_is_refused_without_telling_secrets(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(BadRequest) as refused:
        load(environment=environment)
    assert problem in refused.value.message
    assert "my secret" not in refused.value.message


def test_an_identity_provider_on_this_machine_may_be_plain() -> None:
    given = authorization(oidc_issuer="i", oidc_audience="a", oidc_jwks_url="http://127.0.0.1:8000/keys")
    assert load(environment=given).authorization.oidc.username_claim == "sub"


def test_the_first_password_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    given = authorization(enabled="true", admin_username="root", admin_password_file=str(file))
    settings = load(environment=given).authorization
    with pytest.raises(BadRequest, match="password in"):
        settings.read_admin_password()
    file.write_text("\n")
    with pytest.raises(BadRequest, match="got none"):
        settings.read_admin_password()
    file.write_text("my secret\n")
    assert settings.read_admin_password() == "my secret"


def test_secrets_are_not_shown() -> None:
    given = authorization(enabled="true", admin_username="r", admin_password="my secret", claims_secret=SECRET)
    settings = load(environment=given)
    shown = settings.model_dump_json(by_alias=True)
    assert "my secret" not in shown
    assert SECRET not in shown
    assert "my secret" in settings.for_processes()
    assert settings.authorization.seal() is not None


KAFKA = {"RETOLD_KAFKA_BOOTSTRAP_SERVERS": "k:9092"}


def test_inboxes_are_named_with_their_principals() -> None:
    kafka = load(environment={**KAFKA, "RETOLD_KAFKA_INBOXES": "shop=client:shop, ada=user:ada@example.org"}).kafka
    assert kafka.inbox_claims() == {"inbox.shop": "client:shop", "inbox.ada": "user:ada@example.org"}
    connection = kafka.connection()
    assert connection.inputs == ("commands", "inbox.shop", "inbox.ada", "internal")
    assert connection.topic(connection.inputs[1]) == "retold.inbox.shop"


@pytest.mark.parametrize(
    ("inboxes", "problem"),
    [
        ("shop", "got 'shop'; write for example"),
        ("shop=root", "got 'shop=root'"),
        ("a.b=user:ada,=user:ada", "got 'a.b=user:ada', '=user:ada'"),
        ("shop=user:ada,shop=user:eve", "expected one principal for an inbox, got several for shop"),
        (",".join(f"i{number}=user:ada" for number in range(33)), "at most 32"),
    ],
)
def test_inboxes_that_are_no_good_are_refused(inboxes: str, problem: str) -> None:
    with pytest.raises(BadRequest) as refused:
        load(environment={**KAFKA, "RETOLD_KAFKA_INBOXES": inboxes})
    assert problem in refused.value.message


def test_an_embedded_log_has_no_inboxes() -> None:
    with pytest.raises(BadRequest, match="bootstrapServers with inboxes"):
        load(environment={"RETOLD_KAFKA_INBOXES": "shop=user:ada"})
