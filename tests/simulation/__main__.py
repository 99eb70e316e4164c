"""`python -m tests.simulation`: run seeds; exit 1 and a report for each that fails. See tests/README.md."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING

from tests.simulation.coverage_of import covered

if TYPE_CHECKING:  # loaded when coverage is being measured
    from tests.simulation.run import Result

#: Then a new process: the web framework keeps something of every application that was made.
SEEDS_PER_PROCESS = 50
#: As shells have it for Ctrl-C.
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every seed passes."""
    options = _parser().parse_args(arguments)
    if options.mutants is not None:
        return _hunt(options.mutants, options.jobs)
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    with covered() if options.coverage else _uncovered():
        return _run(seeds, 1 if options.coverage else options.jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="how many seeds to run")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first of them")
    parser.add_argument("--seed", type=int, metavar="S", help="run this seed alone")
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="processes that run seeds at the same time")
    parser.add_argument("--coverage", action="store_true", help="print the lines that were run; in one process")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="plant bugs (all, or these) and find them")
    return parser


def _hunt(names: Sequence[str], jobs: int) -> int:
    """Exit code 0 if every planted bug is found."""
    from tests.simulation.mutants import MUTANTS, find

    known = [mutant.name for mutant in MUTANTS]
    if unknown := sorted(set(names) - set(known)):
        sys.stderr.write(f"expected names of {', '.join(known)}; got {', '.join(unknown)}\n")
        return 2
    survivors = 0
    sys.stdout.write(f"{'mutant':<38} {'found at':<10} noticed by\n")
    with get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        for found in pool.imap_unordered(find, names or known):
            survivors += not found.seed
            seed = f"seed {found.seed}" if found.seed else "SURVIVED"
            sys.stdout.write(f"{found.name:<38} {seed:<10} {found.by}: {found.said[:120]}\n")
            sys.stdout.flush()
    return 1 if survivors else 0


@contextmanager
def _uncovered() -> Iterator[None]:
    yield


def _run(seeds: Sequence[int], jobs: int) -> int:
    from tests.simulation.run import simulate

    began = time.perf_counter()
    tally = Tally(len(seeds))
    interrupted = False
    try:
        if jobs == 1 or len(seeds) == 1:
            tally.add_all(map(simulate, seeds))
        else:
            # Ctrl-C is for this process, which tells the sum.
            ignoring = (signal.signal, (signal.SIGINT, signal.SIG_IGN))
            with get_context("spawn").Pool(jobs, *ignoring, maxtasksperchild=SEEDS_PER_PROCESS) as pool:
                tally.add_all(pool.imap_unordered(simulate, seeds))
    except KeyboardInterrupt:
        interrupted = True
    tally.summarize(time.perf_counter() - began)
    return 1 if tally.failed else EXIT_INTERRUPTED if interrupted else 0


class Tally:
    """What the seeds told together."""

    def __init__(self, total: int) -> None:
        self.failed: list[int] = []
        self._total = total
        self._done = 0
        self._steps = 0
        self._callbacks = 0
        self._virtual_seconds = 0.0
        self._seconds = 0.0
        self._statuses: Counter[int] = Counter()

    def add_all(self, results: Iterable[Result]) -> None:
        for result in results:
            self._add(result)

    def _add(self, result: Result) -> None:
        self._done += 1
        self._steps += result.steps
        self._callbacks += result.callbacks
        self._virtual_seconds += result.virtual_seconds
        self._seconds += result.seconds
        self._statuses.update(result.statuses)
        if result.report:
            self.failed.append(result.seed)
            sys.stdout.write(f"\n{result.report}\n")
            sys.stdout.flush()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{self._done}/{self._total} seeds, {len(self.failed)} failed ")
            sys.stderr.flush()

    def summarize(self, seconds: float) -> None:
        if not self._done:
            sys.stdout.write("\nno seed was finished\n")
            return
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(self._statuses.items()))
        sys.stdout.write(
            f"\n{self._done} of {self._total} seeds in {seconds:.0f} s, {self._seconds:.0f} s of processor time: "
            f"on one core {self._done / self._seconds * 60:.0f} seeds/min, "
            f"{self._steps / self._seconds:.0f} simulated steps/s "
            f"({self._steps} steps, {self._callbacks} callbacks, {self._virtual_seconds:.0f} virtual seconds); "
            f"answers {answers}\n"
        )
        if self.failed:
            sys.stdout.write(f"failed: {' '.join(map(str, sorted(self.failed)))}\n")


if __name__ == "__main__":
    sys.exit(main())
