"""`python -m tests.mutants`: plant every bug, one after the other; exit 1 if one of them is not noticed."""

from __future__ import annotations

import sys

from .mutants import MUTANTS, notices


def main() -> int:
    survivors = []
    for mutant in MUTANTS:
        noticed = notices(mutant)
        sys.stdout.write(f"{'noticed ' if noticed else 'SURVIVED'}  {mutant.name}: {noticed or 'nothing failed'}\n")
        if not noticed:
            survivors.append(mutant.name)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
