"""The official client over HTTP: messages that are published, correlated, refused and looked for."""

from __future__ import annotations

import time

import pytest
from camunda_orchestration_sdk import CamundaClient
from camunda_orchestration_sdk.errors import NotFoundError, UnexpectedStatus
from camunda_orchestration_sdk.models import (
    CorrelatedMessageSubscriptionSearchQuery,
    MessageCorrelationRequest,
    MessageCorrelationResult,
    MessagePublicationRequest,
    MessageSubscriptionSearchQuery,
)

from tests.integration.installation import PATIENCE
from tests.integration.official_client import create, deploy, instance_in, refused, seen, unique
from tests.support import models as m


def waiting(client: CamundaClient) -> str:
    """A process that waits for message `a` with the correlation key `key`."""
    name = unique("messages")
    parts = (m.start(), m.catch("wait", m.message()), m.end(), m.chain("start", "wait", "end"))
    deploy(client, m.model(m.process(name, *parts)))
    return name


def correlated(client: CamundaClient, wish: MessageCorrelationRequest) -> MessageCorrelationResult:
    """Ask again until the partition of the correlation key knows who waits."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return client.correlate_message(data=wish)
        except NotFoundError:
            assert time.monotonic() < deadline, "expected the message to be correlated in time"


def test_a_published_message_is_kept_for_who_comes_later(client: CamundaClient) -> None:
    name, key = waiting(client), unique("key")
    wish = {"name": "a", "correlationKey": key, "timeToLive": 60_000, "messageId": "m", "variables": {"paid": True}}
    result = client.publish_message(data=MessagePublicationRequest.from_dict(wish))
    assert int(result.message_key) > 0
    instance_in(client, create(client, name, key=key), "COMPLETED")
    with pytest.raises(UnexpectedStatus, match="ALREADY_EXISTS"):  # the client expects no 409 of a publication
        client.publish_message(data=MessagePublicationRequest.from_dict(wish))


def test_a_correlated_message_names_its_instance(client: CamundaClient) -> None:
    name, key = waiting(client), unique("key")
    wish = MessageCorrelationRequest.from_dict({"name": "a", "correlationKey": key})
    refused(NotFoundError, lambda: client.correlate_message(data=wish), "NOT_FOUND", "'a'")
    instance = create(client, name, key=key)
    query = MessageSubscriptionSearchQuery.from_dict({"filter": {"processInstanceKey": instance}})
    (subscription,) = client.search_message_subscriptions(data=query, consistency=seen()).items
    assert (subscription.message_name, subscription.correlation_key) == ("a", key)
    result = correlated(client, wish)
    assert result.process_instance_key == instance
    query_correlated = CorrelatedMessageSubscriptionSearchQuery.from_dict(
        {"filter": {"messageKey": result.message_key}}
    )
    (given,) = client.search_correlated_message_subscriptions(data=query_correlated, consistency=seen()).items
    assert given.subscription_key == subscription.message_subscription_key
    instance_in(client, instance, "COMPLETED")
