"""The runner: whatever becomes of an append, no command is lost, none is done twice, and the state never lies."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.engine import run_with_fault


@pytest.mark.parametrize("appended", [False, True])
@pytest.mark.parametrize("fault_at", range(6))
def test_an_append_that_fails(fault_at: int, appended: bool) -> None:
    asyncio.run(run_with_fault(fault_at, appended=appended))
