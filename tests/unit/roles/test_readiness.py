"""How an installation of several machines is, as one of them sees it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.roles.membership import Member, Overview
from engine.roles.readiness import MEMBERSHIP, NOBODY, brokers_of, parts_of

ALL = ("engine", "gateway", "exporter")
HERE = Member(name="here", host="one", port=1, roles=ALL, owned=(1,), followed=(2,))
THERE = Member(name="there", host="two", port=2, roles=ALL, owned=(2,), followed=(1,))
PARTS = {"gateway": "", "exporter": "", "partition-1": "", "partition-2": ""}


def problems(overview: Overview, others: Mapping[str, str] | None = None) -> dict[str, str]:
    return {part.name: part.problem for part in parts_of(overview, 2, others or {}) if part.problem}


def overview(parts: Mapping[str, str] | None = None, *members: Member, problem: str = "") -> Overview:
    return Overview(parts={**PARTS, **(parts or {})}, name="here", members=members or (HERE, THERE), problem=problem)


def test_all_works() -> None:
    assert problems(overview()) == {}
    assert [part.name for part in parts_of(overview(), 2, {})] == ["exporter", "partition-1", "partition-2"]


def test_what_this_machine_owns_is_judged_here() -> None:
    assert problems(overview({"partition-1": "is full", "exporter": "waits"})) == {
        "partition-1": "is full",
        "exporter": "waits",
    }


def test_a_standby_that_fails_breaks_nothing() -> None:
    assert problems(overview({"partition-2": "is full"})) == {}


def test_what_another_owns_is_judged_by_what_it_tells() -> None:
    broken = Member(name="there", roles=ALL, owned=(2,), followed=(1,), problems={1: "standby", 2: "is full"})
    assert problems(overview(None, HERE, broken)) == {"partition-2": "on there: is full"}


def test_a_partition_that_nobody_owns() -> None:
    gateway = Member(name="there", roles=("gateway",))
    found = parts_of(overview(None, HERE, gateway), 2, {})
    assert [(part.name, part.partition) for part in found if part.problem == NOBODY] == [("partition-2", 2)]


def test_nothing_is_heard_of_the_others() -> None:
    assert problems(overview(problem="no answer"), {"log": "away"}) == {MEMBERSHIP: "no answer", "log": "away"}


def test_the_brokers_are_the_machines_with_partitions() -> None:
    gateway = Member(name="a gateway", roles=("gateway",))
    broken = Member(name="there", host="two", port=2, roles=ALL, owned=(2,), followed=(1,), problems={1: "is full"})
    first, second = brokers_of(overview(None, broken, gateway, HERE))
    assert (first.host, first.leads, first.follows, first.broken) == ("one", (1,), (2,), [])
    assert (second.host, second.leads, second.follows, second.broken) == ("two", (2,), (1,), [1])
