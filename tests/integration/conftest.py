"""One installation for all tests of a session; each test works with models, job types and keys of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from camunda_orchestration_sdk import CamundaClient

from tests.integration.installation import Installation
from tests.integration.official_client import connect, deploy, unique
from tests.support.models import one_task


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two partitions, in a directory whose name has a space."""
    with Installation(tmp_path_factory.mktemp("an installation")) as running:
        yield running


@pytest.fixture
def client(installation: Installation) -> Iterator[CamundaClient]:
    """Camunda's own client of that installation."""
    with connect(installation) as connected:
        yield connected


@pytest.fixture
def name(client: CamundaClient) -> str:
    """A deployed process with one job of the same name."""
    unused = unique("one")
    deploy(client, one_task(unused, unused))
    return unused
