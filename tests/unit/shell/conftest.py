"""Scenarios for tests of the core."""

from tests.support.fixture import scenario

__all__ = ["scenario"]
