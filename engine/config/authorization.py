"""Who may do what: whether it is asked at all, the first administrator, and whose tokens are taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from engine.core.faults import BadRequest

from .section import Secret, Section, is_loopback

if TYPE_CHECKING:
    from engine.shell.claims import ClaimsSeal

#: Characters of a secret that nobody guesses.
SECRET_LENGTH_MIN = 32


class OidcSettings(Section):
    """An identity provider (OpenID Connect)."""

    issuer: str = Field(default="", description="Issuer of the tokens that are taken; empty for none.")
    audience: str = Field(default="", description="Audience that tokens must be for.")
    jwks_url: str = Field(
        default="", description="URL of the issuer's public keys, https unless it is on this machine."
    )
    username_claim: str = Field(default="sub", min_length=1, description="Claim of a token that names the user.")
    client_id_claim: str = Field(
        default="", description="Claim that names the client; a token that has it is a client's. Empty for none."
    )

    @model_validator(mode="after")
    def _whole(self) -> OidcSettings:
        given = {"issuer": self.issuer, "audience": self.audience, "jwksUrl": self.jwks_url}
        missing = [name for name, value in given.items() if not value]
        if missing and len(missing) < len(given):
            raise ValueError(f"expected issuer, audience and jwksUrl together; set {' and '.join(missing)} too")
        url = urlsplit(self.jwks_url)
        if self.jwks_url and url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname or "")):
            raise ValueError("expected a jwksUrl that begins with https://, for who changes the keys is let in")
        return self


class AuthorizationSettings(Section):
    """Authorization."""

    enabled: bool = Field(
        default=False, description="Whether callers must say who they are, and may do only what they are authorized to."
    )
    admin_username: str = Field(
        default="", description="A user who is authorized to everything, made at the start if he is not there."
    )
    admin_password: Secret = Field(default=SecretStr(""), description="His first password.")
    admin_password_file: Path | None = Field(default=None, description="A file with his first password instead.")
    claims_secret: Secret = Field(
        default=SecretStr(""),
        description="With which gateways sign who sent a command, the same on all machines; needed with Kafka.",
    )
    oidc: OidcSettings = OidcSettings()

    @model_validator(mode="after")
    def _one_password(self) -> AuthorizationSettings:
        if self.admin_password.get_secret_value() and self.admin_password_file is not None:
            raise ValueError("expected adminPassword or adminPasswordFile, got both; leave one out")
        has_password = bool(self.admin_password.get_secret_value()) or self.admin_password_file is not None
        if has_password and not self.admin_username:
            raise ValueError("expected adminUsername with the password; set it too")
        if self.enabled and self.admin_username and not has_password and not self.oidc.issuer:
            raise ValueError("expected adminPassword or adminPasswordFile for adminUsername; set one of them")
        return self

    @model_validator(mode="after")
    def _long_secret(self) -> AuthorizationSettings:
        if 0 < len(self.claims_secret.get_secret_value()) < SECRET_LENGTH_MIN:
            raise ValueError(f"expected a claimsSecret of at least {SECRET_LENGTH_MIN} characters; draw a longer one")
        return self

    def seal(self) -> ClaimsSeal | None:
        """What signs commands; None where whoever can write them is believed."""
        from engine.shell.claims import ClaimsSeal

        secret = self.claims_secret.get_secret_value()
        return ClaimsSeal(secret) if self.enabled and secret else None

    def read_admin_password(self) -> str:
        """The first password of the administrator; empty if he has none here. Raises BadRequest."""
        if self.admin_password_file is None:
            return self.admin_password.get_secret_value()
        try:
            password = self.admin_password_file.read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = type(error).__name__
            raise BadRequest(f"expected a password in {self.admin_password_file}, got {reason}; write it") from None
        if not password.strip():
            raise BadRequest(f"expected a password in {self.admin_password_file}, got none; write it")
        return password
