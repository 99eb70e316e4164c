"""What every test may use."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = ("tests.service_fixtures",)

# Who is started in the background may have been told to ignore Ctrl-C; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


#: Files whose tests start many installations, or services of their own: they come first, so that workers end together.
LONG = (
    "test_kafka_faults.py",
    "test_real_workload.py",
    "test_operations.py",
    "test_machines.py",
    "test_restored_topics.py",
    "test_faults.py",
    "test_kill.py",
    "test_kafka_tls.py",
    "test_kafka_clients.py",
    "test_replay_kafka.py",
    "test_simulation.py",
    "test_kafka_schema_registry.py",
    "test_start_from_snapshot.py",
    "test_kafka_access.py",
    "test_services.py",
    "test_large_requests.py",
    "test_telemetry.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first; the others as they are."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden log of this build")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
