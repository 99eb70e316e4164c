"""Whom a batch operation may tell that it has ended. The secret with which it is signed never reaches the log."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from msgspec import Struct

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SCHEMES = ("http", "https")


class WebhookSettings(Struct, frozen=True, kw_only=True):
    """`hosts`: which may be told, `host` at the usual ports or `host:port`. `networks`: of private addresses that are
    allowed nevertheless. `secret`: signs bodies; empty for no signature."""

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    secret: bytes = b""

    def problem(self, url: str) -> str:
        """Why this URL may not be told; empty if its host is allowed."""
        try:
            parts = urlsplit(url)
            usual = usual_port(parts.scheme)
            host, port = parts.hostname or "", parts.port or usual
        except ValueError as error:
            return f"expected a URL, got '{url[:100]}': {error}; correct it"
        if parts.scheme not in SCHEMES:
            return f"expected a URL that begins with http:// or https://, got '{url[:100]}'; correct it"
        wanted = {f"{host}:{port}", host} if port == usual else {f"{host}:{port}"}
        if wanted & {name.lower() for name in self.hosts}:
            return ""
        return f"expected a host of the setting webhook.allowedHosts, got {host}:{port}; have it added, or use another"

    def may_reach(self, address: str) -> bool:
        """Whether an address is public, or in an allowed network."""
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        is_public = found.is_global and not found.is_multicast
        return is_public or any(found in network for network in self.networks if network.version == found.version)


def usual_port(scheme: str) -> int:
    """The port of a URL that has none."""
    return 443 if scheme == "https" else 80
