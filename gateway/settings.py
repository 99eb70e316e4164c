"""Every setting of the gateway, with its default. Sizes in bytes, times in milliseconds."""

from __future__ import annotations

from msgspec import Struct

from engine.core.ports import VALUE_SIZE_MAX
from engine.shell.webhook_rules import WebhookSettings

#: What a record needs besides what the client gave.
RECORD_HEADROOM = 64 * 1024


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Settings of one gateway process."""

    host: str = "127.0.0.1"
    port: int = 8080
    #: Without it only health and metrics are served: for a machine that has other work.
    serves_api: bool = True
    #: Tells this gateway's requests from those of others on the log; "" gives a new one at each start.
    gateway_id: str = ""
    #: Shown in the topology and the OpenAPI document; the composition root knows it.
    version: str = "development"
    #: Requests that may wait for one partition; completions, resolutions and cancels get `in_flight_headroom` more.
    in_flight_max: int = 512
    #: A share of `in_flight_max`.
    in_flight_headroom: float = 0.25
    #: How long a request waits for the outcome of its command.
    request_timeout_ms: int = 10_000
    #: Requests that may wait for process instances to end; the time they may wait is `long_poll_ms_max` at most.
    awaiting_max: int = 1_000
    #: How long job activation waits for jobs when the client does not say.
    long_poll_ms: int = 10_000
    #: The longest wait that a client may ask for.
    long_poll_ms_max: int = 600_000
    #: Which webhooks batch operations may have.
    webhooks: WebhookSettings = WebhookSettings()
    body_size_max: int = 16 * 1024 * 1024
    deployment_size_max: int = VALUE_SIZE_MAX
    #: Variables of one request, as compact JSON: what fits a record with all its metadata.
    variables_size_max: int = VALUE_SIZE_MAX - RECORD_HEADROOM
    #: Open requests are given this long when the gateway is asked to end.
    shutdown_timeout_ms: int = 5_000
