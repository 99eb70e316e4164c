"""The services that tests and the demo run on: they keep what they were given, and end with whoever started them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from confluent_kafka.admin import AdminClient, NewTopic

from services import KafkaBroker
from tests.integration.installation import ROOT, wait_until
from tests.service_fixtures import PATIENCE


def topics_of(address: str) -> set[str]:
    return set(AdminClient({"bootstrap.servers": address}).list_topics(timeout=PATIENCE).topics)


def test_topics_of_a_test_are_seen_by_it(kafka: str, kafka_prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    name = f"{kafka_prefix}.events"
    admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])[name].result(PATIENCE)
    assert name in topics_of(kafka)


def test_documents_of_a_test_are_seen_by_it(opensearch: str, index_prefix: str) -> None:
    with httpx.Client(base_url=opensearch, timeout=PATIENCE) as client:
        client.put(f"/{index_prefix}-a/_doc/1?refresh", json={"a": 1}).raise_for_status()
        assert client.get(f"/{index_prefix}-*/_count").json()["count"] == 1


def test_schemas_are_registered_and_compared(schema_registry: str) -> None:
    subject = f"{schema_registry}/subjects/{__name__}"
    kind = {"type": "record", "name": "One", "fields": [{"name": "a", "type": "long"}]}
    other = {"type": "record", "name": "One", "fields": [{"name": "b", "type": "long"}]}
    with httpx.Client(timeout=PATIENCE) as client:
        client.put(f"{schema_registry}/config/{__name__}", json={"compatibility": "FULL_TRANSITIVE"}).raise_for_status()
        client.post(f"{subject}/versions", json={"schema": json.dumps(kind)}).raise_for_status()
        assert client.post(f"{subject}/versions", json={"schema": json.dumps(other)}).status_code == 409
        assert client.get(f"{subject}/versions").json() == [1]


def test_a_broker_that_was_stopped_or_killed_comes_back_with_its_topics(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path) as broker:
        address = broker.address
        admin = AdminClient({"bootstrap.servers": address})
        admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])["kept"].result(PATIENCE)
        for end in (broker.stop, broker.kill):
            end()
            assert not broker.is_running
            broker.start()
            assert (broker.address, "kept" in topics_of(address)) == (address, True)


def test_a_service_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-m", "services", "opensearch", "--data", str(tmp_path), "--for-tests"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    with starter.stdout as output:
        found = re.fullmatch(r"export RETOLD_TEST_OPENSEARCH=(http://127\.0\.0\.1:\d+)\n", output.readline())
        assert found is not None
        url = found[1]
        assert httpx.get(url).is_success
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    wait_until(lambda: not is_served(url), "the service to end with its starter")


def is_served(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True
