"""Every attribute of spans and metrics, in one table.

The messaging conventions of OpenTelemetry are still marked Development: when one of their names changes, it changes
here. What begins with `retold.` is ours. Rule: no attribute holds what a client wrote freely (variables, claims).
"""

from __future__ import annotations

from collections.abc import Mapping

AttributeValue = str | int | float | bool

# OpenTelemetry, HTTP
HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"
# OpenTelemetry, general
ERROR_TYPE = "error.type"
# OpenTelemetry, messaging
MESSAGING_SYSTEM = "messaging.system"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
DESTINATION_PARTITION = "messaging.destination.partition.id"
MESSAGE_ID = "messaging.message.id"
MESSAGE_COUNT = "messaging.batch.message_count"
# ours
PARTITION = "retold.partition"
PROCESS = "retold.process"
TOPIC = "retold.topic"
INPUT = "retold.input"
OFFSET = "retold.offset"
POSITION = "retold.position"
VALUE_TYPE = "retold.value_type"
INTENT = "retold.intent"
OUTCOME = "retold.outcome"
KEY = "retold.key"
STATE = "retold.state"
BATCH_KEY = "retold.batch_operation.key"
BATCH_TYPE = "retold.batch_operation.type"
BATCH_PHASE = "retold.batch_operation.phase"
ENTITY = "retold.entity"
QUERY = "retold.query"

# Camunda 8's
ACTION = "action"
TYPE = "type"
QUERY_STATUS = "queryStatus"
BATCH_LATENCY = "batchOperationLatency"

#: What `messaging.system` says: the log, whatever keeps it.
SYSTEM = "retold"

#: Attribute -> what it says.
ATTRIBUTES: Mapping[str, str] = {
    HTTP_METHOD: "Method of the request.",
    HTTP_ROUTE: "Template of the path, never the path itself; `unmatched` for requests that no route takes.",
    HTTP_STATUS: "Status of the response.",
    ERROR_TYPE: "Why something failed: an HTTP status from 500 on, a rejection code, the code of a failed item.",
    MESSAGING_SYSTEM: f"`{SYSTEM}`.",
    OPERATION_NAME: "`send` or `process`.",
    OPERATION_TYPE: "`send` or `process`.",
    DESTINATION: "Topic of the log: `commands`, `internal` or `events`.",
    DESTINATION_PARTITION: "Number of the partition, as text.",
    MESSAGE_ID: "The request that a command answers, as in the log's header `request`.",
    MESSAGE_COUNT: "Records that were appended or exported together.",
    PARTITION: "Number of the partition.",
    PROCESS: "Process of the installation: `gateway`, `log`, `exporter`, `partition-1`, …",
    TOPIC: "Topic of the log.",
    INPUT: "Where a command comes from: `commands` or `internal`.",
    OFFSET: "Offset of a command in its input.",
    POSITION: "Position of the last record of a step.",
    VALUE_TYPE: "Family of a record, such as `PROCESS_INSTANCE`.",
    INTENT: "Intent of a record, such as `CANCEL`; `unknown` for one that the engine does not know.",
    OUTCOME: "`ACCEPTED` or the code of the rejection; of an item `COMPLETED`, `FAILED`, `SKIPPED` or `CANCELED`.",
    KEY: "Key of a record.",
    STATE: "State of a batch operation, as the API says it.",
    BATCH_KEY: "Key of a batch operation.",
    BATCH_TYPE: "Type of a batch operation.",
    BATCH_PHASE: "What a part of a batch operation does: `initializing`, `executing`, `waiting` or `suspended`.",
    ENTITY: "What a query of secondary storage is about, such as `PROCESS_INSTANCE`; empty for none in particular.",
    QUERY: "Which query of secondary storage: `search`, `get`, `select` (items of a batch operation) or another",
    ACTION: "What a batch operation did, in the words of Camunda 8.",
    TYPE: "Type of a batch operation.",
    QUERY_STATUS: "`completed` or `failed`.",
    BATCH_LATENCY: "Which time: see below.",
}


def messaging(operation: str, destination: str, partition: int) -> dict[str, AttributeValue]:
    """What the messaging conventions ask of every span about messages."""
    return {
        MESSAGING_SYSTEM: SYSTEM,
        OPERATION_NAME: operation,
        OPERATION_TYPE: operation,
        DESTINATION: destination,
        DESTINATION_PARTITION: str(partition),
    }
