"""Real services for tests, started when the first test asks and shared by all tests of a session.

`kafka`, `opensearch` and `schema_registry` are addresses: those in RETOLD_TEST_KAFKA, RETOLD_TEST_OPENSEARCH and
RETOLD_TEST_SCHEMA_REGISTRY if given, else of services that are started here. `kafka_prefix` and `index_prefix` belong
to one test: what it creates must begin with them, and is deleted after it. A service that cannot start is a failure
that shows its log.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from confluent_kafka.admin import AdminClient

from services import ApicurioRegistry, KafkaBroker, OpensearchNode, Service

#: Seconds for what tidies up.
PATIENCE = 60.0

#: Services that run now, for the report of a test that failed.
RUNNING = pytest.StashKey[list[Service]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNNING] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows how the logs of the services that run end."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed:
        report.sections += [(f"log of {one.name}", one.log_end()) for one in item.config.stash[RUNNING]]
    return report  # type: ignore[return-value]


@contextmanager
def running(service: Service, config: pytest.Config) -> Iterator[Service]:
    """A service for as long as the block lasts; its log is in the report of a test that fails."""
    with service:
        config.stash[RUNNING].append(service)
        try:
            yield service
        finally:
            config.stash[RUNNING].remove(service)


def _address(make: type[Service], folders: pytest.TempPathFactory, config: pytest.Config) -> Iterator[str]:
    """Of the service that the environment names, else of one that is started."""
    if given := os.environ.get(make.test_setting):
        yield given
        return
    with running(make(folders.mktemp("service")), config) as service:
        yield service.address


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[str]:
    """Bootstrap servers of a broker that asks nobody to log in."""
    yield from _address(KafkaBroker, tmp_path_factory, pytestconfig)


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a node without security."""
    yield from _address(OpensearchNode, tmp_path_factory, pytestconfig)


@pytest.fixture(scope="session")
def schema_registry(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a registry that speaks Confluent's protocol, without security."""
    yield from _address(ApicurioRegistry, tmp_path_factory, pytestconfig)


@pytest.fixture
def kafka_prefix(kafka: str) -> Iterator[str]:
    """How the topics, groups and transactional ids of this test begin."""
    with own_topics(kafka) as prefix:
        yield prefix


@contextmanager
def own_topics(kafka: str) -> Iterator[str]:
    """A prefix whose topics are deleted at the end of the block, for fixtures that serve more than one test."""
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    yield prefix
    admin = AdminClient({"bootstrap.servers": kafka})
    topics = [name for name in admin.list_topics(timeout=PATIENCE).topics if name.startswith(prefix)]
    for done in (admin.delete_topics(topics) if topics else {}).values():
        done.result(PATIENCE)


@pytest.fixture
def index_prefix(opensearch: str) -> Iterator[str]:
    """How the indices, aliases and templates of this test begin."""
    with own_indices(opensearch) as prefix:
        yield prefix


@contextmanager
def own_indices(opensearch: str) -> Iterator[str]:
    """A prefix whose indices and templates are deleted at the end, for fixtures that serve more than one test."""
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    yield prefix
    with httpx.Client(base_url=opensearch, timeout=PATIENCE) as client:
        client.delete(f"/{prefix}*").raise_for_status()
        found = client.get(f"/_index_template/{prefix}*")
        for template in found.json()["index_templates"] if found.is_success else ():
            client.delete(f"/_index_template/{template['name']}").raise_for_status()
