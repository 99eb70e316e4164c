"""Shares the partitions out among the members of an installation: a pure function of what the members say.

Its rule, in this order: every partition has one owner as long as there is an engine · an owner stays, for a move costs
a pause · who takes over is a standby that has caught up · nobody owns two more than another, but a partition moves to
one who has caught up only: it follows first · each partition has a standby on another member if there are two.
Asks nobody, and gives the same for the same members in any order: any of them may be the one who shares out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from msgspec import Struct

ENGINE = "engine"
EXPORTER = "exporter"


class Candidate(Struct, frozen=True, kw_only=True):
    """What a member says of itself.

    Partitions: `owned`, `followed` and `exported` now, as of share `generation`; `current`: followed, and caught up;
    `held`: some state of it lies on this machine; `failing`: cannot work here.
    """

    id: str
    roles: Sequence[str] = ()
    generation: int = 0
    owned: Sequence[int] = ()
    followed: Sequence[int] = ()
    exported: Sequence[int] = ()
    current: Sequence[int] = ()
    held: Sequence[int] = ()
    failing: Sequence[int] = ()


class Portion(Struct, frozen=True, kw_only=True):
    """What one member shall do, ascending."""

    owned: Sequence[int] = ()
    followed: Sequence[int] = ()
    exported: Sequence[int] = ()


#: Partition -> id of the member that does it.
Holders = dict[int, str]


def share_out(candidates: Iterable[Candidate], partition_count: int) -> Mapping[str, Portion]:
    """Id of each candidate -> its portion."""
    members = sorted(candidates, key=lambda candidate: candidate.id)
    partitions = range(1, partition_count + 1)
    engines = [member for member in members if ENGINE in member.roles]
    exporters = [member for member in members if EXPORTER in member.roles]
    owners = _owners(engines, partitions)
    heirs = _balance(engines, owners, _is_sound)
    owners = _balance(engines, owners, _is_ready)
    followers = _followers(engines, owners, heirs)
    exporting = _claims(exporters, partitions, lambda member: member.exported)
    exporting = _fill(exporters, partitions, exporting, barred={})
    exporting = _balance(exporters, exporting, _anybody)
    return {
        member.id: Portion(owned=_of(member, owners), followed=_of(member, followers), exported=_of(member, exporting))
        for member in members
    }


def _of(member: Candidate, holders: Holders) -> Sequence[int]:
    return tuple(sorted(partition for partition, holder in holders.items() if holder == member.id))


def _anybody(_member: Candidate, _partition: int) -> bool:
    return True


def _is_sound(member: Candidate, partition: int) -> bool:
    return partition not in member.failing


def _is_ready(member: Candidate, partition: int) -> bool:
    """Whether it can take over at once."""
    return partition in member.current and _is_sound(member, partition)


def _claims(
    members: Sequence[Candidate], partitions: Iterable[int], claimed: Callable[[Candidate], Sequence[int]]
) -> Holders:
    """Who has what now. Of two who say so, one has slept through a newer share."""
    holders: Holders = {}
    for partition in partitions:
        found = [member for member in members if partition in claimed(member)]
        if found:
            holders[partition] = max(found, key=lambda member: member.generation).id
    return holders


def _loads(members: Sequence[Candidate], holders: Holders) -> dict[str, int]:
    loads = {member.id: 0 for member in members}
    for holder in holders.values():
        loads[holder] += 1
    return loads


def _owners(engines: Sequence[Candidate], partitions: Sequence[int]) -> Holders:
    owners = _claims(engines, partitions, lambda member: member.owned)
    failing = {(member.id, partition) for member in engines for partition in member.failing}
    for partition in partitions:
        ready = [member for member in engines if _is_ready(member, partition)]
        owner = owners.get(partition)
        if ready and (owner is None or (owner, partition) in failing):
            loads = _loads(engines, owners)
            owners[partition] = min(ready, key=lambda member: loads[member.id]).id
    return _fill(engines, partitions, owners, barred={})


def _fill(members: Sequence[Candidate], partitions: Iterable[int], holders: Holders, barred: Holders) -> Holders:
    """Give what nobody has to who has least; to who has some state of it, if that keeps the balance.

    `barred`: who must not get a partition.
    """
    filled = dict(holders)
    wanted = tuple(partitions)
    for partition in wanted:
        free = [member for member in members if member.id != barred.get(partition)]
        if free and partition not in filled:
            loads, most = _loads(members, filled), -(-len(wanted) // len(members))
            filled[partition] = min(free, key=partial(_dearness, partition, loads, most)).id
    return filled


def _dearness(partition: int, loads: Mapping[str, int], most: int, member: Candidate) -> tuple[bool, bool, bool, int]:
    has_state = any(partition in some for some in (member.owned, member.followed, member.held))
    return loads[member.id] >= most, partition in member.failing, not has_state, loads[member.id]


def _balance(members: Sequence[Candidate], holders: Holders, may_take: Callable[[Candidate, int], bool]) -> Holders:
    """Move from who has most to who has least, until nobody has two more than another who may take one of them."""
    balanced = dict(holders)
    while move := _next_move(members, balanced, may_take):
        partition, receiver = move
        balanced[partition] = receiver
    return balanced


def _next_move(
    members: Sequence[Candidate], holders: Holders, may_take: Callable[[Candidate, int], bool]
) -> tuple[int, str] | None:
    loads = _loads(members, holders)
    for receiver in sorted(members, key=lambda member: loads[member.id]):
        movable = [
            partition
            for partition, holder in sorted(holders.items())
            if loads[holder] >= loads[receiver.id] + 2 and may_take(receiver, partition)
        ]
        if movable:
            ready_first = sorted(movable, key=lambda partition: not _is_ready(receiver, partition))
            return max(ready_first, key=lambda partition: loads[holders[partition]]), receiver.id
    return None


def _followers(engines: Sequence[Candidate], owners: Holders, heirs: Holders) -> Holders:
    """Who shall own a partition once it has caught up follows it; else who does so now, else who has least to do."""
    designated = {partition: heir for partition, heir in heirs.items() if heir != owners[partition]}
    now = _claims(engines, owners, lambda member: member.followed)
    staying = {partition: follower for partition, follower in now.items() if follower != owners[partition]}
    followers = _fill(engines, sorted(owners), {**staying, **designated}, barred=owners)
    return _balance(engines, followers, lambda member, n: member.id != owners[n] and n not in designated)
