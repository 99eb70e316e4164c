"""What every test may use."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = ("tests.service_fixtures",)

# Who is started in the background may have been told to ignore Ctrl-C; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden log of this build")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
