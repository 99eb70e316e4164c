"""How an installation is, as one of its machines sees it: from what its supervisor tells.

Rule: a partition is judged where it is owned. A standby that fails, or a move that is under way, keeps nobody from
working.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.readiness import Broker, Part

from .membership import Member, Overview
from .protocol import GATEWAY, partition_of_role, role_of_partition
from .shares import ENGINE

MEMBERSHIP = "membership"
NOBODY = "no machine owns it; wait until the machines have shared it out, or start one with the role engine"


def parts_of(overview: Overview, partition_count: int, others: Mapping[str, str]) -> list[Part]:
    """The parts of this machine, and the partitions, wherever they are. `others`: more parts with their problems."""
    owners = {partition: member for member in overview.members for partition in member.owned}
    fixed = {role: problem for role, problem in overview.parts.items() if not partition_of_role(role)}
    problems = {**fixed, **others, **({MEMBERSHIP: overview.problem} if overview.problem else {})}
    parts = [Part(name=name, problem=problem) for name, problem in problems.items() if name != GATEWAY]
    if overview.members:
        parts += [_partition(overview, owners.get(n), n) for n in range(1, partition_count + 1)]
    return parts


def _partition(overview: Overview, owner: Member | None, partition: int) -> Part:
    role = role_of_partition(partition)
    if owner is None:
        problem = NOBODY
    elif owner.name == overview.name:
        problem = overview.parts.get(role, NOBODY)
    else:
        problem = f"on {owner.name}: {owner.problems[partition]}" if partition in owner.problems else ""
    return Part(name=role, partition=partition, problem=problem)


def brokers_of(overview: Overview) -> Sequence[Broker]:
    """The machines with the role engine."""
    members = sorted(overview.members, key=lambda member: member.name)
    return [
        Broker(
            host=member.host,
            port=member.port,
            version=member.version,
            leads=member.owned,
            follows=member.followed,
            broken=sorted(member.problems),
        )
        for member in members
        if ENGINE in member.roles
    ]
