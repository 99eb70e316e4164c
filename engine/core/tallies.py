"""Counts and distributions that are part of the state: they go on where they were, whoever the writer is.

What is counted here is counted from events, with the times of the log, so a restart, a take-over or a replay loses
nothing and counts nothing twice. Rule: only what happens once a slice or more rarely is counted here; labels are
bounded names, never what a client wrote. Nobody decides by a tally.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from msgspec import Struct, structs

from .ports import Store
from .state import State, Table


class Tally(Struct, frozen=True, kw_only=True, array_like=True):
    """One number or distribution, of a name and its labels.

    `counts`: how many values were in each bucket, the last of which has no bound; one number for a mere count. `sum`:
    of the values of a distribution.
    """

    name: str
    labels: tuple[str, ...]
    counts: tuple[int, ...] = (0,)
    sum: int = 0


#: (name, *labels)
TALLIES = Table(170, "TALLIES", Tally)
#: Above every key that begins with a text.
_END = b"\xff"


def count(state: State, name: str, *labels: str, more: int = 1) -> None:
    """Count one more, or so many."""
    tally = state.get(TALLIES, name, *labels) or Tally(name=name, labels=labels)
    state.put(TALLIES, name, *labels, value=structs.replace(tally, counts=(tally.counts[0] + more,)))


def observe(state: State, name: str, *labels: str, value: int, bounds: Sequence[int]) -> None:
    """Put a value into a distribution over buckets with these upper bounds."""
    empty = (0,) * (len(bounds) + 1)
    tally = state.get(TALLIES, name, *labels) or Tally(name=name, labels=labels, counts=empty)
    counts = list(tally.counts)
    counts[bisect_left(bounds, value)] += 1
    state.put(TALLIES, name, *labels, value=structs.replace(tally, counts=tuple(counts), sum=tally.sum + value))


def read_tallies(store: Store) -> list[Tally]:
    """All that is committed."""
    return [TALLIES.decode(value) for _, value in store.scan(TALLIES.number, b"", _END)]
