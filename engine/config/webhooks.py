"""Whom batch operations may tell that they have ended."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, field_validator

from .section import Secret, Section, Words

if TYPE_CHECKING:
    from engine.shell.webhook_rules import WebhookSettings as Wanted


class WebhookSettings(Section):
    """Webhooks of batch operations."""

    allowed_hosts: Annotated[tuple[str, ...], Words] = Field(
        default=(), description="Hosts that may be told, as host or host:port; none by default."
    )
    allowed_networks: Annotated[tuple[str, ...], Words] = Field(
        default=(), description="Private networks, such as 10.1.0.0/16, in which those hosts may be."
    )
    secret: Secret = Field(default=SecretStr(""), description="Signs what is told (HMAC-SHA256); empty for none.")

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                raise ValueError(f"expected a network such as 10.1.0.0/16, got '{text}': {error}") from None
        return given

    def wanted(self) -> Wanted:
        """The same as the shell has it."""
        from engine.shell.webhook_rules import WebhookSettings as Wanted

        networks = tuple(ipaddress.ip_network(text) for text in self.allowed_networks)
        return Wanted(hosts=self.allowed_hosts, networks=networks, secret=self.secret.get_secret_value().encode())
