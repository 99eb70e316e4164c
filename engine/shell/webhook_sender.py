"""Tells URLs over HTTP: at allowed hosts, and never at a private address.

A host is resolved once, its addresses are judged, and the request goes to one of them, so that a name which resolves
to something else a moment later leads nowhere. Redirects are not followed, proxies of the environment not used, answers
not read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import httpx

from engine.core.background import Delivery, DeliveryResult
from engine.core.ports import Clock

from .webhook_rules import WebhookSettings, usual_port

#: Seconds that an attempt may take, the resolution of the name included.
ATTEMPT_SECONDS_MAX = 10.0

#: Gives the addresses of a host. Raises OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """As the system does it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class WebhookSender:
    """Sends one POST at a time."""

    def __init__(self, settings: WebhookSettings, clock: Clock, resolving: Resolve = resolve) -> None:
        self._settings = settings
        self._clock = clock
        self._resolve = resolving

    async def __call__(self, delivery: Delivery) -> DeliveryResult:
        """As `Deliver`."""
        if problem := self._settings.problem(delivery.url):
            return DeliveryResult(error=problem, retryable=False)
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                return await self._send(delivery)
        except TimeoutError:
            return DeliveryResult(error=f"expected an answer within {ATTEMPT_SECONDS_MAX:g} s, got none")
        except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return DeliveryResult(error=f"{type(error).__name__}: {error}")

    async def _send(self, delivery: Delivery) -> DeliveryResult:
        url = httpx.URL(delivery.url)
        addresses = await self._resolve(url.host, url.port or usual_port(url.scheme))
        private = [address for address in addresses if not self._settings.may_reach(address)]
        if private or not addresses:
            text = f"expected public addresses of {url.host}, or of webhook.allowedNetworks, got {private or 'none'}"
            return DeliveryResult(error=text)
        async with httpx.AsyncClient(
            follow_redirects=False, trust_env=False, verify=ssl.create_default_context(), timeout=ATTEMPT_SECONDS_MAX
        ) as client:
            request = client.build_request(
                "POST",
                url.copy_with(host=addresses[0]),
                content=delivery.body,
                headers={**self._headers(delivery), "host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.host},
            )
            response = await client.send(request, stream=True)
            await response.aclose()
        error = "" if response.is_success else f"expected an answer from 200 to 299, got {response.status_code}"
        return DeliveryResult(status=response.status_code, error=error)

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        """The time is signed with the body, so that a receiver can refuse what was recorded and is sent again later."""
        headers = {
            "content-type": "application/json",
            "user-agent": "retold",
            "retold-delivery": f"{delivery.key}-{delivery.attempts + 1}",
        }
        if self._settings.secret:
            timestamp = str(self._clock.now() // 1000)
            signed = hmac.new(self._settings.secret, f"{timestamp}.".encode() + delivery.body, hashlib.sha256)
            headers |= {"retold-timestamp": timestamp, "retold-signature": f"sha256={signed.hexdigest()}"}
        return headers
