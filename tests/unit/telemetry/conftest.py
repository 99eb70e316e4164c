"""Scenarios for tests of telemetry."""

from tests.support.fixture import scenario

__all__ = ["scenario"]
