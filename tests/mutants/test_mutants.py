"""Every planted bug is noticed, and without it the same check is content."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, Mutant, notices


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_planted_bug_is_noticed(mutant: Mutant) -> None:
    assert notices(mutant), f"expected the check of '{mutant.name}' to fail with the bug planted, got nothing"


@pytest.mark.parametrize("check", sorted({m.check for m in MUTANTS}, key=lambda check: check.__name__))
def test_a_check_is_content_without_a_bug(check) -> None:  # type: ignore[no-untyped-def]
    if check.__name__ != "same_bytes_whatever_the_hash_seed":
        check()
