"""How partitions are shared out among the members: for any members, and in the cases that people think of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.roles.shares import ENGINE, EXPORTER, Candidate, Portion, share_out

BOTH = (ENGINE, EXPORTER)


def after(candidates: Sequence[Candidate], portions: Mapping[str, Portion], generation: int) -> list[Candidate]:
    """The members once they do what they shall, and have caught up with what they follow."""
    return [
        msgspec.structs.replace(
            candidate,
            generation=generation,
            owned=portions[candidate.id].owned,
            followed=portions[candidate.id].followed,
            exported=portions[candidate.id].exported,
            current=portions[candidate.id].followed,
        )
        for candidate in candidates
    ]


def settled(candidates: Sequence[Candidate], partition_count: int) -> list[Candidate]:
    """The members when all has been shared out and nothing moves any more."""
    for generation in range(1, partition_count + 10):
        portions = share_out(candidates, partition_count)
        following = after(candidates, portions, generation)
        if share_out(following, partition_count) == portions:
            return following
        candidates = following
    raise AssertionError("expected that it comes to rest")


def owned(portions: Mapping[str, Portion]) -> dict[str, list[int]]:
    return {member: list(portion.owned) for member, portion in portions.items()}


def followed(portions: Mapping[str, Portion]) -> dict[str, list[int]]:
    return {member: list(portion.followed) for member, portion in portions.items()}


def difference(counts: Sequence[int]) -> int:
    return max(counts, default=0) - min(counts, default=0)


partitions = st.frozensets(st.integers(1, 8), max_size=8).map(sorted)


@st.composite
def members(draw: st.DrawFn) -> list[Candidate]:
    """Whatever members may say, true or not."""
    return [
        Candidate(
            id=name,
            roles=draw(st.sampled_from([BOTH, BOTH, (ENGINE,), (EXPORTER,), ("gateway",), ()])),
            generation=draw(st.integers(0, 3)),
            owned=draw(partitions),
            followed=draw(partitions),
            exported=draw(partitions),
            current=draw(partitions),
            held=draw(partitions),
            failing=draw(partitions),
        )
        for name in draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1, max_size=6))
    ]


@given(members(), st.integers(1, 8))
def test_every_partition_has_one_owner_and_a_standby_elsewhere(found: list[Candidate], count: int) -> None:
    portions = share_out(found, count)
    engines = [member.id for member in found if ENGINE in member.roles]
    exporters = [member.id for member in found if EXPORTER in member.roles]
    everything = list(range(1, count + 1))
    assert sorted(n for portion in portions.values() for n in portion.owned) == (everything if engines else [])
    assert sorted(n for portion in portions.values() for n in portion.followed) == (
        everything if len(engines) > 1 else []
    )
    assert sorted(n for portion in portions.values() for n in portion.exported) == (everything if exporters else [])
    for member in found:
        portion = portions[member.id]
        assert not set(portion.owned) & set(portion.followed)
        assert member.id in engines or not (portion.owned or portion.followed)
        assert member.id in exporters or not portion.exported


@given(members(), st.integers(1, 8))
def test_it_comes_to_rest_in_balance_and_then_nothing_moves(found: list[Candidate], count: int) -> None:
    sound = [msgspec.structs.replace(member, failing=()) for member in found]
    at_rest = settled(sound, count)
    assert difference([len(member.owned) for member in at_rest if ENGINE in member.roles]) <= 1
    assert difference([len(member.exported) for member in at_rest if EXPORTER in member.roles]) <= 1
    portions = share_out(at_rest, count)
    assert owned(portions) == {member.id: list(member.owned) for member in at_rest}
    assert followed(portions) == {member.id: list(member.followed) for member in at_rest}


@given(members(), st.integers(1, 8))
def test_the_order_of_the_members_does_not_matter(found: list[Candidate], count: int) -> None:
    expected = share_out(found, count)
    assert all(share_out(shuffled, count) == expected for shuffled in list(permutations(found))[:24])


@given(members(), st.integers(1, 8), st.data())
def test_when_one_leaves_its_standbys_take_over_and_what_else_moves_goes_to_a_standby(
    found: list[Candidate], count: int, data: st.DataObject
) -> None:
    at_rest = settled([msgspec.structs.replace(member, failing=()) for member in found], count)
    gone = data.draw(st.sampled_from(at_rest))
    rest = [member for member in at_rest if member is not gone]
    portions = share_out(rest, count)
    for member in rest:
        came = set(portions[member.id].owned) - set(member.owned) - set(gone.owned)
        assert came <= set(member.current)
    for partition in gone.owned:
        heir = next((member for member in rest if partition in member.followed), None)
        assert heir is None or partition in portions[heir.id].owned


def test_partitions_stay_until_the_new_member_has_caught_up() -> None:
    first = Candidate(id="a", roles=BOTH, generation=1, owned=(1, 2, 3, 4), exported=(1, 2, 3, 4))
    second = Candidate(id="b", roles=BOTH)
    portions = share_out([first, second], 4)
    assert owned(portions) == {"a": [1, 2, 3, 4], "b": []}
    assert followed(portions) == {"a": [], "b": [1, 2, 3, 4]}
    assert portions["b"].exported == (1, 2)
    caught_up = msgspec.structs.replace(second, generation=2, followed=(1, 2, 3, 4), current=(2, 4))
    portions = share_out([first, caught_up], 4)
    assert owned(portions) == {"a": [1, 3], "b": [2, 4]}
    assert followed(portions) == {"a": [2, 4], "b": [1, 3]}


def test_at_the_first_start_each_gets_its_part_at_once() -> None:
    portions = share_out([Candidate(id=name, roles=BOTH) for name in "abc"], 6)
    assert [len(portion.owned) for portion in portions.values()] == [2, 2, 2]
    assert [len(portion.followed) for portion in portions.values()] == [2, 2, 2]


def test_who_has_the_state_from_an_earlier_run_gets_the_partition() -> None:
    one = Candidate(id="a", roles=BOTH, held=(2, 3))
    other = Candidate(id="b", roles=BOTH, held=(1, 4))
    assert owned(share_out([one, other], 4)) == {"a": [2, 3], "b": [1, 4]}


def test_who_slept_through_a_newer_share_owns_nothing_of_it() -> None:
    sleeper = Candidate(id="a", roles=BOTH, generation=4, owned=(1, 2))
    owner = Candidate(id="b", roles=BOTH, generation=5, owned=(1, 2))
    assert owned(share_out([sleeper, owner], 2)) == {"a": [], "b": [1, 2]}


def test_a_partition_that_cannot_work_moves_to_its_standby() -> None:
    full = Candidate(id="a", roles=BOTH, generation=1, owned=(1,), followed=(2,), failing=(1,))
    sound = Candidate(id="b", roles=BOTH, generation=1, owned=(2,), followed=(1,), current=(1,))
    assert owned(share_out([full, sound], 2)) == {"a": [], "b": [1, 2]}
    behind = msgspec.structs.replace(sound, current=())
    assert owned(share_out([full, behind], 2)) == {"a": [1], "b": [2]}


def test_one_machine_alone_has_no_standby() -> None:
    portions = share_out([Candidate(id="a", roles=(ENGINE,)), Candidate(id="b", roles=("gateway",))], 2)
    assert portions == {"a": Portion(owned=(1, 2)), "b": Portion()}
