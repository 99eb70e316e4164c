"""The operations that exist: only their names, what they select and how their parameters are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from engine.batch.operation import Operation


class Known(Struct, frozen=True, kw_only=True):
    """`decode(name, data)` gives the parameters of an operation. Raises BadRequest."""

    operations: Mapping[str, Operation]
    decode: Callable[[str, bytes], Struct]
