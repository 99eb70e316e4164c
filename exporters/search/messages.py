"""Message subscriptions, and messages that were correlated; see `fields` for what the words mean."""

from __future__ import annotations

from .enums import SUBSCRIPTION_STATES, SUBSCRIPTION_TYPES
from .fields import BASIC_KEY, DATE, ENUM, INTEGER, KEY, OBJECT, STRING, Entity, Field, shown_only
from .instances import TENANT

PROCESS = Field("processDefinitionId", STRING, "m.process_id")
MESSAGE_NAME = Field("messageName", STRING, "m.message_name")
CORRELATION_KEY = Field("correlationKey", STRING, "m.correlation_key", nullable=True)
ELEMENT = Field("elementId", STRING, "m.element_id")
ELEMENT_INSTANCE = Field("elementInstanceKey", KEY, "m.element_instance_key", nullable=True)
#: Not kept with a message.
BUSINESS_ID = Field("businessId", STRING, "NULL", nullable=True)

MESSAGE_SUBSCRIPTION = Entity(
    "MESSAGE_SUBSCRIPTION",
    "message_subscriptions m",
    ("m.key",),
    (
        Field("messageSubscriptionKey", KEY, "m.key"),
        BUSINESS_ID,
        PROCESS,
        Field("processDefinitionKey", KEY, "m.definition_key", sorts=False),
        Field("processInstanceKey", KEY, "m.process_instance_key", nullable=True),
        shown_only("rootProcessInstanceKey", KEY, "m.root_key"),
        ELEMENT,
        ELEMENT_INSTANCE,
        Field("messageSubscriptionState", ENUM, "m.state", SUBSCRIPTION_STATES),
        Field("lastUpdatedDate", DATE, "m.last_updated"),
        MESSAGE_NAME,
        CORRELATION_KEY,
        Field("messageSubscriptionType", ENUM, "m.type", SUBSCRIPTION_TYPES),
        shown_only("toolProperties", OBJECT, "NULL"),
        Field("processDefinitionName", STRING, "NULL", nullable=True),
        Field("processDefinitionVersion", INTEGER, "NULL", nullable=True),
        Field("toolName", STRING, "NULL", nullable=True),
        Field("inboundConnectorType", STRING, "NULL", nullable=True),
        TENANT,
    ),
)

CORRELATED_MESSAGE_SUBSCRIPTION = Entity(
    "CORRELATED_MESSAGE_SUBSCRIPTION",
    "message_correlations m",
    ("m.message_key", "m.subscription_key"),
    (
        BUSINESS_ID,
        CORRELATION_KEY,
        Field("correlationTime", DATE, "m.correlation_time"),
        ELEMENT,
        ELEMENT_INSTANCE,
        Field("messageKey", BASIC_KEY, "m.message_key"),
        MESSAGE_NAME,
        Field("partitionId", INTEGER, "m.partition_id"),
        PROCESS,
        Field("processDefinitionKey", KEY, "m.definition_key"),
        Field("processInstanceKey", KEY, "m.process_instance_key"),
        shown_only("rootProcessInstanceKey", KEY, "m.root_key"),
        Field("subscriptionKey", KEY, "m.subscription_key"),
        TENANT,
    ),
)

MESSAGES = (MESSAGE_SUBSCRIPTION, CORRELATED_MESSAGE_SUBSCRIPTION)
