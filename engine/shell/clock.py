"""The clock of a real installation. Owns nothing; must not be used by anything that decides (law 3)."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The Clock port over the machine's clocks."""

    def now(self) -> int:
        """Milliseconds since 1970 (UTC); may jump when the machine's clock is set."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        await asyncio.sleep(seconds)
