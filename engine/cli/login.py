"""How the commands say who asks: from the environment, so that no password stands in a list of processes."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping

from .faults import UsageFault

USERNAME, PASSWORD, TOKEN = "RETOLD_USERNAME", "RETOLD_PASSWORD", "RETOLD_TOKEN"


def login_headers(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The header of every request; none where nobody is named. Raises UsageFault."""
    given = os.environ if environment is None else environment
    username, password, token = (given.get(name, "") for name in (USERNAME, PASSWORD, TOKEN))
    if token:
        return {"Authorization": f"Bearer {token}"}
    if not username:
        return {}
    if not password:
        raise UsageFault(f"expected {PASSWORD} in the environment with {USERNAME}, got none; set it")
    return {"Authorization": f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"}
