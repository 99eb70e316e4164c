"""Requests whose only answer is that they were accepted: send one, and say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .options import Connection
from .output import print_fields, print_json

TITLES = {
    "authorizationKey": "Authorization",
    "batchOperationKey": "Batch operation",
    "clientId": "Client",
    "elementInstanceKey": "Element instance",
    "groupId": "Group",
    "incidentKey": "Incident",
    "jobKey": "Job",
    "processInstanceKey": "Process instance",
    "userTaskKey": "User task",
    "username": "User",
    "accepted": "Accepted",
}


def send_accepted(
    connection: Connection,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    about: Mapping[str, str],
    accepted: str,
) -> None:
    """Send a request; print what it is `about` (fields of TITLES, with their values) and what was accepted."""
    from .client import Client

    with Client(connection.url) as client:
        client.send(method, path, body)
    document = {**about, "accepted": accepted}
    if connection.json:
        print_json(document)
    else:
        print_fields([(TITLES[field], value) for field, value in document.items()])
