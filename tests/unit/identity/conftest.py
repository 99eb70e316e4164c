"""Every scenario is held to the laws when its test ends."""

from tests.support.fixture import scenario

__all__ = ["scenario"]
